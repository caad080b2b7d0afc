//! What a handler sees that is repeated because the host was killed in the middle of it: the same message, the same time,
//! and the replies that it got; so whatever it asked for has been done once.

use serde_json::json;
use spacehost_tests::{Daemon, until};

/// Spaces that may take their time.
async fn host() -> Daemon {
    let names = ["a", "b", "c", "d"];
    let limits = names.map(|name| {
        format!("[spaces.{name}.limits]\ncpu_per_turn_ms = 60_000\nrequest_timeout_ms = 60_000\nretry_first_ms = 1\n")
    });
    let daemon = Daemon::start_with(&limits.concat()).await;
    for name in names {
        daemon.install(name, "probe").await;
    }
    daemon
}

fn ask(to: &str, body: serde_json::Value) -> serde_json::Value {
    json!({ "request": { "to": format!("{to}/run"), "body": body } })
}

/// Waits until `c` is busy with what it was asked and `witness` has done its part for good, then kills the host. What `c` was
/// asked ends in the next one, because there it has taken the note that is sent to it now.
async fn killed_while_c_is_asked(daemon: Daemon, witness: &str) -> Daemon {
    let busy = async || (daemon.space("c").await["usage"]["backlog_messages"].as_u64() > Some(0)).then_some(());
    until("`c` is asked", busy).await;
    daemon.send("c", &json!([{ "note": "go" }])).await;
    // An answer leaves when all before it is on disk.
    assert_eq!(daemon.run(witness, &json!([])).await.0, 200);
    let daemon = daemon.killed().await;
    daemon.ready().await;
    daemon
}

fn wait_at_c() -> serde_json::Value {
    ask("c", json!([{ "spin-unless-noted": "go" }]))
}

#[tokio::test]
async fn a_caller_that_is_repeated_gets_the_reply_that_it_got_and_the_callee_ran_once() {
    let daemon = host().await;
    daemon.send("a", &json!([ask("b", json!([{ "add": 1 }])), wait_at_c(), { "note": "done" }])).await;
    let daemon = killed_while_c_is_asked(daemon, "b").await;
    daemon.noted("a", 1).await;
    assert_eq!(daemon.run("b", &json!([{ "add": 0 }])).await, (200, json!(1)));
}

#[tokio::test]
async fn one_who_was_asked_and_is_repeated_gets_the_replies_that_it_got_too() {
    let daemon = host().await;
    let asked = json!([ask("d", json!([{ "add": 1 }])), wait_at_c(), { "add": 1 }]);
    daemon.send("a", &json!([ask("b", asked), { "note": "done" }])).await;
    let daemon = killed_while_c_is_asked(daemon, "d").await;
    daemon.noted("a", 1).await;
    assert_eq!(daemon.run("b", &json!([{ "add": 0 }])).await, (200, json!(1)));
    assert_eq!(daemon.run("d", &json!([{ "add": 0 }])).await, (200, json!(1)), "its turn had stood");
}

#[tokio::test]
async fn a_firing_that_is_repeated_is_the_same_message() {
    let daemon = host().await;
    let steps = json!({ "steps": [ask("b", json!([{ "add": 1 }])), wait_at_c()] });
    for timer in [
        json!({ "name": "tick/hourly", "every_ms": 3_600_000 }),
        json!({ "name": "tick/once", "after_ms": 1, "body": steps }),
    ] {
        daemon.run("a", &json!([{ "timer": timer }])).await;
    }
    let daemon = killed_while_c_is_asked(daemon, "b").await;
    daemon.noted("a", 1).await;
    assert_eq!(daemon.run("b", &json!([{ "add": 0 }])).await, (200, json!(1)));
    assert_eq!(daemon.space("a").await["usage"]["timers"], 1, "the interval is still set");
}

#[tokio::test]
async fn a_caller_that_is_repeated_sees_the_same_time_and_so_asks_the_same() {
    let daemon = host().await;
    daemon.send("a", &json!([{ "request-now": "b/run" }, wait_at_c(), { "note": "done" }])).await;
    let daemon = killed_while_c_is_asked(daemon, "b").await;
    daemon.noted("a", 1).await;
    assert_eq!(daemon.noted("b", 1).await.len(), 1);
    assert_eq!(daemon.space("a").await["usage"]["dead_letters"], 0, "it has not diverged");
}
