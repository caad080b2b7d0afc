//! Floods: calls to the host, log lines, writes, timers, events, rings of messages.

use super::{Arena, assert_names, outcome_of, refusal_of};
use serde_json::json;
use spacehost::words::Level;
use spacehost_tests::hostile::{Hostile, command, forever};
use spacehost_tests::{limits, until};

#[tokio::test]
async fn busy_polling_of_the_clock_ends_with_the_calls_or_with_the_cpu() {
    let arena = Arena::with(command(&forever("(drop (call $now))")), |limits| {
        (limits.host_calls_per_turn, limits.cpu_per_turn_ms) = (10_000, 60_000);
    });
    assert_names(&arena.await.outcome().await, "limit `host_calls_per_turn` reached");
    let arena = Arena::with(command(&forever("(drop (call $now))")), |limits| {
        limits.host_calls_per_turn = 1_000_000_000;
    });
    assert_names(&arena.await.outcome().await, "CPU budget of 200 ms");
}

#[tokio::test]
async fn busy_polling_of_the_state_ends_with_the_calls() {
    let poll = forever("(call $get (i32.const 64) (i32.const 1) (i32.const 0x10000))");
    let arena = Arena::with(command(&poll), |limits| {
        (limits.host_calls_per_turn, limits.cpu_per_turn_ms) = (10_000, 60_000);
    });
    assert_names(&arena.await.outcome().await, "limit `host_calls_per_turn` reached");
}

const REQUEST: &str =
    "(call $request (i32.const 0x10000) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0x10100))";

#[tokio::test]
async fn a_flood_of_requests_that_fail_at_once_is_charged_like_any_other() {
    // None of them waits, so none gives the thread away.
    let arena = Arena::with(command(&forever(REQUEST)), |limits| {
        (limits.host_calls_per_turn, limits.emitted_per_turn) = (1_000_000_000, 1_000);
    });
    assert_names(&arena.await.outcome().await, "CPU budget of 200 ms");
    let arena = Arena::with(command(&forever(REQUEST)), |limits| limits.host_calls_per_turn = 5_000);
    assert_names(&arena.await.outcome().await, "limit `host_calls_per_turn` reached");
}

#[tokio::test]
async fn replies_that_are_kept_for_later_attempts_count_as_what_the_turn_has_sent() {
    let arena = Arena::new().await;
    arena.host.deploy("replies", "probe").await;
    arena.host.deploy_with("asks", "probe", limits(|limits| limits.emitted_bytes_per_turn = 100_000)).await.unwrap();
    let ask = json!({ "request": { "to": "replies/run", "body": [{ "reply": 60_000 }] } });
    assert_eq!(arena.host.run("asks", json!([ask, { "add": 1 }])).await, 1);
    assert_eq!(arena.host.failure("asks", json!([ask, ask, ask])).await.code, "fan-out");
}

#[tokio::test]
async fn calls_that_are_costly_for_the_host_are_charged_for_what_they_cost() {
    let scan = "(call $scan (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0x10000))";
    let write = "(call $set (i32.const 64) (i32.const 1) (i32.const 0x20000) (i32.const 0x100000) (i32.const 0x10000))";
    let log = "(call $log (i32.const 0) (i32.const 0x100000) (i32.const 0xf00000))";
    for (first, does) in [(write, scan), ("", log), ("", "(call $config-all (i32.const 0x10000))")] {
        let hostile = Hostile { memory: Some("280"), ..command(&format!("{first} {}", forever(does))) };
        let arena = Arena::with(hostile, |limits| limits.host_calls_per_turn = 1_000_000_000);
        let reason = arena.await.outcome().await;
        assert!(reason.contains("CPU budget of 200 ms"), "{does}: {reason}");
    }
}

