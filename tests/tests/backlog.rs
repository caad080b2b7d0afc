//! Backlogs beyond the memory: messages that wait in the journal only, and subscriptions that were cut off and read on.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use spacehost_tests::{Daemon, until};

/// A host in which `a` keeps four messages in memory and `slow` takes ten.
async fn host() -> Daemon {
    let settings = "
        [spaces.a.limits]
        window_messages = 4
        cpu_per_turn_ms = 60_000
        [spaces.slow.limits]
        backlog_messages = 10
    ";
    let daemon = Daemon::start_with(settings).await;
    for (name, guest) in [("a", "ear"), ("b", "probe"), ("slow", "ear"), ("good", "ear")] {
        daemon.install(name, guest).await;
    }
    daemon
}

async fn usage(daemon: &Daemon, space: &str, what: &str) -> Option<u64> {
    daemon.space(space).await["usage"][what].as_u64()
}

/// `b` sends so many notes to `a`, ten in each turn.
async fn send_notes(daemon: &Daemon, numbers: std::ops::Range<u64>) {
    for ten in numbers.collect::<Vec<_>>().chunks(10) {
        let sends = ten.iter().map(|n| json!({ "send": { "to": "a/run", "body": [{ "note": n }] } }));
        assert_eq!(daemon.run("b", &Value::Array(sends.collect())).await.0, 200);
    }
}

fn numbers(count: u64) -> Vec<Value> {
    (0..count).map(Value::from).collect()
}

/// The bodies of the events that were heard.
fn heard(notes: &[Value]) -> Vec<Value> {
    notes.iter().map(|note| note["body"].clone()).collect()
}

async fn publish(daemon: &Daemon, first: u64, count: u64) {
    let publish = |n| json!({ "publish": { "to": "news.n", "body": n } });
    let steps = (first..first + count).map(publish).collect();
    assert_eq!(daemon.run("b", &Value::Array(steps)).await.0, 200);
}

#[tokio::test]
async fn messages_beyond_the_window_wait_in_the_journal_and_are_handled_in_order() {
    let daemon = host().await;
    daemon.order("a", "stop").await;
    send_notes(&daemon, 0..100).await;
    assert_eq!(usage(&daemon, "a", "backlog_messages").await, Some(100));
    daemon.order("a", "start").await;
    assert_eq!(daemon.noted("a", 100).await, numbers(100));
    send_notes(&daemon, 100..110).await;
    assert_eq!(daemon.noted("a", 110).await, numbers(110), "it has caught up");
}

#[tokio::test]
async fn what_waited_in_the_journal_is_there_after_a_kill() {
    let daemon = host().await;
    daemon.order("a", "stop").await;
    send_notes(&daemon, 0..50).await;
    let daemon = daemon.killed().await;
    daemon.ready().await;
    assert_eq!(daemon.noted("a", 50).await, numbers(50));
}

#[tokio::test]
async fn whoever_waits_is_refused_while_the_window_is_full_and_nobody_is_overtaken() {
    let daemon = host().await;
    daemon.send("a", &json!([{ "spin": 400_000_000 }, { "note": 0 }])).await;
    for n in 1..20 {
        daemon.send("a", &json!([{ "note": n }])).await;
    }
    let path = "/v1/spaces/a/commands/run";
    let refused = daemon.request(Method::POST, path).json(&json!([{ "note": "early" }])).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    let asks = json!([{ "request": { "to": "a/run", "body": [{ "note": "early" }], "catch": true } }]);
    assert_eq!(daemon.run("b", &asks).await.1, json!({ "code": "overloaded", "retryable": true }));
    assert_eq!(daemon.noted("a", 20).await.len(), 20);
}

#[tokio::test]
async fn a_subscription_that_was_cut_off_reads_what_it_missed_and_goes_on() {
    let daemon = host().await;
    daemon.order("slow", "stop").await;
    publish(&daemon, 0, 100).await;
    assert_eq!(heard(&daemon.noted("good", 100).await), numbers(100), "the others do not notice");
    assert_eq!(usage(&daemon, "slow", "missed_events").await, Some(90));
    assert!(daemon.log().contains("cut off"), "{}", daemon.log());
    daemon.order("slow", "start").await;
    assert_eq!(heard(&daemon.noted("slow", 100).await), numbers(100));
    publish(&daemon, 100, 5).await;
    assert_eq!(heard(&daemon.noted("slow", 105).await), numbers(105));
    assert_eq!(usage(&daemon, "slow", "missed_events").await, Some(0));
}

#[tokio::test]
async fn a_subscription_reads_what_it_missed_after_a_kill_too() {
    let daemon = host().await;
    daemon.order("slow", "stop").await;
    publish(&daemon, 0, 60).await;
    let daemon = daemon.killed().await;
    daemon.ready().await;
    assert_eq!(heard(&daemon.noted("slow", 60).await), numbers(60));
    let daemon = daemon.killed().await;
    daemon.ready().await;
    publish(&daemon, 60, 1).await;
    assert_eq!(heard(&daemon.noted("slow", 61).await), numbers(61), "and nothing twice");
}

#[tokio::test]
async fn a_subscription_that_is_cut_off_again_and_again_hears_everything_once_and_in_order() {
    let daemon = host().await;
    for first in (0..600).step_by(20) {
        publish(&daemon, first, 20).await;
    }
    assert_eq!(heard(&daemon.noted("slow", 600).await), numbers(600));
    assert!(daemon.log().contains("has read what it missed"), "it was never cut off: {}", daemon.log());
    until("nothing is missed", async || (usage(&daemon, "slow", "missed_events").await == Some(0)).then_some(())).await;
}

#[tokio::test]
async fn an_event_larger_than_the_whole_backlog_is_read_from_the_journal() {
    let daemon = Daemon::start_with("[spaces.slow.limits]\nbacklog_bytes = 1000").await;
    daemon.install("slow", "ear").await;
    let event = daemon.request(Method::POST, "/v1/events/news.n").json(&json!("x".repeat(2_000)));
    assert_eq!(event.send().await.unwrap().status(), StatusCode::ACCEPTED);
    assert_eq!(daemon.noted("slow", 1).await.len(), 1);
}

#[tokio::test]
async fn a_space_whose_file_is_missing_at_the_start_hears_later_what_was_published_meanwhile() {
    let daemon = host().await;
    daemon.kill();
    let away = daemon.folder().join("slow.wasm");
    std::fs::rename(daemon.file("slow.wasm"), &away).unwrap();
    let daemon = daemon.again(&[]).await;
    daemon.ready().await;
    publish(&daemon, 0, 40).await;
    assert_eq!(daemon.space("slow").await, Value::Null);
    std::fs::rename(&away, daemon.file("slow.wasm")).unwrap();
    assert_eq!(heard(&daemon.noted("slow", 40).await), numbers(40));
}

#[tokio::test]
async fn an_event_is_not_taken_in_before_its_subscribers_are_loaded() {
    let daemon = host().await;
    let daemon = daemon.killed().await;
    let accepted = async || {
        let event = daemon.request(Method::POST, "/v1/events/news.n").json(&json!("first")).send().await.unwrap();
        match event.status().as_u16() {
            202 => Some(()),
            503 => None,
            status => panic!("{status}"),
        }
    };
    until("the host takes events in", accepted).await;
    daemon.ready().await;
    for space in ["slow", "good"] {
        assert_eq!(heard(&daemon.noted(space, 1).await), [json!("first")]);
    }
}
