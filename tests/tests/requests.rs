//! Requests between spaces: replies, time-outs, rings of waits, and what a retried caller gets.

use serde_json::{Value, json};
use spacehost::words::SpaceSettings;
use spacehost_tests::{Host, fast_retries, granting_all, limits, until};

async fn spaces(names: &[&str], settings: SpaceSettings) -> Host {
    let host = Host::start();
    for name in names {
        host.deploy_with(name, "probe", settings.clone()).await.unwrap();
    }
    host
}

fn request(to: &str, body: Value) -> Value {
    json!({ "request": { "to": format!("{to}/run"), "body": body } })
}

/// Asks, and gives the failure's code in place of failing.
fn ask(to: &str, body: Value) -> Value {
    json!({ "request": { "to": format!("{to}/run"), "body": body, "catch": true } })
}

#[tokio::test]
async fn a_request_gets_the_reply_and_the_other_spaces_turn_stands() {
    let host = spaces(&["a", "b"], granting_all()).await;
    assert_eq!(host.run("a", json!([request("b", json!([{ "add": 4 }]))])).await, 4);
    let failure = host.failure("a", json!([request("b", json!([{ "add": 4 }])), { "fail": "late" }])).await;
    assert_eq!(failure.code, "late");
    assert_eq!(host.total("b").await, 8, "its effects stay though the caller's turn failed");
}

#[tokio::test]
async fn the_other_spaces_failure_is_the_callers_to_handle() {
    let host = spaces(&["a", "b"], granting_all()).await;
    let reply = host.run("a", json!([{ "add": 1 }, ask("b", json!([{ "fail": "no-stock" }]))])).await;
    assert_eq!(reply, json!({ "code": "no-stock", "retryable": false }));
    assert_eq!(host.total("a").await, 1, "a failure that was handled costs nothing");
}

#[tokio::test]
async fn a_trap_of_the_other_space_is_a_failure_here_and_no_dead_letter_there() {
    let host = spaces(&["a", "b"], granting_all()).await;
    let reply = host.run("a", json!([ask("b", json!(["trap"]))])).await;
    assert_eq!(reply["retryable"], true);
    assert_eq!(host.usage("b").traps, 1);
    assert!(host.dead_letters("b").is_empty());
}

#[tokio::test]
async fn a_space_that_does_not_serve_is_unavailable() {
    let host = spaces(&["a", "b"], granting_all()).await;
    host.runtime.stop(&"b".parse().unwrap()).await.unwrap();
    assert_eq!(host.run("a", json!([ask("b", json!([]))])).await, json!({ "code": "unavailable", "retryable": true }));
}

#[tokio::test]
async fn a_request_round_a_ring_is_refused_at_once() {
    let host = spaces(&["a", "b", "c"], granting_all()).await;
    let to_oneself = host.run("a", json!([ask("a", json!([]))])).await;
    assert_eq!(to_oneself["code"], "cycle");
    let ring = json!([request("b", json!([request("c", json!([ask("a", json!([]))]))]))]);
    assert_eq!(host.run("a", ring).await["code"], "cycle");
}

#[tokio::test]
async fn a_request_that_had_not_begun_times_out_and_certainly_has_no_effect() {
    let host = spaces(&["a", "b", "c"], limits(|limits| limits.cpu_per_turn_ms = 60_000)).await;
    // `b` is busy until its own request to a spinning `c` times out, which is later than that of `a`.
    let busy = json!([{ "request": { "to": "c/run", "body": [{ "spin": 0 }], "timeout_ms": 3_000, "catch": true } }]);
    host.send("b", busy).unwrap();
    until("`c` spins", async || (host.usage("c").backlog_messages > 0).then_some(())).await;
    let asked = json!([{ "request": { "to": "b/run", "body": [{ "add": 1 }], "timeout_ms": 50, "catch": true } }]);
    assert_eq!(host.run("a", asked).await, json!({ "code": "timeout", "retryable": true }));
    assert!(host.settled("b").await.is_empty());
    assert_eq!(host.total("b").await, 0);
}

