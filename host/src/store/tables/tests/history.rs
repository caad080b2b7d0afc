//! Any valid history leaves the tables as the model says, wherever it is flushed and whenever the host stops.

use super::model::{Home, Model};
use super::*;
use crate::store::record::{Emitted, Memory, Migrated, Rejected, Version, Write};
use crate::store::tables::KEPT_MS;
use proptest::prelude::*;
use std::collections::BTreeMap;

const PLACES: [Place<'static>; 4] = [A, Place { space: "a", partition: 1 }, Place { space: "a-b", partition: 0 }, B];
const NAMES: [&str; 3] = ["t", "u", "orders.paid"];
const KEYS: [&[u8]; 4] = [b"", b"k", b"k\0", b"\xff\xff"];

#[derive(Debug, Clone, Copy)]
enum Step {
    Start,
    Accept,
    Consume,
    Handle,
    Fire,
    Ask,
    CatchUp,
    SetBack,
    Bury,
    Exhume,
    Deploy,
    Remember,
    Purge,
    Expire,
    Flush,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<(Step, u64)>> {
    let step = prop_oneof![
        1 => Just(Step::Start),
        6 => Just(Step::Accept),
        8 => Just(Step::Consume),
        4 => Just(Step::Handle),
        4 => Just(Step::Fire),
        6 => Just(Step::Ask),
        2 => Just(Step::CatchUp),
        3 => Just(Step::SetBack),
        4 => Just(Step::Bury),
        4 => Just(Step::Exhume),
        1 => Just(Step::Deploy),
        1 => Just(Step::Remember),
        1 => Just(Step::Purge),
        1 => Just(Step::Expire),
        3 => Just(Step::Flush),
        2 => Just(Step::Reopen),
    ];
    proptest::collection::vec((step, any::<u64>()), 1..80)
}

/// Answers questions about what to do from one number, so that a history shrinks.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        let face = self.0 % sides;
        self.0 = (self.0 / sides) ^ self.0.rotate_left(17);
        face
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }

    fn some<T>(&mut self, most: u64, mut make: impl FnMut(&mut Dice) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    fn outcome(&mut self) -> Outcome<'static> {
        [Outcome::Done(b"ok"), failed(false), failed(true)][self.below(3) as usize].clone()
    }

    fn message(&mut self) -> Message<'static> {
        let kind = self.pick(&[Kind::Command, Kind::Event]);
        let key = self.below(3) as u8;
        let idempotency = (self.below(3) == 0).then_some(Idempotency { key: [key; 32], content: [9; 32] });
        Message { kind, tracked: self.below(3) == 0, idempotency, ..command() }
    }

    fn places(&mut self) -> Vec<Place<'static>> {
        PLACES.into_iter().filter(|_| self.below(2) == 0).collect()
    }
}

/// What the history is about, beside the tables.
#[derive(Clone, Default)]
struct World {
    model: Model,
    started: u64,
    /// Of messages that no record made.
    count: u64,
    time_ms: u64,
}

