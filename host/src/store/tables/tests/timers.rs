//! Timers: set, cancelled, and what is left of them after a firing.

use super::*;

fn fire(desk: &mut Desk) -> MessageId {
    id(desk.apply(fired("t")), 0)
}

fn end(desk: &mut Desk, firing: MessageId, time_ms: u64, timers: Vec<TimerChange<'_>>) {
    desk.apply(Record::Turn(Turn { time_ms, timers, ..turn(Consumed::Pending(firing)) }));
}

fn fire_and_end(desk: &mut Desk, time_ms: u64, timers: Vec<TimerChange<'_>>) {
    let firing = fire(desk);
    end(desk, firing, time_ms, timers);
}

fn fired(name: &str) -> Record<'_> {
    Record::Fired { place: A, message: firing(name), time_ms: 11 }
}

fn desk_with(due_ms: u64, every_ms: Option<u64>) -> Desk {
    let mut desk = Desk::new();
    desk.apply(Record::Turn(Turn { timers: vec![set("t", due_ms, every_ms)], ..turn(direct(command())) }));
    desk.flush();
    desk
}

fn due(desk: &Desk) -> Option<u64> {
    desk.at_a().timers.get("t").map(|timer| timer.due_ms)
}

#[test]
fn a_timer_is_kept_as_it_was_set_last() {
    let mut desk = desk_with(10, None);
    let timers = vec![set("t", 20, Some(5)), set("t", 30, Some(7))];
    desk.apply(Record::Turn(Turn { timers, ..turn(direct(command())) }));
    let timer = desk.at_a().timers.remove("t").unwrap();
    assert_eq!((timer.due_ms, timer.every_ms, &timer.body[..]), (30, Some(7), &b"t"[..]));
}

#[test]
fn a_cancelled_timer_is_gone() {
    let mut desk = desk_with(10, None);
    desk.apply(Record::Turn(Turn { timers: vec![TimerChange::Cancel { name: "t" }], ..turn(direct(command())) }));
    assert_eq!(due(&desk), None);
}

#[test]
fn a_one_shot_that_fires_is_gone_and_pending_as_a_message() {
    let mut desk = desk_with(10, None);
    let message = fire(&mut desk);
    assert_eq!(due(&desk), None);
    assert_eq!(desk.at_a().pending[&message].message, firing("t").into());
    end(&mut desk, message, 12, vec![]);
    assert_eq!(desk.at_a(), Partition::default());
}

#[test]
fn a_one_shot_that_its_own_turn_set_anew_stays() {
    let mut desk = desk_with(10, None);
    fire_and_end(&mut desk, 12, vec![set("t", 11, None)]);
    assert_eq!(due(&desk), Some(11));
}

#[test]
fn an_interval_that_fires_goes_on_at_its_next_multiple_when_its_turn_has_ended() {
    let mut desk = desk_with(10, Some(10));
    let message = fire(&mut desk);
    assert!(desk.at_a().timers["t"].firing);
    desk.flush();
    let mut desk = desk.reopen();
    end(&mut desk, message, 47, vec![]);
    assert_eq!((due(&desk), desk.at_a().timers["t"].firing), (Some(50), false));
}

#[test]
fn an_interval_that_its_own_turn_cancelled_is_gone() {
    let mut desk = desk_with(10, Some(10));
    fire_and_end(&mut desk, 47, vec![TimerChange::Cancel { name: "t" }]);
    assert_eq!(due(&desk), None);
}

#[test]
fn a_firing_that_failed_for_good_ends_too() {
    let mut desk = desk_with(10, Some(10));
    let message = fire(&mut desk);
    desk.apply(Record::Turn(Turn { outcome: failed(false), ..turn(Consumed::Pending(message)) }));
    assert_eq!(due(&desk), Some(110), "the turn was at 100");
}

#[test]
fn a_firing_that_is_set_aside_ends_its_timer_and_is_a_dead_letter() {
    let mut desk = desk_with(10, Some(10));
    let message = fire(&mut desk);
    desk.apply(buried(A, Consumed::Pending(message)));
    assert_eq!(due(&desk), Some(60), "the burial was at 50");
    assert_eq!(desk.at_a().dead_letters[&message].message, firing("t").into());
}

#[test]
fn a_retried_firing_does_not_touch_the_timer_of_its_name() {
    let mut desk = desk_with(10, None);
    let message = fire(&mut desk);
    desk.apply(buried(A, Consumed::Pending(message)));
    desk.apply(Record::Exhumed { place: A, message, retry: true });
    desk.apply(Record::Turn(Turn { timers: vec![set("t", 70, Some(5))], ..turn(direct(command())) }));
    end(&mut desk, message, 100, vec![]);
    assert_eq!(due(&desk), Some(70));
}

#[test]
fn a_timer_that_another_turn_set_anew_during_a_back_off_is_not_the_one_that_fired() {
    let mut desk = desk_with(10, Some(10));
    let message = fire(&mut desk);
    desk.apply(Record::Turn(Turn { timers: vec![set("t", 20, Some(10))], ..turn(direct(command())) }));
    end(&mut desk, message, 100, vec![]);
    assert_eq!(due(&desk), Some(20));
}

#[test]
fn a_timer_that_another_turn_cancelled_during_a_back_off_is_not_missed() {
    let mut desk = desk_with(10, Some(10));
    let message = fire(&mut desk);
    desk.apply(Record::Turn(Turn { timers: vec![TimerChange::Cancel { name: "t" }], ..turn(direct(command())) }));
    end(&mut desk, message, 100, vec![]);
    assert_eq!(due(&desk), None);
}

#[test]
fn a_firing_of_a_timer_that_is_not_there_is_an_inconsistency() {
    let error = Desk::new().try_apply(fired("t")).unwrap_err();
    assert!(matches!(error, TablesError::Missing { table: "timers", .. }), "{error}");
}

#[test]
fn an_interval_of_nothing_and_a_time_beyond_all_times_do_no_harm() {
    let mut desk = desk_with(10, Some(0));
    fire_and_end(&mut desk, u64::MAX, vec![set("u", u64::MAX, Some(u64::MAX))]);
    assert_eq!(due(&desk), Some(u64::MAX));
}