#[tokio::test]
async fn a_request_that_had_begun_is_unknown_when_it_times_out() {
    let host = spaces(&["a", "b"], granting_all()).await;
    let asked = json!([{ "request": { "to": "b/run", "body": [{ "spin": 0 }], "timeout_ms": 50, "catch": true } }]);
    assert_eq!(host.run("a", asked).await, json!({ "code": "unknown", "retryable": false }));
}

#[tokio::test]
async fn a_retried_caller_gets_the_recorded_reply_and_the_callee_ran_once() {
    let host = spaces(&["a", "b"], fast_retries()).await;
    let twice = json!([
        request("b", json!([{ "add": 1 }])),
        { "first": { "attempts": 2, "steps": [{ "retry": "busy" }] } },
        { "send": { "to": "a/run", "body": [{ "note": "done" }] } },
    ]);
    host.send("a", twice).unwrap();
    host.noted("a", 1).await;
    assert_eq!(host.usage("a").retries, 2);
    assert_eq!(host.total("b").await, 1);
}

#[tokio::test]
async fn a_caller_that_traps_after_a_request_gets_the_recorded_reply_too() {
    let host = spaces(&["a", "b"], fast_retries()).await;
    let script =
        json!([request("b", json!([{ "add": 1 }])), { "first": { "attempts": 1, "steps": ["trap"] } }, { "add": 1 }]);
    host.send("a", script).unwrap();
    assert!(host.settled("a").await.is_empty());
    assert_eq!((host.total("a").await, host.total("b").await), (1, 1));
}

#[tokio::test]
async fn a_recorded_failure_is_given_again_but_a_passing_one_is_asked_anew() {
    let host = spaces(&["a", "b"], fast_retries()).await;
    let fails_first = json!([{ "first": { "attempts": 1, "steps": [{ "retry": "busy" }] } }]);
    let script = json!([
        ask("b", json!([{ "fail": "no-stock" }])),
        ask("b", fails_first),
        { "first": { "attempts": 1, "steps": [{ "retry": "busy" }] } },
    ]);
    host.send("a", script).unwrap();
    assert!(host.settled("a").await.is_empty());
    // Once the final failure; the passing one in both attempts, since a request is tried once by the callee.
    assert_eq!(host.usage("b").failures, 3);
}

#[tokio::test]
async fn a_retry_that_asks_something_else_is_a_dead_letter_as_diverged() {
    let host = spaces(&["a", "b"], fast_retries()).await;
    let first = json!([request("b", json!([{ "add": 1 }])), { "retry": "busy" }]);
    let script = json!([{ "first": { "attempts": 1, "steps": first } }, request("b", json!([{ "add": 100 }]))]);
    host.send("a", script).unwrap();
    let letters = host.settled("a").await;
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].failure.code.as_ref(), letters[0].attempts), ("diverged", 2));
    assert_eq!(host.total("b").await, 1, "the second request was never made");
}

#[tokio::test]
async fn requests_between_two_spaces_in_both_directions_end_without_a_deadlock() {
    let host = spaces(&["a", "b"], granting_all()).await;
    let mut settings = fast_retries();
    settings.limits.congestion_ms = 60_000;
    for (name, other) in [("a", "b"), ("b", "a")] {
        host.deploy_with(name, "probe", settings.clone()).await.unwrap();
        for _ in 0..50 {
            host.send(name, json!([{ "add": 1 }, request(other, json!([{ "add": 1_000 }]))])).unwrap();
        }
    }
    assert!(host.settled("a").await.is_empty() && host.settled("b").await.is_empty());
    assert_eq!((host.total("a").await, host.total("b").await), (50_050, 50_050));
}

#[tokio::test]
async fn an_event_leads_to_requests_of_their_own_at_each_subscriber() {
    let host = spaces(&["a", "b", "c"], granting_all()).await;
    // `c` hears the event, too, but a request to itself is a cycle.
    host.publish("news.x.hot", json!({ "steps": [ask("c", json!(["note-context"]))] }));
    let notes = host.noted("c", 2).await;
    let mut ids: Vec<String> = notes.iter().map(|note| note["id"].to_string()).collect();
    let mut random: Vec<String> = notes.iter().map(|note| note["random"].to_string()).collect();
    for different in [&mut ids, &mut random] {
        different.sort();
        different.dedup();
        assert_eq!(different.len(), 2, "{notes:?}");
    }
}
