//! Computing without end, wherever a guest is called; recursion; traps.

use super::{Arena, assert_names, outcome_of, refusal_of};
use serde_json::json;
use spacehost::words::Limits;
use spacehost_tests::hostile::{Hostile, command, forever};
use spacehost_tests::{limits, until};

const CPU: &str = "CPU budget of 200 ms";

#[tokio::test]
async fn a_command_that_never_ends_is_ended_by_its_budget() {
    assert_names(&outcome_of(&forever("")).await, CPU);
}

#[tokio::test]
async fn an_event_handler_that_never_ends_leads_to_a_dead_letter() {
    let hostile = Hostile { event: forever(""), ..Hostile::default() };
    let arena = Arena::with(hostile, |limits| limits.attempts = 2).await;
    assert_names(&arena.event(1).await, CPU);
    arena.memory_is_back().await;
}

/// A timer that fires at once.
const SET_TIMER: &str = "(call $timer-set (i32.const 0x10000) (i32.const 4) (i32.const 0) (i32.const 0) (i64.const 0)
    (i32.const 0x10100))";

#[tokio::test]
async fn a_timer_that_never_ends_leads_to_a_dead_letter() {
    let hostile = Hostile { command: SET_TIMER.to_owned(), timer: forever(""), ..Hostile::default() };
    let arena = Arena::with(hostile.with(r#"(data (i32.const 0x10000) "tick")"#), |limits| limits.attempts = 2).await;
    arena.ended().await.unwrap();
    let letters = until("the firing is a dead letter", async || {
        Some(arena.host.dead_letters("bad")).filter(|letters| letters.len() == 1)
    });
    assert_names(&letters.await[0].failure.message, CPU);
    arena.memory_is_back().await;
}

#[tokio::test]
async fn a_start_that_never_ends_keeps_the_component_out() {
    let hostile = Hostile { start: forever(""), ..Hostile::default() };
    let reason = refusal_of(hostile.component()).await;
    assert_names(&reason, "`start` failed: CPU budget of 200 ms");
}

#[tokio::test]
async fn a_describe_that_never_ends_keeps_the_component_out() {
    let hostile = Hostile { describe: forever(""), ..Hostile::default() };
    let reason = refusal_of(hostile.component()).await;
    assert_names(&reason, "`describe` failed: CPU budget of 200 ms");
}

#[tokio::test]
async fn a_migrate_that_never_ends_keeps_the_component_out() {
    let hostile = Hostile { migrate: forever(""), ..Hostile::default() };
    let reason = refusal_of(hostile.component()).await;
    assert_names(&reason, "`migrate` failed: CPU budget of 200 ms");
}

#[tokio::test]
async fn an_instantiation_that_never_ends_keeps_the_component_out() {
    let spins = Hostile::default().with("(func $init (loop $forever (br $forever))) (start $init)");
    assert_names(&refusal_of(spins.component()).await, "`describe` failed: CPU budget of 200 ms");
}

#[tokio::test]
async fn a_trap_in_the_instantiation_keeps_the_component_out() {
    let traps = Hostile::default().with("(func $init unreachable) (start $init)");
    assert_names(&refusal_of(traps.component()).await, "unreachable");
}

#[tokio::test]
async fn an_allocator_that_never_ends_is_ended_by_the_budget_of_the_call_that_it_serves() {
    // `config.all` makes the host call the guest's allocator, from within a call of the guest.
    assert_names(&outcome_of("(global.set $spins (i32.const 1)) (call $config-all (i32.const 0x10000))").await, CPU);
    let reason = outcome_of("(global.set $top (i32.const -16)) (call $config-all (i32.const 0x10000))").await;
    assert_names(&reason, "realloc");
}

#[tokio::test]
async fn an_endless_recursion_ends_with_its_stack() {
    let hostile = command("(call $down)").with("(func $down (call $down) (call $down))");
    assert_names(&Arena::with(hostile, |_| {}).await.outcome().await, "stack");
}

#[tokio::test]
async fn a_recursion_that_calls_the_host_from_its_deepest_frame_ends_with_its_stack_too() {
    let calls =
        "(call $publish-with (i32.const 0x10000) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0x10100)) (call $config-all (i32.const 0x10200))
        (call $log (i32.const 0) (i32.const 0x10000) (i32.const 3))";
    let down = format!("(func $down {calls} (call $down) (call $down)) (data (i32.const 0x10000) \"a.b\")");
    let patient = |limits: &mut Limits| (limits.emitted_per_turn, limits.cpu_per_turn_ms) = (1_000_000, 20_000);
    assert_names(&Arena::with(command("(call $down)").with(&down), patient).await.outcome().await, "stack");
    let request = "(call $request (i32.const 0x10000) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0x10100))";
    let fiber = command("(call $down)").with(&down.replace("(call $log", &format!("{request} (call $log")));
    assert_names(&Arena::with(fiber, patient).await.outcome().await, "stack");
}

#[tokio::test]
async fn waiting_in_the_host_costs_no_cpu_and_computing_between_waits_does() {
    let arena = Arena::new().await;
    let asks = json!([{ "request": { "to": "slow/run", "body": [{ "spin": 200_000_000 }] } }]);
    arena.host.deploy_with("slow", "ear", limits(|limits| limits.cpu_per_turn_ms = 60_000)).await.unwrap();
    arena.host.deploy_with("asks", "probe", limits(|limits| limits.cpu_per_turn_ms = 20)).await.unwrap();
    arena.host.run("asks", asks).await;
    let (slow, asked) = (arena.host.status("slow").used, arena.host.status("asks").used);
    assert!(slow["cpu_per_turn_ms"] > 20, "{slow:?}");
    assert!(asked["cpu_per_turn_ms"] <= 20, "{asked:?}");
}

#[tokio::test]
async fn a_guest_that_traps_on_every_message_rests_and_comes_to_quarantine_and_its_neighbour_serves() {
    let arena = Arena::with(command("unreachable"), |_| {}).await;
    for _ in 0..3 {
        assert_names(&arena.outcome().await, "unreachable");
    }
    let refused = arena.ended().await.unwrap_err().to_string();
    assert_names(&refused, "resting after repeated faults");
}

#[tokio::test]
async fn a_guest_that_waits_for_ever_is_ended_by_the_clock() {
    let waits = "(call $block (call $pollable (i64.const 0x7fffffffffffffff)))";
    let arena = Arena::with(command(waits), |limits| limits.wall_per_turn_ms = 300).await;
    let refused = arena.ended().await.unwrap_err().to_string();
    assert_names(&refused, "nothing took effect");
    arena.memory_is_back().await;
}

#[tokio::test]
async fn replies_that_never_come_and_those_that_come_late_cost_the_asker_its_patience_alone() {
    let arena = Arena::new().await;
    arena.deploy(command(&forever("")).component(), |limits| limits.cpu_per_turn_ms = 2_000).await.unwrap();
    arena.host.deploy("asks", "probe").await;
    let ask = json!([{ "request": { "to": "bad/run", "body": [], "timeout_ms": 50, "catch": true } }]);
    let (late, ()) = tokio::join!(arena.host.run("asks", ask.clone()), arena.neighbour_is_served());
    assert_eq!(late, json!({ "code": "unknown", "retryable": false }), "it had begun");
    let (never, ()) = tokio::join!(arena.host.run("asks", ask), arena.neighbour_is_served());
    assert_eq!(never["code"], "timeout", "it had not begun");
    assert_eq!(arena.host.run("asks", json!([{ "add": 1 }])).await, 1);
}
