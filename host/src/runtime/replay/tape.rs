//! The tape: the last turns of a space as the journal has them, and the former values that lead back to before them.
//!
//! Owns which turns can be told again. They end, going back, where the version that serves began, where the space was purged,
//! where a turn has left no former values, where the journal ends, and at bounds of number and bytes. Must not know
//! how they are told. Fails when the journal does not read, or when the space became another while it was looked at.

use super::ReplayError;
use super::effects::{Taped, Writes, written};
use crate::runtime::history::HistoryError;
use crate::runtime::past;
use crate::store::journal::{JournalError, Reader};
use crate::store::record::{self, Record};
use crate::words::Message;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

/// How far back a look begins, in records; ten times as far whenever that finds too few.
const FIRST_LOOK: u64 = 10_000;
/// No look goes back further: a space that has hardly ever had a turn must not have all of the journal read.
const LAST_LOOK: u64 = 1_000_000;
/// Turns are held in memory, as large as their records.
const MOST_BYTES: usize = 64 << 20;

/// Which turns are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub space: String,
    /// The generation that serves.
    pub generation: u64,
    pub turns: usize,
    /// No turn after this one.
    pub at: u64,
    /// But the former values of those up to this one.
    pub until: u64,
}

#[derive(Debug, Default)]
pub struct Tape {
    /// Oldest first.
    pub turns: VecDeque<Arc<Taped>>,
    /// Former values of later turns: sequence, partition, values; oldest first.
    pub later: Vec<(u64, u32, Writes)>,
    /// Turns that were wanted, and for which there was no room.
    pub left_out: u64,
    /// Why there are no more turns.
    pub end: Option<String>,
}

/// Reads the tape.
pub fn read(journal: &Path, wanted: &Wanted) -> Result<Tape, ReplayError> {
    let mut depth = FIRST_LOOK;
    loop {
        let from = wanted.at.saturating_sub(depth).max(1);
        let mut scan = Scan::new(wanted);
        let begin = scan.run(journal, from)?;
        let all = begin == 1 || begin != from || depth >= LAST_LOOK;
        if let Some(tape) = scan.finish(all, begin) {
            return Ok(tape);
        }
        depth = depth.saturating_mul(10);
    }
}

struct Scan<'w> {
    wanted: &'w Wanted,
    tape: Tape,
    /// Record bytes of each turn on the tape.
    weights: VecDeque<usize>,
    bytes: usize,
    later_bytes: usize,
    /// Turns since the last boundary.
    eligible: u64,
    /// As the last deployment that was seen says.
    generation: Option<u64>,
    /// Nothing says which version the turns before this one had.
    unsure_before: u64,
}

impl<'w> Scan<'w> {
    fn new(wanted: &'w Wanted) -> Self {
        Scan {
            wanted,
            tape: Tape::default(),
            weights: VecDeque::new(),
            bytes: 0,
            later_bytes: 0,
            eligible: 0,
            generation: None,
            unsure_before: 0,
        }
    }

    /// Takes all records in; answers where it has begun, as not all of them may be kept.
    fn run(&mut self, journal: &Path, from: u64) -> Result<u64, ReplayError> {
        let (mut reader, mut begin) = (Reader::new(journal, from), from);
        loop {
            match reader.next(self.wanted.until) {
                Ok(Some((sequence, encoded))) => {
                    let record = Record::decode(encoded).map_err(unreadable)?;
                    self.take(sequence, record, encoded.len())?;
                }
                Ok(None) => return Ok(begin),
                Err(JournalError::Gone { first }) if first > begin => {
                    // What was taken in before is older than what has been retired meanwhile.
                    *self = Scan::new(self.wanted);
                    (reader, begin) = (Reader::new(journal, first), first);
                }
                Err(error) => return Err(HistoryError::from(error).into()),
            }
        }
    }

