//! A turn is all or nothing: whatever ends it badly leaves neither state nor messages nor timers.

use serde_json::{Value, json};
use spacehost::runtime::api::Refusal;
use spacehost_tests::{Host, fast_retries, limits, until};

/// Effects of each kind, and then what ends the turn.
fn effects_then(end: Value) -> Value {
    json!([
        { "add": 1 },
        { "note": "never" },
        { "publish": { "to": "news.a.hot" } },
        { "send": { "to": "b/run", "body": [{ "add": 1 }] } },
        { "timer": { "name": "tick", "after_ms": 0 } },
        end,
    ])
}

/// Two spaces; the second hears the news and takes the commands.
async fn pair(guest: &str) -> Host {
    let host = Host::start();
    host.deploy("a", guest).await;
    host.deploy("b", "ear").await;
    host
}

async fn assert_untouched(host: &Host) {
    assert_eq!(host.run("a", json!([{ "add": 0 }])).await, 0);
    assert_eq!(host.notes("a").await.len(), 0);
    assert_eq!((host.usage("a").emitted, host.usage("a").timers), (0, 0));
    assert_eq!(host.total("b").await, 0);
    assert_eq!(host.notes("b").await.len(), 0);
    let given_back = async || (host.usage("b").backlog_messages == 0).then_some(());
    until("the reserved room is given back", given_back).await;
}

#[tokio::test]
async fn a_turn_that_succeeds_has_all_its_effects() {
    let host = pair("probe").await;
    host.run("a", effects_then(json!({ "note": "done" }))).await;
    let notes = host.noted("a", 4).await;
    assert_eq!(notes.iter().filter(|note| note["timer"] == "tick").count(), 1, "{notes:?}");
    assert_eq!(host.noted("b", 1).await[0]["topic"], "news.a.hot");
    assert_eq!(host.total("b").await, 1);
}

#[tokio::test]
async fn a_turn_that_fails_has_none() {
    for guest in ["probe", "ear"] {
        let host = pair(guest).await;
        let failure = host.failure("a", effects_then(json!({ "fail": "no-stock" }))).await;
        assert_eq!((failure.code.as_ref(), failure.retryable), ("no-stock", false));
        assert_untouched(&host).await;
    }
}

#[tokio::test]
async fn a_turn_that_traps_has_none_and_the_next_gets_a_fresh_instance() {
    for guest in ["probe", "ear"] {
        let host = pair(guest).await;
        let refusal = host.try_run("a", effects_then(json!("trap"))).await.unwrap_err();
        assert!(matches!(refusal, Refusal::Broken(_)), "{refusal}");
        assert_untouched(&host).await;
        assert_eq!(host.usage("a").traps, 1);
        assert!(host.log("a").contains("as the script says"), "the panic's message is in the log:\n{}", host.log("a"));
    }
}

#[tokio::test]
async fn a_turn_that_exceeds_its_budget_has_none() {
    let host = Host::start();
    host.deploy_with("a", "probe", limits(|limits| limits.cpu_per_turn_ms = 20)).await.unwrap();
    host.deploy("b", "ear").await;
    let refusal = host.try_run("a", effects_then(json!({ "spin": 0 }))).await.unwrap_err();
    assert!(refusal.to_string().contains("CPU budget of 20 ms"), "{refusal}");
    assert_untouched(&host).await;
}

#[tokio::test]
async fn a_turn_reads_its_own_writes() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    assert_eq!(host.run("a", json!([{ "add": 1 }, { "add": 1 }, { "store": 1_500 }, "count"])).await, 1_500);
    assert_eq!(host.run("a", json!(["count"])).await, 1_500, "a scan goes on over page after page");
}

#[tokio::test]
async fn a_full_state_refuses_the_write_and_keeps_what_was_there() {
    let host = Host::start();
    host.deploy_with("a", "probe", limits(|limits| limits.state_keys = 10)).await.unwrap();
    host.run("a", json!([{ "store": 9 }])).await;
    assert_eq!(host.failure("a", json!([{ "store": 11 }])).await.code, "state-full");
    assert_eq!(host.run("a", json!(["count"])).await, 9);
}

#[tokio::test]
async fn messages_that_a_turn_may_emit_are_counted() {
    let host = Host::start();
    host.deploy_with("a", "probe", limits(|limits| limits.emitted_per_turn = 10)).await.unwrap();
    host.deploy("b", "ear").await;
    let publish = |times: u64| json!([{ "publish": { "to": "news.a.hot", "times": times } }]);
    assert_eq!(host.failure("a", publish(11)).await.code, "fan-out");
    assert_eq!(host.notes("b").await.len(), 0);
    host.run("a", publish(10)).await;
    assert_eq!(host.noted("b", 10).await.len(), 10);
}

#[tokio::test]
async fn bytes_that_a_turn_may_emit_are_counted() {
    let host = Host::start();
    let settings = limits(|limits| (limits.emitted_bytes_per_turn, limits.message_bytes) = (4_000, 1_000));
    host.deploy_with("a", "probe", settings).await.unwrap();
    let publish = |times: u64, bytes: u64| json!([{ "publish": { "to": "news.a.b", "times": times, "bytes": bytes } }]);
    assert_eq!(host.failure("a", publish(5, 900)).await.code, "fan-out");
    assert_eq!(host.failure("a", publish(1, 1_001)).await.code, "too-large");
    host.run("a", publish(4, 900)).await;
}

#[tokio::test]
async fn bad_names_and_unknown_targets_are_failures_of_the_call() {
    let host = Host::start();
    host.deploy_with("a", "probe", fast_retries()).await.unwrap();
    let send = |to: &str| json!([{ "send": { "to": to } }]);
    assert_eq!(host.failure("a", send("nowhere/run")).await.code, "unknown-space");
    assert_eq!(host.failure("a", send("a/walk")).await.code, "unknown-command");
    assert_eq!(host.failure("a", send("a")).await.code, "bad-address");
    assert_eq!(host.failure("a", json!([{ "publish": { "to": "a..b" } }])).await.code, "bad-topic");
}
