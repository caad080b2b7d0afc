//! Subscriptions that are cut off: what they miss, and what is left to read after each piece.

use super::*;

fn miss(desk: &mut Desk) -> u64 {
    desk.apply(Record::Accepted { message: event(), to: vec![B], missed: vec![A], time_ms: 1 })
}

fn catch_up(desk: &mut Desk, events: &[u64], next: u64, live: bool) {
    let events = events.iter().map(|sequence| (id(*sequence, 0), event())).collect();
    desk.apply(Record::CaughtUp { place: A, events, next, live });
}

fn cut_off_from(desk: &Desk) -> Option<u64> {
    desk.at_a().cut_off_from
}

#[test]
fn what_is_missed_is_pending_nowhere_and_the_first_of_it_is_remembered() {
    let mut desk = Desk::new();
    let first = miss(&mut desk);
    desk.flush();
    miss(&mut desk);
    let mut desk = desk.reopen();
    assert_eq!(cut_off_from(&desk), Some(first));
    miss(&mut desk);
    assert_eq!((cut_off_from(&desk), desk.at_a().pending.len()), (Some(first), 0));
    assert_eq!(desk.image().spaces[B.space].partitions[&B.partition].cut_off_from, None);
}

#[test]
fn what_was_read_is_pending_under_its_own_id_and_the_rest_is_still_to_be_read() {
    let mut desk = Desk::new();
    let (first, second) = (miss(&mut desk), miss(&mut desk));
    catch_up(&mut desk, &[first], second, false);
    assert_eq!(desk.at_a().pending.into_keys().collect::<Vec<_>>(), [id(first, 0)]);
    assert_eq!(cut_off_from(&desk), Some(second));
    desk.apply(Record::Turn(turn(Consumed::Pending(id(first, 0)))));
    catch_up(&mut desk, &[second], second + 1, true);
    assert_eq!((cut_off_from(&desk), desk.at_a().pending.len()), (None, 1));
}

#[test]
fn what_is_missed_anew_while_the_last_piece_was_read_is_not_forgotten() {
    let mut desk = Desk::new();
    let first = miss(&mut desk);
    let again = miss(&mut desk);
    catch_up(&mut desk, &[first], again, true);
    assert_eq!(cut_off_from(&desk), Some(again));
}
