//! Dead letters: buried, retried, dropped.

use super::*;
use crate::store::tables::image;

#[test]
fn a_buried_message_moves_whole_from_pending_to_the_dead_letters() {
    let mut desk = Desk::new();
    let message = desk.accept(command());
    desk.apply(buried(A, Consumed::Pending(message)));
    let place = desk.at_a();
    assert!(place.pending.is_empty());
    let letter = &place.dead_letters[&message];
    assert_eq!((&letter.message, letter.attempts, letter.time_ms), (&command().into(), 5, 50));
    assert_eq!(letter.failure, failure(true).into());
}

#[test]
fn a_message_that_no_record_made_is_buried_as_the_record_has_it() {
    let mut desk = Desk::new();
    desk.apply(buried(A, direct(command())));
    assert_eq!(desk.at_a().dead_letters[&id(0, 1)].message, command().into());
}

#[test]
fn a_burial_of_what_is_not_pending_is_an_inconsistency() {
    let mut desk = Desk::new();
    let error = desk.try_apply(buried(A, Consumed::Pending(id(0, 0)))).unwrap_err();
    assert!(matches!(error, TablesError::Missing { table: "pending", .. }));
}

#[test]
fn the_burial_of_a_tracked_message_is_its_outcome() {
    let mut desk = Desk::new();
    let message = desk.accept(tracked());
    desk.apply(buried(A, Consumed::Pending(message)));
    let image = desk.image();
    assert_eq!(image.outcomes[&message].outcome, image::Outcome::Failed(failure(true).into()));
}

#[test]
fn a_retried_dead_letter_is_pending_again_under_its_id_with_all_attempts_before_it() {
    for flushed in [false, true] {
        let mut desk = Desk::new();
        let message = desk.accept(command());
        desk.apply(Record::Setback { place: A, message, attempt: 4, due_ms: 9 });
        desk.apply(buried(A, Consumed::Pending(message)));
        if flushed {
            desk.flush();
        }
        desk.apply(Record::Exhumed { place: A, message, retry: true });
        let place = desk.at_a();
        assert!(place.dead_letters.is_empty());
        let pending = &place.pending[&message];
        assert_eq!((pending.attempts, pending.due_ms, pending.retried), (0, None, true));
        assert_eq!(pending.message, command().into());
        desk.apply(Record::Turn(turn(Consumed::Pending(message))));
        desk.flush();
        assert_eq!(desk.reopen().at_a(), Partition::default());
    }
}

#[test]
fn a_setback_does_not_forget_that_the_message_was_a_dead_letter() {
    let mut desk = Desk::new();
    desk.apply(buried(A, direct(command())));
    desk.apply(Record::Exhumed { place: A, message: id(0, 1), retry: true });
    desk.apply(Record::Setback { place: A, message: id(0, 1), attempt: 1, due_ms: 9 });
    assert!(desk.at_a().pending[&id(0, 1)].retried);
}

#[test]
fn a_retried_message_that_comes_to_a_good_end_has_that_as_its_outcome() {
    let mut desk = Desk::new();
    let message = desk.accept(tracked());
    desk.apply(Record::Buried {
        place: A,
        message: Consumed::Pending(message),
        attempts: 5,
        failure: failure(true),
        time_ms: 100,
    });
    desk.apply(Record::Exhumed { place: A, message, retry: true });
    desk.apply(Record::Turn(turn(Consumed::Pending(message))));
    for desk in [&desk, &desk] {
        assert_eq!(desk.image().outcomes[&message].outcome, image::Outcome::Done("ok".into()), "at the same time, 100");
    }
    desk.flush();
    assert_eq!(desk.reopen().image().outcomes[&message].outcome, image::Outcome::Done("ok".into()));
}

#[test]
fn a_dropped_dead_letter_is_gone_with_the_replies_that_it_got() {
    let mut desk = Desk::new();
    let message = desk.accept(command());
    desk.apply(Record::Turn(Turn { place: B, ..turn(request(message, 0)) }));
    desk.apply(buried(A, Consumed::Pending(message)));
    assert_eq!(desk.at_a().dead_letters[&message].replies.len(), 1);
    desk.apply(Record::Exhumed { place: A, message, retry: false });
    assert_eq!(desk.image(), Image { sequence: desk.sequence, ..Image::default() });
}

#[test]
fn a_retried_dead_letter_keeps_the_replies_that_it_got() {
    let mut desk = Desk::new();
    let message = desk.accept(command());
    desk.apply(Record::Turn(Turn { place: B, ..turn(request(message, 3)) }));
    desk.apply(buried(A, Consumed::Pending(message)));
    desk.apply(Record::Exhumed { place: A, message, retry: true });
    assert!(desk.at_a().pending[&message].replies.contains_key(&3));
}

#[test]
fn what_is_no_dead_letter_cannot_be_exhumed() {
    let mut desk = Desk::new();
    let message = desk.accept(command());
    let error = desk.try_apply(Record::Exhumed { place: A, message, retry: true }).unwrap_err();
    assert!(matches!(error, TablesError::Missing { table: "dead_letters", .. }));
}