    fn take(&mut self, sequence: u64, record: Record<'_>, bytes: usize) -> Result<(), ReplayError> {
        match record {
            Record::Turn(turn) if turn.place.space == self.wanted.space => self.turn(sequence, turn, bytes),
            Record::Deployed { space, version, .. } if space == self.wanted.space => {
                self.deployed(sequence, version.generation)
            }
            Record::Purged { space } if space == self.wanted.space => {
                self.generation = None;
                self.boundary(sequence, || "the space was purged".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn turn(&mut self, sequence: u64, turn: record::Turn<'_>, bytes: usize) -> Result<(), ReplayError> {
        if turn.writes.len() != turn.former.len() {
            let why = || format!("turn {sequence} left no former values: `replay_messages` was 0");
            return self.boundary(sequence, why);
        }
        if sequence > self.wanted.at {
            self.later_bytes += bytes;
            if self.later_bytes > MOST_BYTES {
                return Err(ReplayError::Changed);
            }
            self.tape.later.push((sequence, turn.place.partition, written(&turn.former)));
            return Ok(());
        }
        self.eligible += 1;
        self.bytes += bytes;
        self.weights.push_back(bytes);
        self.tape.turns.push_back(Arc::new(Taped::of(sequence, turn)));
        while self.tape.turns.len() > self.wanted.turns || self.bytes > MOST_BYTES {
            self.tape.turns.pop_front();
            self.bytes -= self.weights.pop_front().unwrap_or_default();
        }
        Ok(())
    }

    /// The same generation again is a restart of the host.
    fn deployed(&mut self, sequence: u64, generation: u64) -> Result<(), ReplayError> {
        match self.generation.replace(generation) {
            Some(known) if known == generation => Ok(()),
            Some(known) => self.boundary(sequence, || format!("generation {known} served before turn {sequence}")),
            None => {
                self.unsure_before = sequence;
                Ok(())
            }
        }
    }

    /// What was before says nothing. After the moment that is looked at it must not happen.
    fn boundary(&mut self, sequence: u64, why: impl FnOnce() -> String) -> Result<(), ReplayError> {
        if sequence > self.wanted.at {
            return Err(ReplayError::Changed);
        }
        let generation = self.generation;
        *self = Scan { generation, ..Scan::new(self.wanted) };
        self.tape.end = Some(why());
        Ok(())
    }

    /// The tape; none when a deeper look would find more. `all`: there is nothing deeper.
    fn finish(mut self, all: bool, begin: u64) -> Option<Tape> {
        if self.generation.is_some_and(|generation| generation != self.wanted.generation) {
            // No turn that is kept is this version's.
            self.tape.turns.clear();
            self.eligible = 0;
        }
        let is_sure = self.tape.turns.front().is_none_or(|oldest| oldest.sequence > self.unsure_before);
        let enough = self.eligible >= self.wanted.turns as u64 || self.tape.end.is_some();
        let found = enough && is_sure;
        if !(all || found) {
            return None;
        }
        if !is_sure {
            self.tape.turns.retain(|turn| turn.sequence > self.unsure_before);
            self.eligible = self.tape.turns.len() as u64;
            let before = self.unsure_before;
            self.tape.end = Some(format!("nothing says which generation served before turn {before}"));
        }
        let wanted = self.eligible.min(self.wanted.turns as u64);
        self.tape.left_out = wanted - self.tape.turns.len() as u64;
        if all && begin > 1 && self.tape.end.is_none() && wanted < self.wanted.turns as u64 {
            self.tape.end = Some(format!("the journal was read from {begin} on"));
        }
        Some(self.tape)
    }
}

/// The messages of recorded turns, as they are asked for.
pub struct Messages(Reader);

impl Messages {
    pub fn new(journal: &Path) -> Self {
        Messages(Reader::new(journal, 1))
    }

    /// None: the record that has made it is not kept any more.
    pub fn of(&mut self, taped: &Taped) -> Option<Message> {
        let message = match &taped.direct {
            Some(message) => message.clone(),
            None => {
                let record = Record::decode(self.0.get(taped.id.sequence).ok()?).ok()?;
                record.made(taped.id.ordinal)?.into()
            }
        };
        Some(past::message_of(taped.id, message))
    }
}

fn unreadable(error: record::RecordError) -> ReplayError {
    HistoryError::Unreadable(error.to_string()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::{Consumed, MessageId, Outcome, Place, Turn, Version, Write};

    fn wanted(turns: usize) -> Wanted {
        Wanted { space: "a".into(), generation: 2, turns, at: 100, until: 110 }
    }

    fn turn(space: &'static str, former: bool) -> Record<'static> {
        let writes = vec![Write { key: b"k", value: Some(b"1") }];
        Record::Turn(Turn {
            place: Place { space, partition: 0 },
            message: Consumed::Pending(MessageId { sequence: 1, ordinal: 0 }),
            attempt: 1,
            outcome: Outcome::Done(b""),
            now_ms: None,
            time_ms: 0,
            former: if former { vec![Write { key: b"k", value: None }] } else { Vec::new() },
            writes,
            emitted: Vec::new(),
            timers: Vec::new(),
            requests: Vec::new(),
            refused: Vec::new(),
            refused_more: 0,
            depends_on: 0,
        })
    }

    fn deployed(generation: u64) -> Record<'static> {
        let version = Version { version: "1", digest: "d", generation, partitions: 1, subscriptions: Vec::new() };
        Record::Deployed { space: "a", version, migrated: Vec::new(), time_ms: 0 }
    }

    /// Takes these records in, and answers the turns that can be told again.
    fn tell(wanted: &Wanted, all: bool, records: &[(u64, Record<'static>)]) -> Option<Vec<u64>> {
        let mut scan = Scan::new(wanted);
        for (sequence, record) in records {
            scan.take(*sequence, record.clone(), 100).unwrap();
        }
        let tape = scan.finish(all, if all { 1 } else { 50 })?;
        Some(tape.turns.iter().map(|turn| turn.sequence).collect())
    }

    #[test]
    fn the_last_turns_of_the_space_are_told_and_no_others() {
        let records = [(60, turn("a", true)), (61, turn("b", true)), (62, turn("a", true)), (63, turn("a", true))];
        assert_eq!(tell(&wanted(2), false, &records), Some(vec![62, 63]));
        assert_eq!(tell(&wanted(5), false, &records), None, "there may be more further back");
        assert_eq!(tell(&wanted(5), true, &records), Some(vec![60, 62, 63]));
    }

    #[test]
    fn turns_of_another_generation_end_the_tape_and_a_restart_does_not() {
        let begin = [(60, deployed(1)), (61, turn("a", true)), (62, deployed(2)), (63, turn("a", true))];
        let restarted = [&begin[..], &[(64, deployed(2)), (65, turn("a", true))]].concat();
        assert_eq!(tell(&wanted(9), false, &restarted), Some(vec![63, 65]));
        let unsure = [(61, turn("a", true)), (62, deployed(2)), (63, turn("a", true))];
        assert_eq!(tell(&wanted(2), false, &unsure), None, "which version had 61 lies further back");
        assert_eq!(tell(&wanted(1), false, &unsure), Some(vec![63]));
        assert_eq!(tell(&wanted(2), true, &unsure), Some(vec![63]));
    }

    #[test]
    fn a_purge_and_a_turn_without_former_values_end_the_tape() {
        let purged =
            [(60, turn("a", true)), (61, Record::Purged { space: "a" }), (62, deployed(2)), (63, turn("a", true))];
        assert_eq!(tell(&wanted(9), true, &purged), Some(vec![63]));
        let unrecorded = [(60, turn("a", true)), (61, turn("a", false)), (63, turn("a", true))];
        assert_eq!(tell(&wanted(9), false, &unrecorded), Some(vec![63]));
    }

    #[test]
    fn what_happens_after_the_moment_is_kept_for_undoing_and_a_change_of_version_is_not_looked_over() {
        let wanted = wanted(9);
        let mut scan = Scan::new(&wanted);
        scan.take(99, deployed(2), 1).unwrap();
        scan.take(100, turn("a", true), 1).unwrap();
        scan.take(101, turn("a", true), 1).unwrap();
        assert!(matches!(scan.take(102, deployed(3), 1), Err(ReplayError::Changed)));
        let tape = scan.finish(true, 1).unwrap();
        assert_eq!(tape.later.iter().map(|later| later.0).collect::<Vec<_>>(), [101]);
    }
}
