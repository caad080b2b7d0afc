//! Commands of clients: replies, refusals, and what the space is told about its message.

use serde_json::json;
use spacehost::runtime::api::{Delivery, Outcome, Refusal};
use spacehost_tests::{Host, limits, until};
use std::sync::Arc;

#[tokio::test]
async fn a_command_is_answered_and_its_state_is_there_for_the_next() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    assert_eq!(host.run("a", json!([{ "add": 2 }])).await, 2);
    assert_eq!(host.run("a", json!([{ "add": 3 }])).await, 5);
    assert_eq!(host.usage("a").turns, 2);
}

#[tokio::test]
async fn two_spaces_of_one_component_share_nothing() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.deploy("b", "probe").await;
    host.run("a", json!([{ "add": 2 }])).await;
    assert_eq!(host.total("b").await, 0);
}

#[tokio::test]
async fn what_is_not_there_is_refused_by_name() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    let call = async |space: &str, command: &str| {
        let reply = host.runtime.call(space, command, "[]".into(), Delivery::default()).await;
        reply.expect_err("nobody is there").to_string()
    };
    assert_eq!(call("b", "run").await, "there is no space `b`");
    assert_eq!(call("a", "walk").await, "space `a` has no command `walk`");
    assert!(call("A b", "run").await.contains("`A b` is no space name"));
}

#[tokio::test]
async fn the_context_says_what_came_with_the_message() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    let headers = vec![("correlation-id".to_owned(), "c-1".to_owned())];
    let delivery =
        Delivery { key: Some("k".into()), headers: Some(Arc::new(headers)), connection: 7, idempotency: None };
    let context = host.try_run_with("a", json!(["context"]), delivery).await.unwrap();
    assert_eq!(context["source"], "client");
    assert_eq!(context["key"], "k");
    assert_eq!(context["attempt"], 1);
    assert_eq!(context["headers"], json!([["correlation-id", "c-1"]]));
    assert_eq!((&context["space"], &context["partition"]), (&json!("a"), &json!(0)));
}

#[tokio::test]
async fn each_message_has_an_id_and_a_random_sequence_of_its_own() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    let (one, two) = (host.run("a", json!(["context"])).await, host.run("a", json!(["context"])).await);
    assert_ne!(one["id"], two["id"]);
    assert_ne!(one["random"], two["random"]);
    assert_ne!(one["random"][0], one["random"][1]);
}

#[tokio::test]
async fn key_and_trace_headers_pass_on_with_what_a_turn_sends() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.deploy("b", "probe").await;
    let headers = vec![("correlation-id".to_owned(), "c-1".to_owned()), ("mine".to_owned(), "x".to_owned())];
    let delivery =
        Delivery { key: Some("k".into()), headers: Some(Arc::new(headers)), connection: 0, idempotency: None };
    let script = json!([{ "request": { "to": "b/run", "body": ["context"] } }]);
    let context = host.try_run_with("a", script, delivery).await.unwrap();
    assert_eq!((&context["source"], &context["key"]), (&json!("a"), &json!("k")));
    assert_eq!(context["headers"], json!([["correlation-id", "c-1"]]), "other headers are the sender's own");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_on_the_way_in() {
    let host = Host::start();
    let settings = limits(|limits| limits.message_bytes = 1_000);
    host.deploy_with("a", "probe", settings).await.unwrap();
    let refusal = host.try_run("a", json!([{ "note": "x".repeat(1_000) }])).await.unwrap_err();
    assert!(matches!(refusal, Refusal::TooLarge { allowed: 1_000, limit: "message_bytes", .. }), "{refusal}");
    assert_eq!(host.notes("a").await.len(), 0);
}

#[tokio::test]
async fn a_reply_beyond_the_limit_is_the_turns_failure() {
    let host = Host::start();
    let settings = limits(|limits| limits.message_bytes = 1_000);
    host.deploy_with("a", "probe", settings).await.unwrap();
    assert_eq!(host.failure("a", json!([{ "add": 1 }, { "reply": 1_000 }])).await.code, "too-large");
    assert_eq!(host.total("a").await, 0, "nothing of the turn took effect");
}

#[tokio::test]
async fn what_became_of_a_one_way_command_can_be_asked_for() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    let outcome = async |script| {
        let id = host.send("a", script).unwrap();
        let ended = async || host.runtime.message(id).filter(|outcome| !matches!(outcome, Outcome::Pending));
        until("an outcome", ended).await
    };
    assert!(matches!(outcome(json!([{ "add": 2 }])).await, Outcome::Done { reply } if reply == "2"));
    let failed = outcome(json!([{ "fail": "sold-out" }])).await;
    assert!(matches!(failed, Outcome::Failed { failure } if failure.code == "sold-out"));
}
