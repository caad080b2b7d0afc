//! Going back: a version that fails at its begin gives way to the one before, with its state where nothing rests on the new
//! one's; and where something does, the space stands still and says how to go on.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use spacehost_tests::{Daemon, json_of, until};

/// Three commands whose turns break off.
async fn break_off(daemon: &Daemon) {
    for _ in 0..3 {
        assert_eq!(daemon.run("a", &json!(["trap"])).await.0, 500);
    }
}

async fn gone_back(daemon: &Daemon) -> Value {
    let look = async || Some(daemon.space("a").await).filter(|space| space["file"]["verdict"] == "rolled-back");
    let space = until("the version before serves again", look).await;
    assert_eq!(space["state"], "running");
    space
}

async fn last_reload(daemon: &Daemon) -> Value {
    let path = "/v1/spaces/a/history?reloads=true";
    let history = json_of(daemon.request(Method::GET, path).send().await.expect("an answer")).await;
    history["reloads"].as_array().expect("a list").last().expect("a reload").clone()
}

/// What the host says to an order that it refuses.
async fn refused(daemon: &Daemon, order: &str) -> (StatusCode, String) {
    let answer = daemon.request(Method::POST, &format!("/v1/spaces/a/{order}")).send().await.expect("an answer");
    (answer.status(), json_of(answer).await["detail"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_version_that_breaks_off_from_its_third_message_on_gives_way_to_the_one_before() {
    let daemon = Daemon::start().await;
    let digest = daemon.install("a", "probe").await["digest"].clone();
    daemon.install("a", "ear").await;
    for total in [1, 2] {
        assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(total)));
    }
    break_off(&daemon).await;
    let space = gone_back(&daemon).await;
    assert_eq!((&space["digest"], &space["generation"]), (&digest, &json!(3)));
    let reason = space["file"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("3 of its first 5 turns broke off, the last with:"), "{reason}");
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(3)), "what was done without migration stays");
    assert_eq!(last_reload(&daemon).await["verdict"], "rolled-back");
    daemon.order("a", "reload").await;
    assert_eq!(daemon.space("a").await["generation"], 3, "it is not tried again");
}

#[tokio::test]
async fn the_state_comes_back_with_the_version_before_if_nothing_rests_on_what_was_migrated() {
    let daemon = Daemon::start().await;
    daemon.install("a", "one").await;
    daemon.run("a", &json!([{ "add": 5 }])).await;
    let notes = daemon.noted("a", 1).await;
    daemon.install("a", "two").await;
    break_off(&daemon).await;
    assert_eq!(gone_back(&daemon).await["version"], "1");
    assert_eq!(
        daemon.run("a", &json!(["notes"])).await,
        (200, Value::Array(notes.clone())),
        "that of `migrate` is gone"
    );
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, (200, json!(5)));
    // And so the next host finds it.
    let daemon = daemon.killed().await;
    daemon.ready().await;
    assert_eq!(daemon.space("a").await["version"], "1");
    assert_eq!(daemon.run("a", &json!(["notes"])).await, (200, Value::Array(notes)));
}

#[tokio::test]
async fn a_version_that_breaks_off_with_turns_on_the_state_it_migrated_is_quarantined_with_the_ways_on() {
    let daemon = Daemon::start().await;
    daemon.install("a", "one").await;
    daemon.run("a", &json!([{ "add": 5 }])).await;
    daemon.install("a", "two").await;
    for total in [6, 7] {
        assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(total)));
    }
    break_off(&daemon).await;
    let look = async || Some(daemon.space("a").await).filter(|space| space["state"] == "quarantined");
    let space = until("it is quarantined", look).await;
    let reason = space["reason"].as_str().expect("a reason");
    assert!(reason.contains("3 of its first 5 turns broke off"), "{reason}");
    assert!(reason.contains("version 2 has migrated the state, and 2 turns or more rest on it"), "{reason}");
    assert!(reason.contains("drop a newer version, or an older one whose `migrate` accepts"), "{reason}");
    let ps = daemon.command(&["ps"]).await;
    assert!(String::from_utf8_lossy(&ps.stdout).contains("drop a newer version"), "{ps:?}");
    // One of the ways on: `one` accepts any state.
    assert_eq!(daemon.install("a", "one").await["version"], "1");
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, (200, json!(7)));
}