impl World {
    fn record(&mut self, step: Step, dice: &mut Dice) -> Option<Record<'static>> {
        self.time_ms += dice.below(20);
        let time_ms = self.time_ms;
        Some(match step {
            Step::Start => {
                (self.started, self.count) = (self.model.sequence + 1, 0);
                Record::Started { time_ms }
            }
            Step::Accept => {
                let (to, missed) = (dice.places(), dice.places());
                Record::Accepted { message: dice.message(), to, missed, time_ms }
            }
            Step::Fire => {
                let timers: Vec<_> = self.model.timers.iter().filter(|(_, timer)| !timer.firing).collect();
                let ((home, name), _) = timers.get(dice.below(timers.len().max(1) as u64) as usize)?;
                let message = firing(NAMES.into_iter().find(|known| known == name)?);
                Record::Fired { place: place_of(home)?, message, time_ms }
            }
            Step::CatchUp => {
                let place = dice.pick(&PLACES);
                let (from, last) = *self.model.cut_off.get(&(place.space.to_owned(), place.partition))?;
                let next = from + dice.below(last + 2 - from);
                // Only what lies before `next` was read, so that no event is read twice.
                let read = (next > from).then(|| (id(from, 77), dice.message()));
                Record::CaughtUp { place, events: Vec::from_iter(read), next, live: dice.below(2) == 0 }
            }
            Step::Consume => {
                let (place, id) = one_of(&self.model.pending, dice)?;
                self.turn(place, Consumed::Pending(id), dice)
            }
            Step::Handle | Step::Ask => {
                let consumed = self.direct(step, dice);
                let place = dice.pick(&PLACES);
                self.turn(place, consumed, dice)
            }
            Step::SetBack => {
                let (place, message) = one_of(&self.model.pending, dice)?;
                Record::Setback { place, message, attempt: dice.below(5) as u32, due_ms: time_ms + dice.below(9) }
            }
            Step::Bury => {
                let pending = one_of(&self.model.pending, dice).filter(|_| dice.below(3) > 0);
                let (place, message) = match pending {
                    Some((place, id)) => (place, Consumed::Pending(id)),
                    None => (dice.pick(&PLACES), self.direct(Step::Handle, dice)),
                };
                Record::Buried { place, message, attempts: 5, failure: failure(true), time_ms }
            }
            Step::Exhume => {
                let (place, message) = one_of(&self.model.dead_letters, dice)?;
                Record::Exhumed { place, message, retry: dice.below(3) > 0 }
            }
            Step::Deploy => self.deployment(dice),
            Step::Remember => {
                let rejected = Rejected { digest: "d", settings: [3; 32], reason: "no" };
                let rejected = (dice.below(2) == 0).then_some(rejected);
                let memory = Memory { rejected, rolled_back: dice.some(2, |dice| dice.pick(&NAMES)) };
                Record::Remembered { space: dice.pick(&PLACES).space, memory }
            }
            Step::Purge => Record::Purged { space: dice.pick(&PLACES).space },
            Step::Expire | Step::Flush | Step::Reopen => return None,
        })
    }

    fn direct(&mut self, step: Step, dice: &mut Dice) -> Consumed<'static> {
        self.count += 1;
        let id = id(self.started, self.count);
        let message = match step {
            Step::Handle => dice.message(),
            _ => return self.request(id, dice),
        };
        Consumed::Direct { id, message, request: None }
    }

    /// From a message that waits, a dead letter (its reply comes late), or one that no record made yet.
    fn request(&self, of: MessageId, dice: &mut Dice) -> Consumed<'static> {
        let unrecorded =
            (dice.pick(&PLACES), id(self.started, (self.count + 1 + dice.below(2)) | (dice.below(2) << 63)));
        let caller = match dice.below(4) {
            0 => None,
            1 => one_of(&self.model.dead_letters, dice),
            _ => one_of(&self.model.pending, dice),
        };
        let (place, caller) = caller.unwrap_or(unrecorded);
        let request =
            RequestId { caller, ordinal: dice.below(3) as u32, digest: [dice.below(9) as u8; 32], now_ms: None };
        let message = Message { sender: Sender::Partition(place), ..command() };
        Consumed::Direct { id: of, message, request: Some(request) }
    }

    fn turn(&self, place: Place<'static>, message: Consumed<'static>, dice: &mut Dice) -> Record<'static> {
        let outcome = dice.outcome();
        let turn = Turn { place, outcome, time_ms: self.time_ms, ..turn(message) };
        let (writes, emitted, timers) = self.effects(dice);
        Record::Turn(Turn { writes, emitted, timers, ..turn })
    }

    fn effects(&self, dice: &mut Dice) -> (Vec<Write<'static>>, Vec<Emitted<'static>>, Vec<TimerChange<'static>>) {
        let value = |dice: &mut Dice| dice.pick(&[None, Some(&b""[..]), Some(b"1"), Some(b"22")]);
        let writes = dice.some(2, |dice| Write { key: dice.pick(&KEYS), value: value(dice) });
        let emitted = dice.some(2, |dice| {
            let (to, missed) = (dice.places(), if dice.below(4) == 0 { dice.places() } else { Vec::new() });
            Emitted { message: dice.message(), to, missed }
        });
        let now = self.time_ms;
        let timers = dice.some(2, |dice| match (dice.pick(&NAMES), dice.below(3)) {
            (name, 0) => TimerChange::Cancel { name },
            (name, 1) => set(name, now + dice.below(30), Some(1 + dice.below(9))),
            (name, _) => set(name, now + dice.below(30), None),
        });
        (writes, emitted, timers)
    }

    fn deployment(&self, dice: &mut Dice) -> Record<'static> {
        let migrated = [0, 1].map(|partition| {
            let (writes, emitted, timers) = self.effects(dice);
            let encoded = Migrated { partition, writes, emitted, timers }.encode();
            &*encoded.leak()
        });
        let version = Version {
            version: "1",
            digest: "d",
            generation: dice.below(9),
            partitions: 2,
            subscriptions: vec!["orders.*"],
        };
        let space = dice.pick(&PLACES).space;
        Record::Deployed { space, version, migrated: migrated.to_vec(), time_ms: self.time_ms }
    }
}

fn one_of<T>(messages: &BTreeMap<(Home, MessageId), T>, dice: &mut Dice) -> Option<(Place<'static>, MessageId)> {
    let count = messages.len() as u64;
    let ((home, id), _) = messages.iter().nth(dice.below(count.max(1)) as usize)?;
    Some((place_of(home)?, *id))
}

fn place_of(home: &Home) -> Option<Place<'static>> {
    PLACES.into_iter().find(|place| (place.space, place.partition) == (home.0.as_str(), home.1))
}

fn live(steps: Vec<(Step, u64)>) -> Result<(), TestCaseError> {
    let (mut desk, mut world) = (Desk::new(), World::default());
    let mut on_disk = world.clone();
    for (step, number) in steps {
        match step {
            Step::Flush => desk.flush(),
            Step::Expire => {
                desk.flush();
                let now_ms = world.time_ms + KEPT_MS - 10;
                desk.tables.expire(now_ms).unwrap();
                world.model.expire(now_ms);
                // The sequence has not moved, but what expired goes to disk as well.
                desk.flush();
            }
            Step::Reopen => {
                desk = desk.reopen();
                world = on_disk.clone();
            }
            _ => {
                if let Some(record) = world.record(step, &mut Dice(number)) {
                    desk.apply(record.clone());
                    world.model.apply(&record);
                }
            }
        }
        if desk.tables.sequence() == world.model.sequence {
            on_disk = world.clone();
        }
        prop_assert_eq!(desk.image(), world.model.image(), "after {:?}", step);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn any_history_adds_up_to_what_the_model_says(steps in steps()) {
        live(steps)?;
    }
}
