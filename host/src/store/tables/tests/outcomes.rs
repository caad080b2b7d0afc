//! What clients may ask for later: the outcomes of tracked messages and of Idempotency-Keys.

use super::*;
use crate::store::tables::{KEPT_MS, image};

#[test]
fn the_outcome_of_a_tracked_message_is_kept_whatever_it_is() {
    for outcome in [Outcome::Done(b"yes"), failed(false), failed(true)] {
        let mut desk = Desk::new();
        let message = desk.accept(tracked());
        assert!(desk.image().outcomes.is_empty());
        desk.apply(Record::Turn(Turn { outcome: outcome.clone(), ..turn(Consumed::Pending(message)) }));
        let ended = image::Ended { outcome: outcome.into(), time_ms: 100 };
        assert_eq!(desk.image().outcomes, [(message, ended)].into());
    }
}

#[test]
fn an_idempotency_key_gets_what_the_turn_of_its_waiting_command_came_to_if_that_is_final() {
    for (outcome, kept) in [(Outcome::Done(b"yes"), true), (failed(false), true), (failed(true), false)] {
        let mut desk = Desk::new();
        let message = direct(with_key(command()));
        desk.apply(Record::Turn(Turn { outcome: outcome.clone(), ..turn(message) }));
        let answer = image::Answer::Ended(outcome.into());
        let answered = image::Answered { content: [2; 32], answer, time_ms: 100 };
        assert_eq!(desk.image().idempotency.remove(&[1; 32]), kept.then_some(answered));
    }
}

#[test]
fn the_key_of_an_accepted_message_is_answered_with_its_id_whatever_becomes_of_it() {
    for message in [command(), event()] {
        let mut desk = Desk::new();
        let message = desk.accept(with_key(message));
        let answered = desk.image().idempotency;
        let first = image::Answered { content: [2; 32], answer: image::Answer::Accepted(message), time_ms: 1 };
        assert_eq!(answered, [([1; 32], first)].into());
        desk.apply(Record::Turn(Turn { outcome: failed(false), ..turn(Consumed::Pending(message)) }));
        assert_eq!(desk.image().idempotency, answered);
    }
}

#[test]
fn a_key_that_is_used_again_has_the_later_answer() {
    let mut desk = Desk::new();
    for reply in [b"1", b"2"] {
        let outcome = Outcome::Done(reply);
        desk.apply(Record::Turn(Turn { outcome, ..turn(direct(with_key(command()))) }));
    }
    let last = image::Answer::Ended(image::Outcome::Done("2".into()));
    assert_eq!(desk.image().idempotency[&[1; 32]].answer, last);
}

#[test]
fn outcomes_and_keys_expire_after_a_day_and_not_before() {
    let mut desk = Desk::new();
    let message = desk.accept(tracked());
    desk.apply(Record::Turn(turn(Consumed::Pending(message))));
    desk.apply(Record::Turn(turn(direct(with_key(command())))));
    desk.flush();
    assert!(!desk.tables.expire(100 + KEPT_MS).unwrap());
    assert_eq!((desk.image().outcomes.len(), desk.image().idempotency.len()), (1, 1));
    assert!(!desk.tables.expire(101 + KEPT_MS).unwrap());
    assert_eq!((desk.image().outcomes.len(), desk.image().idempotency.len()), (0, 0));
    desk.flush();
    let reopened = desk.reopen().image();
    assert_eq!((reopened.outcomes.len(), reopened.idempotency.len()), (0, 0));
}

#[test]
fn expiry_removes_no_more_at_once_than_it_may_and_says_that_there_is_more() {
    let mut desk = Desk::new();
    for _ in 0..3 {
        desk.apply(Record::Turn(turn(direct(with_key(command())))));
    }
    desk.flush();
    let layers = &mut desk.tables.layers;
    let mut expire = || layers.remove_older(crate::store::tables::keys::Table::Idempotency, 101, 2).unwrap();
    assert!(expire());
    assert!(!expire());
    assert!(desk.image().idempotency.is_empty());
}