#[tokio::test]
async fn a_flood_of_log_lines_is_cut_and_counted() {
    let lines = "(local.set $n (i32.const 0)) (loop $more (call $log (i32.const 2) (i32.const 64) (i32.const 1))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $n) (i32.const 5000))))";
    let hostile = command("(call $lines)").with(&format!("(func $lines (local $n i32) {lines})"));
    let arena =
        Arena::with(hostile, |limits| (limits.log_lines_per_second, limits.cpu_per_turn_ms) = (50, 10_000)).await;
    arena.ended().await.unwrap();
    let kept = arena.host.log("bad").lines().filter(|line| *line == "1").count() as u64;
    assert!(kept >= 50, "{kept}");
    // What it wrote before it left the sync path counts, too: that turn was begun anew.
    let counted = kept + arena.host.usage("bad").log_lines_suppressed;
    assert!((5_000..10_000).contains(&counted), "{counted}");
}

#[tokio::test]
async fn what_a_guest_prints_is_in_its_spaces_log_and_a_flood_of_it_is_counted() {
    let print = |stream: &str, length: u32| {
        format!("(call $write (call {stream}) (i32.const 0x10000) (i32.const {length}) (i32.const 0x10100))")
    };
    let does = format!("{} {}", print("$stdout", 12), print("$stderr", 6));
    let arena = Arena::with(command(&does).with("(data (i32.const 0x10000) \"hello\\nworld\\n\")"), |_| {}).await;
    arena.ended().await.unwrap();
    assert_eq!(arena.host.log("bad").lines().filter(|line| ["hello", "world"].contains(line)).count(), 3);
    // Lines of nothing, 4,096 at a time.
    let floods = "(memory.fill (i32.const 0x20000) (i32.const 10) (i32.const 4096))
        (call $write (call $stdout) (i32.const 0x20000) (i32.const 4096) (i32.const 0x10100))";
    let hostile = Hostile { memory: Some("4"), ..command(floods) };
    let arena = Arena::with(hostile, |limits| limits.log_lines_per_second = 50).await;
    let lines = || arena.host.runtime.logs(&"bad".parse().unwrap(), usize::MAX, Level::Trace).unwrap().0.len() as u64;
    let before = lines();
    arena.ended().await.unwrap();
    assert_eq!(lines() - before + arena.host.usage("bad").log_lines_suppressed, 4_096);
}

#[tokio::test]
async fn what_a_guest_prints_before_it_traps_is_in_the_log() {
    let does = "(call $write (call $stderr) (i32.const 0x10000) (i32.const 5) (i32.const 0x10100)) unreachable";
    let arena = Arena::with(command(does).with("(data (i32.const 0x10000) \"alas!\")"), |_| {}).await;
    assert_names(&arena.outcome().await, "unreachable");
    assert!(arena.host.log("bad").lines().any(|line| line == "alas!"), "{}", arena.host.log("bad"));
}

#[tokio::test]
async fn standard_input_is_empty() {
    let does = "(call $read (call $stdin) (i64.const 10) (i32.const 0x10000))
        (if (i32.ne (i32.load8_u (i32.const 0x10000)) (i32.const 1)) (then unreachable))
        (if (i32.ne (i32.load8_u (i32.const 0x10004)) (i32.const 1)) (then unreachable))";
    let arena = Arena::with(command(does), |_| {}).await;
    assert_eq!(arena.ended().await.unwrap(), "1", "the stream says that it is closed");
}

/// Writes 1 MiB to one key, over and over, until it is refused; then it traps.
const WRITES: &str = "(loop $more
    (call $set (i32.const 64) (i32.const 1) (i32.const 0x20000) (i32.const 0x100000) (i32.const 0x10000))
    (global.set $top (i32.const 0x18000))
    (br_if $more (i32.eqz (i32.load8_u (i32.const 0x10000)))))";

#[tokio::test]
async fn one_key_written_over_and_over_is_refused_before_it_fills_the_hosts_memory() {
    let hostile = Hostile { memory: Some("32"), ..command(WRITES) };
    let arena = Arena::with(hostile, |limits| {
        (limits.written_bytes_per_turn, limits.cpu_per_turn_ms, limits.host_calls_per_turn) = (8 << 20, 60_000, 1_000);
    });
    let arena = arena.await;
    assert_eq!(arena.ended().await.unwrap(), "1", "it was refused, and answers");
    assert_eq!(arena.host.status("bad").used["host_calls_per_turn"], 8, "seven writes, and the one that was refused");
}

