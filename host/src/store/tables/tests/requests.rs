//! Requests: replies are recorded under their caller until the caller is done with.

use super::*;
use crate::store::tables::image;
use crate::store::tables::keys::{self, Table};

/// B answers the request of A's message.
fn reply(desk: &mut Desk, caller: MessageId, ordinal: u32, outcome: Outcome<'_>) {
    desk.apply(Record::Turn(Turn { place: B, outcome, ..turn(request(caller, ordinal)) }));
}

fn ordinals(desk: &Desk, caller: MessageId) -> Vec<u32> {
    desk.at_a().pending[&caller].replies.keys().copied().collect()
}

#[test]
fn a_reply_is_recorded_under_its_caller_and_ordinal_with_its_digest() {
    let mut desk = Desk::new();
    let caller = desk.accept(command());
    reply(&mut desk, caller, 1, Outcome::Done(b"yes"));
    let reply = image::Reply { digest: [9; 32], now_ms: Some(7), outcome: image::Outcome::Done("yes".into()) };
    assert_eq!(desk.at_a().pending[&caller].replies, [(1, reply)].into());
}

#[test]
fn a_final_failure_is_recorded_and_a_passing_one_is_not() {
    let mut desk = Desk::new();
    let caller = desk.accept(command());
    reply(&mut desk, caller, 0, failed(false));
    reply(&mut desk, caller, 1, failed(true));
    assert_eq!(ordinals(&desk, caller), [0]);
}

#[test]
fn replies_go_when_their_caller_is_consumed_flushed_or_not() {
    let mut desk = Desk::new();
    let caller = desk.accept(command());
    reply(&mut desk, caller, 0, Outcome::Done(b""));
    desk.flush();
    let mut desk = desk.reopen();
    reply(&mut desk, caller, 1, Outcome::Done(b""));
    assert_eq!(ordinals(&desk, caller), [0, 1]);
    desk.apply(Record::Turn(turn(Consumed::Pending(caller))));
    desk.flush();
    let rows = desk.tables.layers.keys_on_disk(Table::Replies).count();
    assert_eq!(rows, 0);
}

#[test]
fn a_reply_that_replaced_one_on_disk_goes_with_it() {
    let mut desk = Desk::new();
    let caller = desk.accept(command());
    reply(&mut desk, caller, 0, Outcome::Done(b"to what was asked first"));
    desk.flush();
    reply(&mut desk, caller, 0, Outcome::Done(b"to something else"));
    desk.apply(Record::Turn(turn(Consumed::Pending(caller))));
    desk.flush();
    assert_eq!(desk.tables.layers.keys_on_disk(Table::Replies).count(), 0);
}

#[test]
fn a_reply_that_comes_after_its_caller_was_done_with_does_not_bring_back_the_one_on_disk() {
    let mut desk = Desk::new();
    let asked = id(1, 1 << 63);
    let done = |id| Record::Turn(turn(Consumed::Direct { id, message: command(), request: None }));
    reply(&mut desk, asked, 0, Outcome::Done(b""));
    desk.flush();
    desk.apply(done(asked));
    reply(&mut desk, asked, 0, Outcome::Done(b"late"));
    desk.apply(done(asked));
    assert!(desk.image().asked.is_empty());
    desk.flush();
    assert_eq!(desk.tables.layers.keys_on_disk(Table::Replies).count(), 0);
}

#[test]
fn what_nobody_can_ask_for_again_is_not_kept() {
    let mut desk = Desk::new();
    reply(&mut desk, id(0, 1), 0, Outcome::Done(b"for a client that waits"));
    let gave_up = desk.accept(command());
    desk.apply(Record::Turn(turn(Consumed::Pending(gave_up))));
    reply(&mut desk, gave_up, 0, Outcome::Done(b"too late"));
    desk.flush();
    assert_eq!(desk.tables.layers.keys_on_disk(Table::Replies).count(), 0);
}

#[test]
fn replies_outlive_setbacks() {
    let mut desk = Desk::new();
    let caller = desk.accept(command());
    reply(&mut desk, caller, 0, Outcome::Done(b""));
    desk.apply(Record::Setback { place: A, message: caller, attempt: 1, due_ms: 9 });
    assert_eq!(ordinals(&desk, caller), [0]);
}

#[test]
fn each_subscriber_of_an_event_has_the_replies_that_it_got_itself() {
    let mut desk = Desk::new();
    let caller = id(desk.apply(accepted(event(), vec![A, B])), 0);
    reply(&mut desk, caller, 0, Outcome::Done(b"for a"));
    assert!(desk.image().spaces["b"].partitions[&2].pending[&caller].replies.is_empty());
    desk.apply(Record::Turn(Turn { place: B, ..turn(Consumed::Pending(caller)) }));
    assert_eq!(ordinals(&desk, caller), [0]);
}

#[test]
fn what_a_caller_got_that_was_itself_asked_is_kept_as_long_as_the_first_caller_waits() {
    let mut desk = Desk::new();
    let first = desk.accept(command());
    let asked = id(first.sequence, 1 << 63);
    reply(&mut desk, asked, 0, Outcome::Done(b"for the one between"));
    desk.flush();
    desk.apply(Record::Started { time_ms: 1 });
    let caller = image::Asked { space: A.space.to_owned(), partition: A.partition, message: asked };
    assert_eq!(desk.image().asked[&caller].keys().collect::<Vec<_>>(), [&0]);
    desk.apply(Record::Turn(turn(Consumed::Pending(first))));
    desk.apply(Record::Started { time_ms: 2 });
    assert!(desk.image().asked.is_empty());
}

#[test]
fn a_reply_to_a_caller_that_is_gone_is_forgotten_at_the_next_start() {
    let mut desk = Desk::new();
    let there = desk.accept(command());
    reply(&mut desk, there, 0, Outcome::Done(b""));
    reply(&mut desk, id(0, 1 << 63), 0, Outcome::Done(b"for one who was asked by nobody who is left"));
    desk.flush();
    assert_eq!(desk.image().asked.len(), 1);
    desk.apply(Record::Started { time_ms: 1 });
    desk.flush();
    assert!(desk.image().asked.is_empty());
    assert_eq!(desk.tables.layers.keys_on_disk(Table::Replies).count(), 1);
    assert_eq!(ordinals(&desk.reopen(), there), [0]);
}

#[test]
fn a_request_that_no_partition_made_is_refused() {
    let mut desk = Desk::new();
    let Consumed::Direct { id, request, .. } = request(id(1, 0), 0) else { unreachable!() };
    let asked_by_nobody = Consumed::Direct { id, message: command(), request };
    let error = desk.try_apply(Record::Turn(turn(asked_by_nobody))).unwrap_err();
    assert!(matches!(error, TablesError::Unasked { sequence: 1 }));
}

#[test]
fn a_request_and_its_reply_between_two_flushes_never_reach_the_disk() {
    let mut desk = Desk::new();
    let caller = desk.accept(command());
    reply(&mut desk, caller, 0, Outcome::Done(b""));
    desk.apply(Record::Turn(turn(Consumed::Pending(caller))));
    assert_eq!(desk.tables.layers.overlay_bytes(), 0);
    assert!(desk.tables.overlay_bytes() > 0, "the sequence has moved all the same");
    assert!(desk.tables.layers.get(&keys::message(Table::Pending, A, caller)).unwrap().is_none());
}
