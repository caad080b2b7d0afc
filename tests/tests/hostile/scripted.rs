//! Rust guests that do what they should not, on both paths.

use serde_json::{Value, json};
use spacehost::runtime::api::Refusal;
use spacehost::words::SpaceSettings;
use spacehost_tests::{Host, limits, until};

fn tight() -> SpaceSettings {
    limits(|limits| {
        (limits.cpu_per_turn_ms, limits.memory_bytes) = (100, 16 << 20);
        (limits.retry_first_ms, limits.retry_most_ms) = (1, 5);
    })
}

/// A host with one thread for guests, so that the bad and the good share it.
async fn neighbours(bad: &str) -> Host {
    let host = Host::with(|config| config.executors = 1);
    host.deploy_with("bad", bad, tight()).await.unwrap();
    host.deploy("good", "probe").await;
    host
}

/// The outcome of a bad command, while a good neighbour's commands must all succeed.
async fn outcome(bad: &str, step: Value) -> String {
    let host = neighbours(bad).await;
    let attack = host.try_run("bad", json!([{ "add": 1 }, step]));
    let good = async {
        for n in 1..=200 {
            assert_eq!(host.run("good", json!([{ "add": 1 }])).await, n);
        }
    };
    let (outcome, ()) = tokio::join!(attack, good);
    assert_eq!(host.total("bad").await, 0, "it serves on, and the turn had no effect");
    match outcome {
        Err(Refusal::Broken(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_endless_loop_ends_with_its_budget() {
    for guest in ["probe", "ear"] {
        let reason = outcome(guest, json!({ "spin": 0 })).await;
        assert!(reason.contains("CPU budget of 100 ms"), "{guest}: {reason}");
    }
}

#[tokio::test]
async fn a_memory_bomb_ends_at_its_limit() {
    for guest in ["probe", "ear"] {
        let reason = outcome(guest, json!({ "allocate": 1_000 })).await;
        assert!(reason.contains("memory_bytes"), "{guest}: {reason}");
    }
}

#[tokio::test]
async fn a_deep_recursion_ends_with_its_stack() {
    for guest in ["probe", "ear"] {
        let reason = outcome(guest, json!("recurse")).await;
        assert!(reason.contains("stack"), "{guest}: {reason}");
    }
}

#[tokio::test]
async fn memory_within_the_limit_is_granted() {
    let host = neighbours("probe").await;
    assert_eq!(host.run("bad", json!([{ "allocate": 8 }])).await, 8);
    let memory = host.usage("bad").memory_bytes;
    assert!(memory <= 16 << 20, "{memory}");
}

#[tokio::test]
async fn spinning_guests_on_every_thread_do_not_delay_what_the_host_says_of_itself() {
    let host = Host::start();
    for name in ["a", "b", "c", "d"] {
        host.deploy_with(name, "probe", limits(|limits| limits.cpu_per_turn_ms = 60_000)).await.unwrap();
        host.send(name, json!([{ "spin": 0 }])).unwrap();
    }
    host.deploy("good", "ear").await;
    for n in 1..=100 {
        assert_eq!(host.runtime.spaces().len(), 5);
        assert_eq!(host.run("good", json!([{ "add": 1 }])).await, n);
    }
    assert!(["a", "b", "c", "d"].iter().all(|name| host.usage(name).backlog_messages == 1), "they spin all the time");
}

#[tokio::test]
async fn a_turn_that_outlives_its_slice_on_the_sync_path_is_run_again_on_a_fiber_and_not_counted() {
    let host = Host::start();
    host.deploy("a", "ear").await;
    assert_eq!(host.run("a", json!([{ "add": 1 }])).await, 1);
    assert_eq!(host.status("a").path, "sync");
    host.run("a", json!([{ "add": 1 }, "note-attempt", { "spin": 50_000_000 }])).await;
    assert_eq!(host.status("a").path, "fiber", "and it stays there");
    assert_eq!(host.notes("a").await, [json!(1)], "the broken slice is no attempt, and left nothing behind");
    assert_eq!(host.total("a").await, 2);
    assert_eq!((host.usage("a").traps, host.usage("a").retries), (0, 0));
}

#[tokio::test]
async fn a_turn_that_waits_too_long_is_ended() {
    let host = Host::start();
    host.deploy_with("a", "probe", limits(|limits| limits.wall_per_turn_ms = 50)).await.unwrap();
    host.deploy_with("b", "probe", limits(|limits| limits.cpu_per_turn_ms = 60_000)).await.unwrap();
    let refusal =
        host.try_run("a", json!([{ "add": 1 }, { "request": { "to": "b/run", "body": [{ "spin": 0 }] } }])).await;
    assert!(matches!(refusal, Err(Refusal::TimedOut(_))), "{refusal:?}");
    assert_eq!(host.total("a").await, 0);
}

#[tokio::test]
async fn a_space_that_traps_on_every_message_rests_while_its_neighbour_serves() {
    let host = neighbours("probe").await;
    for _ in 0..3 {
        let refusal = host.try_run("bad", json!(["trap"])).await.unwrap_err();
        assert!(matches!(refusal, Refusal::Broken(_)), "{refusal}");
    }
    let refusal = host.try_run("bad", json!([])).await.unwrap_err();
    assert!(refusal.to_string().contains("resting after repeated faults"), "{refusal}");
    for n in 1..=100 {
        assert_eq!(host.run("good", json!([{ "add": 1 }])).await, n);
    }
    let served = async || host.try_run("bad", json!([{ "add": 1 }])).await.ok();
    assert_eq!(until("the rest is over", served).await, 1);
}

#[tokio::test]
async fn traps_of_one_message_lead_to_its_dead_letter_and_to_no_rest() {
    let host = neighbours("probe").await;
    host.send("bad", json!(["trap"])).unwrap();
    let letters = host.settled("bad").await;
    assert_eq!((letters.len(), letters[0].attempts), (1, 5));
    assert_eq!(host.run("bad", json!([{ "add": 1 }])).await, 1);
}