#[tokio::test]
async fn an_operator_goes_back_with_the_state_until_a_turn_rests_on_what_was_migrated() {
    let daemon = Daemon::start().await;
    daemon.install("a", "one").await;
    daemon.run("a", &json!([{ "add": 5 }])).await;
    daemon.install("a", "two").await;
    daemon.order("a", "rollback").await;
    assert_eq!(gone_back(&daemon).await["version"], "1");
    assert_eq!(daemon.noted("a", 1).await.len(), 1);
    daemon.order("a", "reload?force=true").await;
    daemon.run("a", &json!([{ "add": 1 }])).await;
    let (status, detail) = refused(&daemon, "rollback").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(detail.contains("version 2 has migrated the state, and 1 turns or more rest on it"), "{detail}");
    assert!(detail.contains("Ways on: drop a newer version"), "{detail}");
    let space = daemon.space("a").await;
    assert_eq!((&space["version"], &space["state"]), (&json!("2"), &json!("running")));
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, (200, json!(6)));
}

#[tokio::test]
async fn an_older_version_without_migrate_is_refused() {
    let daemon = Daemon::start().await;
    daemon.install("a", "two").await;
    std::fs::write(daemon.file("a.wasm"), spacehost_tests::guest("probe")).expect("a file");
    let look = async || Some(daemon.space("a").await).filter(|space| space["file"]["verdict"] == "rejected");
    let space = until("it is refused", look).await;
    let reason = space["file"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("version 1 is older than 2, which wrote the state, and has no `migrate`"), "{reason}");
    assert_eq!((&space["version"], &space["state"]), (&json!("2"), &json!("running")));
}

/// Drops `two` in beside settings whose `migrate` does this; answers why it is refused.
async fn migration_refused(limits: &str, migrate: &str) -> String {
    let daemon = Daemon::start().await;
    daemon.install("a", "one").await;
    daemon.run("a", &json!([{ "add": 5 }])).await;
    // As one change: the settings alone would be one, too.
    daemon.order("a", "stop").await;
    std::fs::write(daemon.file("a.toml"), format!("[limits]\n{limits}\n[config]\nmigrate = [{migrate}]\n"))
        .expect("a file");
    std::fs::write(daemon.file("a.wasm"), spacehost_tests::guest("two")).expect("a file");
    let started = daemon.request(Method::POST, "/v1/spaces/a/start").send().await.expect("an answer");
    assert!(started.status().is_success(), "{}", json_of(started).await);
    let look = async || Some(daemon.space("a").await).filter(|space| space["file"]["verdict"] == "rejected");
    let space = until("it is refused", look).await;
    assert_eq!((&space["version"], &space["state"]), (&json!("1"), &json!("running")));
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, (200, json!(5)));
    assert_eq!(daemon.noted("a", 1).await.len(), 1);
    space["file"]["reason"].as_str().expect("a reason").to_owned()
}

#[tokio::test]
async fn a_migration_that_writes_more_than_it_may_is_refused() {
    let reason = migration_refused("migrate_bytes = 5_000", "{ store = 100 }").await;
    assert!(reason.contains("`migrate_bytes` allows 5000 for all partitions together"), "{reason}");
}

#[tokio::test]
async fn a_migration_that_takes_more_than_its_budget_is_refused() {
    let reason = migration_refused("migrate_cpu_ms = 50", "{ spin = 0 }").await;
    assert!(reason.contains("`migrate` failed") && reason.contains("50 ms"), "{reason}");
}
