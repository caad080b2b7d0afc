//! Grants: what a space may send, publish and hear, and what becomes of one that asks for more than it is granted.

use serde_json::{Value, json};
use spacehost::runtime::api::DeployError;
use spacehost::words::{HostSettings, SpaceName, SpaceSettings};
use spacehost_tests::{Daemon, Host, Launch, guest, until};
use std::fs;

/// What spacehost.toml grants the space `a`.
fn granted(lines: &str) -> SpaceSettings {
    let settings = HostSettings::parse(&format!("[spaces.a.grants]\n{lines}")).unwrap();
    settings.space(&SpaceName::parse("a").unwrap())
}

const ALL_IT_ASKS: &str = "commands = [\"b/*\"]\npublish = [\"audit.>\"]";

/// A host on which `a` has what it asks for, with `b` and `c` beside it, which are granted nothing.
async fn clerk() -> Host {
    let host = Host::start();
    host.deploy_with("a", "clerk", granted(ALL_IT_ASKS)).await.unwrap();
    for name in ["b", "c"] {
        host.deploy_with(name, "probe", SpaceSettings::default()).await.unwrap();
    }
    host
}

fn to(kind: &str, to: &str) -> Value {
    json!([{ kind: { "to": to, "body": [{ "add": 1 }] } }])
}

#[tokio::test]
async fn what_is_asked_for_and_granted_passes() {
    let host = clerk().await;
    host.run("a", to("send", "b/run")).await;
    assert_eq!(host.run("a", to("request", "b/run")).await, 2);
    host.run("a", to("publish", "audit.a.b")).await;
    host.run("a", to("publish", "a.own")).await;
}

#[tokio::test]
async fn what_is_granted_and_not_asked_for_is_denied() {
    let host = clerk().await;
    for script in [to("send", "b/other"), to("send", "c/run"), to("request", "c/run"), to("publish", "b.news")] {
        let failure = host.failure("a", script.clone()).await;
        assert_eq!((&*failure.code, failure.retryable), ("denied", false), "{script}");
        assert!(failure.message.contains("ask for it by `wants("), "{}", failure.message);
    }
    assert_eq!(host.total("c").await, 0);
}

#[tokio::test]
async fn without_grants_a_space_publishes_under_its_own_name_and_sends_nothing() {
    let host = clerk().await;
    host.run("b", to("publish", "b.news")).await;
    for script in [to("send", "c/run"), to("request", "a/run"), to("publish", "c.news"), to("publish", "audit.x")] {
        assert_eq!(host.failure("b", script.clone()).await.code, "denied", "{script}");
    }
}

#[tokio::test]
async fn the_hosts_own_topics_are_nobodys() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    assert_eq!(host.failure("a", to("publish", "spacehost.a.reloaded")).await.code, "denied");
}

#[tokio::test]
async fn a_denied_call_that_the_guest_takes_in_its_stride_leaves_the_turn_whole() {
    let host = clerk().await;
    let script = json!([{ "add": 3 }, { "request": { "to": "c/run", "body": [], "catch": true } }]);
    assert_eq!(host.run("a", script).await["code"], "denied");
    assert_eq!(host.total("a").await, 3);
}

#[tokio::test]
async fn a_version_that_asks_for_more_is_not_deployed_and_the_lines_to_add_are_named() {
    let host = Host::start();
    let error = host.deploy_with("a", "clerk", granted("commands = [\"b/run\"]")).await.unwrap_err();
    let DeployError::Ungranted(reason) = error else { panic!("{error}") };
    let lines = "[spaces.a.grants]\ncommands = [\"b/run\"]\npublish = [\"audit.>\"]";
    assert!(reason.ends_with(lines), "{reason}");
    // The lines are the way out.
    let settings = HostSettings::parse(lines).unwrap().space(&SpaceName::parse("a").unwrap());
    host.deploy_with("a", "clerk", settings).await.unwrap();
}

/// `a` hears of the vault what it is granted, and has noted so much of what was said.
async fn heard(subscribe: &str) -> Vec<Value> {
    let host = Host::start();
    host.deploy_with("vault", "vault", SpaceSettings::default()).await.unwrap();
    host.deploy_with("a", "gossip", granted(subscribe)).await.unwrap();
    host.runtime.call("vault", "whisper", "1".into(), Default::default()).await.unwrap();
    host.run("vault", json!([{ "publish": { "to": "vault.open.2", "body": 2 } }])).await;
    host.publish("vault.secret.3", json!(3));
    host.publish("door.closed", json!(4));
    let notes = host.noted("a", if subscribe.contains("vault") { 4 } else { 2 }).await;
    notes.iter().map(|note| note["topic"].clone()).collect()
}

