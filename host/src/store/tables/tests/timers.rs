//! Timers: set, cancelled, and what is left of them after a firing.

use super::*;

fn fire(desk: &mut Desk, time_ms: u64, timers: Vec<TimerChange<'_>>) {
    desk.apply(Record::Turn(Turn { time_ms, timers, ..turn(direct(firing("t"))) }));
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
fn a_one_shot_that_has_fired_is_gone() {
    let mut desk = desk_with(10, None);
    fire(&mut desk, 12, vec![]);
    assert_eq!(due(&desk), None);
}

#[test]
fn a_one_shot_that_its_own_turn_set_anew_stays() {
    let mut desk = desk_with(10, None);
    fire(&mut desk, 12, vec![set("t", 11, None)]);
    assert_eq!(due(&desk), Some(11));
}

#[test]
fn an_interval_goes_on_at_its_next_multiple() {
    let mut desk = desk_with(10, Some(10));
    fire(&mut desk, 47, vec![]);
    assert_eq!(due(&desk), Some(50));
}

#[test]
fn an_interval_that_its_own_turn_cancelled_is_gone() {
    let mut desk = desk_with(10, Some(10));
    fire(&mut desk, 47, vec![TimerChange::Cancel { name: "t" }]);
    assert_eq!(due(&desk), None);
}

#[test]
fn a_firing_that_failed_for_good_ends_too() {
    let mut desk = desk_with(10, None);
    desk.apply(Record::Turn(Turn { outcome: failed(false), ..turn(direct(firing("t"))) }));
    assert_eq!(due(&desk), None);
}

#[test]
fn a_firing_that_is_set_aside_ends_its_timer_and_is_a_dead_letter() {
    let mut desk = desk_with(10, Some(10));
    desk.apply(buried(A, direct(firing("t"))));
    assert_eq!(due(&desk), Some(60), "the burial was at 50");
    assert_eq!(desk.at_a().dead_letters[&id(0, 1)].message, firing("t").into());
}

#[test]
fn a_retried_firing_does_not_touch_the_timer_of_its_name() {
    let mut desk = desk_with(10, None);
    desk.apply(buried(A, direct(firing("t"))));
    desk.apply(Record::Exhumed { place: A, message: id(0, 1), retry: true });
    desk.apply(Record::Turn(Turn { timers: vec![set("t", 70, None)], ..turn(direct(command())) }));
    desk.apply(Record::Turn(turn(Consumed::Pending(id(0, 1)))));
    assert_eq!(due(&desk), Some(70));
}

#[test]
fn a_timer_that_another_turn_set_anew_during_a_back_off_is_not_the_one_that_fired() {
    let mut desk = desk_with(10, None);
    desk.apply(Record::Turn(Turn { timers: vec![set("t", 500, None)], ..turn(direct(command())) }));
    fire(&mut desk, 100, vec![]);
    assert_eq!(due(&desk), Some(500));
}

#[test]
fn a_timer_that_another_turn_cancelled_during_a_back_off_is_not_missed() {
    let mut desk = Desk::new();
    fire(&mut desk, 100, vec![]);
    assert_eq!(due(&desk), None);
}

#[test]
fn an_interval_of_nothing_and_a_time_beyond_all_times_do_no_harm() {
    let mut desk = desk_with(10, Some(0));
    fire(&mut desk, u64::MAX, vec![set("u", u64::MAX, Some(u64::MAX))]);
    assert_eq!(due(&desk), Some(u64::MAX));
}