#[tokio::test]
async fn one_timer_set_over_and_over_is_refused_before_it_fills_the_hosts_memory() {
    let sets = "(loop $more
        (call $timer-set (i32.const 64) (i32.const 1) (i32.const 0x20000) (i32.const 0x80000) (i64.const 1000000) (i32.const 0x10000))
        (br_if $more (i32.eqz (i32.load8_u (i32.const 0x10000)))))";
    let hostile = Hostile { memory: Some("32"), ..command(sets) };
    let arena = Arena::with(hostile, |limits| (limits.cpu_per_turn_ms, limits.host_calls_per_turn) = (60_000, 1_000));
    let arena = arena.await;
    assert_eq!(arena.ended().await.unwrap(), "1");
    assert_eq!(arena.host.status("bad").used["host_calls_per_turn"], 32, "16 MiB of bodies are allowed");
    until("the timer is counted", async || (arena.host.usage("bad").timers == 1).then_some(())).await;
}

#[tokio::test]
async fn timers_cancelled_over_and_over_are_refused_before_they_fill_the_hosts_memory() {
    let cancels = "(loop $more (call $timer-cancel (i32.const 64) (i32.const 1) (i32.const 0x10000))
        (br_if $more (i32.eqz (i32.load8_u (i32.const 0x10000)))))";
    let arena = Arena::with(command(cancels), |limits| limits.timers = 100).await;
    assert_eq!(arena.ended().await.unwrap(), "1");
    assert_eq!(arena.host.status("bad").used["host_calls_per_turn"], 201);
}

const PUBLISH: &str =
    "(call $publish (i32.const 0x10000) (i32.const 8) (i32.const 64) (i32.const 1) (i32.const 0x10100))";
const TOPIC: &str = r#"(data (i32.const 0x10000) "attack.x")"#;

#[tokio::test]
async fn a_million_events_from_one_event_are_a_thousand_at_most() {
    let publishes = format!(
        "(local.set $n (i32.const 0)) (loop $more {PUBLISH} (global.set $top (i32.const 0x18000))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get $n) (i32.const 1000000))))"
    );
    let fields = format!("(func $million (local $n i32) {publishes}) (data (i32.const 0x10000) \"elsewhere\")");
    let hostile = Hostile { event: "(call $million)".into(), ..Hostile::default() }.with(&fields);
    let arena = Arena::with(hostile, |limits| {
        (limits.cpu_per_turn_ms, limits.host_calls_per_turn) = (60_000, 2_000_000);
    });
    let arena = arena.await;
    assert_eq!(arena.event(0).await, "");
    until("the turn has ended", async || (arena.host.usage("bad").turns == 1).then_some(())).await;
    assert_eq!(arena.host.usage("bad").emitted, 1_000);
    assert_eq!(arena.host.status("bad").used["host_calls_per_turn"], 1_000_000);
}

#[tokio::test]
async fn events_that_breed_events_fill_their_own_backlog_and_nobody_elses() {
    let ten = PUBLISH.repeat(10);
    let hostile = Hostile { event: ten, ..Hostile::default() }.with(TOPIC);
    let arena = Arena::with(hostile, |limits| (limits.backlog_messages, limits.hops) = (1_000, 10_000)).await;
    arena.host.publish("attack.x", json!({}));
    arena.neighbour_is_served().await;
    let cut_off = async || (arena.host.usage("bad").missed_events > 0).then_some(());
    until("its own subscription is cut off", cut_off).await;
    arena.neighbour_is_served().await;
    assert!(arena.host.usage("bad").backlog_messages <= 1_000);
}