#[tokio::test]
async fn a_private_topic_is_heard_by_those_only_to_whom_it_is_granted_by_name() {
    assert_eq!(heard("subscribe = [\">\"]").await, ["vault.open.2", "door.closed"]);
    let all = ["vault.secret.1", "vault.open.2", "vault.secret.3", "door.closed"];
    assert_eq!(heard("subscribe = [\"*.closed\", \"vault.secret.*\"]").await, all);
}

#[tokio::test]
async fn a_subscription_to_topics_of_anybody_is_parked_until_it_is_granted() {
    let host = Host::start();
    let error = host.deploy_with("a", "gossip", SpaceSettings::default()).await.unwrap_err();
    assert!(error.to_string().contains("to hear *.closed"), "{error}");
    assert!(error.to_string().ends_with("subscribe = [\"*.closed\"]"), "{error}");
}

/// A host that grants what its spacehost.toml says, and no more.
async fn strict(settings: &str) -> Daemon {
    let folder = Daemon::new_folder();
    fs::write(folder.path().join("spacehost.toml"), settings).unwrap();
    let daemon = Daemon::start_in(folder, &Launch { strict: true, ..Launch::default() }).await;
    daemon.ready().await;
    daemon
}

async fn verdict(daemon: &Daemon, verdict: &str) -> Value {
    let reached = async || Some(daemon.space("a").await).filter(|space| space["file"]["verdict"] == verdict);
    until(&format!("`a` is {verdict}"), reached).await
}

fn grant(daemon: &Daemon, lines: &str) {
    fs::write(daemon.folder().join("spacehost.toml"), format!("[spaces.a.grants]\n{lines}")).unwrap();
}

#[tokio::test]
async fn a_file_that_asks_for_more_is_parked_and_serves_when_the_operator_grants_it() {
    let daemon = strict("").await;
    fs::write(daemon.file("a.wasm"), guest("clerk")).unwrap();
    let parked = verdict(&daemon, "parked").await;
    assert_eq!(parked["state"], "parked");
    let reason = parked["reason"].as_str().unwrap();
    assert!(reason.contains("to send the commands b/run; to publish audit.>"), "{reason}");
    assert_eq!(daemon.run("a", &json!([])).await.0, 404);
    grant(&daemon, ALL_IT_ASKS);
    verdict(&daemon, "serving").await;
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(1)));
}

#[tokio::test]
async fn a_settings_file_in_the_drop_folder_grants_nothing() {
    let daemon = strict("").await;
    fs::write(daemon.file("a.toml"), format!("[grants]\n{ALL_IT_ASKS}")).unwrap();
    fs::write(daemon.file("a.wasm"), guest("clerk")).unwrap();
    let refused = verdict(&daemon, "rejected").await;
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("`grants` can stand in spacehost.toml only"), "{reason}");
}

#[tokio::test]
async fn a_grant_that_is_taken_back_parks_what_serves_and_its_state_is_there_when_it_returns() {
    let daemon = strict(&format!("[spaces.a.grants]\n{ALL_IT_ASKS}")).await;
    daemon.install("a", "clerk").await;
    assert_eq!(daemon.run("a", &json!([{ "add": 7 }])).await, (200, json!(7)));
    grant(&daemon, "commands = [\"b/*\"]");
    let parked =
        until("it serves no more", async || Some(daemon.space("a").await).filter(|space| space["state"] == "parked"));
    assert!(parked.await["reason"].as_str().unwrap().contains("to publish audit.>"));
    assert_eq!(daemon.run("a", &json!([])).await.0, 503);
    // Neither an order nor a restart is a way round.
    assert!(!daemon.command(&["start", "a"]).await.status.success());
    let daemon = daemon.killed().await;
    daemon.ready().await;
    verdict(&daemon, "parked").await;
    grant(&daemon, ALL_IT_ASKS);
    verdict(&daemon, "serving").await;
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(8)));
}

#[tokio::test]
async fn a_newer_version_that_asks_for_more_is_parked_and_the_old_one_serves_on() {
    let daemon = strict("").await;
    daemon.install("a", "probe").await;
    fs::write(daemon.file("a.wasm"), guest("clerk")).unwrap();
    let parked = verdict(&daemon, "parked").await;
    assert_eq!(parked["state"], "running");
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(1)));
}
