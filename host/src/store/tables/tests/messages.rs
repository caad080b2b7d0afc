//! Messages: pending from the record that made them to the one that consumed them.

use super::*;
use crate::store::record::{Migrated, Version, Write};
use crate::store::tables::image;

#[test]
fn an_accepted_message_is_pending_at_each_place() {
    let mut desk = Desk::new();
    let sequence = desk.apply(accepted(event(), vec![A, B]));
    let image = desk.image();
    for place in [A, B] {
        let pending = &image.spaces[place.space].partitions[&place.partition].pending[&id(sequence, 0)];
        assert_eq!(pending.message, event().into());
        assert_eq!((pending.attempts, pending.due_ms, pending.retried), (0, None, false));
    }
}

#[test]
fn an_event_that_nobody_subscribes_to_leaves_nothing() {
    let mut desk = Desk::new();
    desk.apply(accepted(event(), vec![]));
    assert_eq!(desk.image(), Image { sequence: 1, ..Image::default() });
}

#[test]
fn a_turn_consumes_its_message_at_its_own_place_only() {
    let mut desk = Desk::new();
    let sequence = desk.apply(accepted(event(), vec![A, B]));
    desk.apply(Record::Turn(turn(Consumed::Pending(id(sequence, 0)))));
    assert_eq!(desk.at_a(), Partition::default());
    assert!(desk.image().spaces[B.space].partitions[&B.partition].pending.contains_key(&id(sequence, 0)));
}

#[test]
fn what_a_turn_emits_is_pending_under_its_sequence_and_place_in_the_list() {
    let mut desk = Desk::new();
    let messages = vec![emitted(event(), vec![]), emitted(command(), vec![A])];
    let sequence = desk.apply(Record::Turn(Turn { emitted: messages, ..turn(direct(command())) }));
    assert_eq!(desk.at_a().pending.into_keys().collect::<Vec<_>>(), [id(sequence, 1)]);
}

#[test]
fn a_turn_writes_and_deletes_keys_of_its_own_partition() {
    let mut desk = Desk::new();
    let write = |key, value| Write { key, value };
    let writes = vec![write(b"x", Some(&b"1"[..])), write(b"y", Some(b"2"))];
    desk.apply(Record::Turn(Turn { writes, ..turn(direct(command())) }));
    desk.flush();
    let writes = vec![write(b"x", None), write(b"y", Some(&b"3"[..]))];
    desk.apply(Record::Turn(Turn { writes, ..turn(direct(command())) }));
    assert_eq!(desk.at_a().state, [(b"y".to_vec(), "3".into())].into());
}

#[test]
fn a_turn_that_consumes_what_is_not_pending_is_an_inconsistency() {
    for flushed in [false, true] {
        let mut desk = Desk::new();
        let message = desk.accept(command());
        desk.apply(Record::Turn(turn(Consumed::Pending(message))));
        if flushed {
            desk.flush();
        }
        let error = desk.try_apply(Record::Turn(turn(Consumed::Pending(message)))).unwrap_err();
        let text =
            "record 3 names a message that is not in table `pending`: a/0 1-0; the journal and the tables disagree";
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_setback_counts_attempts_and_notes_when_the_next_one_is_due() {
    for flushed in [false, true] {
        let mut desk = Desk::new();
        let message = desk.accept(command());
        if flushed {
            desk.flush();
        }
        desk.apply(Record::Setback { place: A, message, attempt: 2, due_ms: 900 });
        let pending = desk.at_a().pending.remove(&message).unwrap();
        assert_eq!((pending.attempts, pending.due_ms), (2, Some(900)));
        assert_eq!(pending.message, command().into());
    }
}

#[test]
fn a_setback_of_what_is_not_pending_is_an_inconsistency() {
    let mut desk = Desk::new();
    let setback = Record::Setback { place: A, message: id(0, 0), attempt: 2, due_ms: 900 };
    assert!(matches!(desk.try_apply(setback), Err(TablesError::Missing { table: "pending", .. })));
}

#[test]
fn a_deployment_takes_effect_in_all_partitions_and_numbers_their_messages_through() {
    let mut desk = Desk::new();
    let migrated = |partition| Migrated {
        partition,
        writes: vec![Write { key: b"k", value: Some(b"v") }],
        emitted: vec![emitted(event(), vec![A]), emitted(event(), vec![A])],
        timers: vec![set("t", 10, None)],
    };
    let (first, second) = (migrated(0).encode(), migrated(1).encode());
    let version =
        Version { version: "1.2.0", digest: "abc", generation: 3, partitions: 2, subscriptions: vec!["orders.*"] };
    let deployed = Record::Deployed { space: "a", version, migrated: vec![&first, &second], time_ms: 1 };
    let sequence = desk.apply(deployed);
    let space = &desk.image().spaces["a"];
    assert_eq!(space.version.as_ref().map(|version| version.generation), Some(3));
    let pending = space.partitions[&0].pending.keys().copied().collect::<Vec<_>>();
    assert_eq!(pending, [id(sequence, 0), id(sequence, 1), id(sequence, 2), id(sequence, 3)]);
    for partition in 0..2 {
        assert_eq!(space.partitions[&partition].state[&b"k"[..]], "v");
        assert_eq!(space.partitions[&partition].timers["t"].due_ms, 10);
    }
}

#[test]
fn a_purge_leaves_nothing_of_the_space_and_all_of_others() {
    let mut desk = Desk::new();
    let version = Version { version: "1", digest: "d", generation: 1, partitions: 1, subscriptions: vec!["orders.*"] };
    desk.apply(Record::Deployed { space: "a", version, migrated: vec![], time_ms: 1 });
    let caller = desk.accept(command());
    desk.apply(Record::Turn(Turn { place: B, ..turn(request(caller, 0)) }));
    desk.flush();
    desk.apply(accepted(event(), vec![A, B]));
    desk.apply(buried(A, direct(command())));
    let writes = vec![Write { key: b"k", value: Some(b"v") }];
    desk.apply(Record::Turn(Turn { writes, timers: vec![set("t", 1, None)], ..turn(direct(command())) }));
    let purged = desk.apply(Record::Purged { space: "a" });
    assert_eq!(desk.tables.sequence(), purged, "it is on disk at once");
    for desk in [&desk, &desk] {
        assert_eq!(desk.image().spaces.into_keys().collect::<Vec<_>>(), ["b"]);
    }
    assert_eq!(desk.reopen().image().spaces.into_keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_space_of_a_longer_name_survives_a_purge() {
    let mut desk = Desk::new();
    let longer = Place { space: "a-b", partition: 0 };
    desk.apply(accepted(event(), vec![A, longer]));
    desk.apply(Record::Purged { space: "a" });
    assert_eq!(desk.image().spaces.into_keys().collect::<Vec<_>>(), ["a-b"]);
}

#[test]
fn messages_come_in_the_order_of_their_ids() {
    let mut desk = Desk::new();
    let ids: Vec<MessageId> = (0..300).map(|_| desk.accept(command())).collect();
    desk.flush();
    assert_eq!(desk.at_a().pending.into_keys().collect::<Vec<_>>(), ids);
}

#[test]
fn a_message_is_kept_with_all_that_belongs_to_it() {
    let mut desk = Desk::new();
    let sent = Message { sender: Sender::Partition(B), ..with_key(tracked()) };
    let message = desk.accept(sent.clone());
    let kept = desk.at_a().pending.remove(&message).unwrap().message;
    assert_eq!(kept.sender, image::Sender::Partition { space: "b".into(), partition: 2 });
    assert_eq!(kept, sent.into());
}