#[tokio::test]
async fn a_loop_through_events_ends_after_so_many_hops() {
    let hostile = Hostile { event: PUBLISH.to_owned(), ..Hostile::default() }.with(TOPIC);
    let arena = Arena::with(hostile, |limits| limits.hops = 20).await;
    arena.host.publish("attack.x", json!({}));
    arena.neighbour_is_served().await;
    arena.host.settled("bad").await;
    assert_eq!((arena.host.usage("bad").turns, arena.host.usage("bad").emitted), (21, 20));
}

#[tokio::test]
async fn ping_pong_and_rings_end_after_so_many_hops_and_neighbours_serve_meanwhile() {
    let arena = Arena::new().await;
    for name in ["a", "b", "c"] {
        arena.host.deploy_with(name, "probe", limits(|limits| limits.hops = 50)).await.unwrap();
    }
    for spaces in [vec!["a", "b"], vec!["a", "b", "c"], vec!["a"]] {
        arena.host.send("a", json!([{ "ring": { "spaces": spaces, "left": 1_000_000 } }])).unwrap();
    }
    arena.neighbour_is_served().await;
    let hops = async || {
        let letters: Vec<_> = ["a", "b", "c"].iter().flat_map(|name| arena.host.dead_letters(name)).collect();
        (letters.len() == 3).then_some(letters)
    };
    let letters = until("all three have come to their end", hops).await;
    assert!(letters.iter().all(|letter| letter.failure.code == "hops"), "{letters:?}");
}

#[tokio::test]
async fn a_subscriber_that_never_keeps_up_is_cut_off_and_the_publisher_does_not_notice() {
    let hostile = Hostile { event: forever(""), ..Hostile::default() };
    let arena = Arena::with(hostile, |limits| (limits.backlog_messages, limits.attempts) = (50, 1)).await;
    arena.host.deploy("loud", "probe").await;
    let many = json!([{ "publish": { "to": "attack.now", "times": 500 } }, { "add": 1 }]);
    let (total, ()) = tokio::join!(arena.host.run("loud", many), arena.neighbour_is_served());
    assert_eq!((total, arena.host.usage("loud").emitted), (json!(1), 500));
    assert!(arena.host.usage("bad").missed_events >= 449, "{}", arena.host.usage("bad").missed_events);
    assert!(arena.host.usage("bad").backlog_messages <= 50);
}

#[tokio::test]
async fn a_million_subscriptions_are_refused_before_they_are_read() {
    let describing = |count: usize| {
        let subscriptions: Vec<String> = (0..count).map(|n| format!(r#"{{"pattern":"a.{n}"}}"#)).collect();
        let descriptor = format!(r#"{{"descriptor":1,"version":"1","subscriptions":[{}]}}"#, subscriptions.join(","));
        // It lies behind all else that the memory holds.
        let (length, at) = (descriptor.len(), 0x2_0000);
        let pages: &'static str = Box::leak(format!("{}", length / 0x1_0000 + 4).into_boxed_str());
        let data: String = descriptor.replace('"', "\\22");
        let describe = format!(
            "(i32.store (i32.const 0x10000) (i32.const {at})) (i32.store (i32.const 0x10004) (i32.const {length}))
             (return (i32.const 0x10000))"
        );
        let hostile = Hostile { describe, memory: Some(pages), ..Hostile::default() };
        hostile.with(&format!("(data (i32.const {at}) \"{data}\")")).component()
    };
    assert_names(&refusal_of(describing(1_000_000)).await, "limit `hostcall_bytes` reached");
    assert_names(&refusal_of(describing(100_000)).await, "at most 1048576 are read");
    assert_names(&refusal_of(describing(2_000)).await, "2000 subscriptions; at most 1024 are allowed");
}

#[tokio::test]
async fn a_flood_of_calls_on_the_sync_path_is_found_too() {
    // No import that may wait: it begins on the executor's own stack, and moves to a fiber after its first slice.
    let reason = outcome_of(&forever("(call $config-all (i32.const 0x10000))")).await;
    assert!(reason.contains("CPU budget") || reason.contains("host_calls_per_turn"), "{reason}");
}
