//! The interface check: what a new version lacks is reported, or keeps it out.

use reqwest::Method;
use serde_json::{Value, json};
use spacehost::runtime::api::DeployError;
use spacehost::words::{Policy, SpaceName, SpaceSettings};
use spacehost_tests::{Daemon, Host, guest, until};
use std::fs;

/// `one` has it, `probe` has not.
const GONE: &str = "the command `version` is gone: callers get 404 / `unknown-command`";

fn space(name: &str) -> SpaceName {
    name.parse().unwrap()
}

fn strict() -> SpaceSettings {
    let mut settings = SpaceSettings::default();
    settings.reload.interface = Policy::Reject;
    settings
}

/// What a command of the binary prints.
async fn printed(daemon: &Daemon, words: &[&str]) -> String {
    let output = daemon.command(words).await;
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn version_answers(daemon: &Daemon) -> u16 {
    let answer = daemon.request(Method::POST, "/v1/spaces/a/commands/version").send().await.unwrap();
    answer.status().as_u16()
}

/// Drops `probe` in, and answers why it is refused.
async fn refused_probe(daemon: &Daemon) -> String {
    fs::write(daemon.file("a.wasm"), guest("probe")).unwrap();
    let refused = async || {
        let space = daemon.space("a").await;
        (space["file"]["verdict"] == "rejected").then(|| space["reason"].as_str().unwrap_or_default().to_owned())
    };
    until("`probe` is refused", refused).await
}

/// Waits until that generation serves and its report is there, and answers what the checks have found.
async fn warnings(daemon: &Daemon, generation: u64) -> Value {
    let report = async || {
        let report = daemon.space("a").await["file"]["last_reload"].take();
        (report["to_generation"] == generation).then_some(report)
    };
    until(&format!("generation {generation} is reported"), report).await["warnings"].take()
}

#[tokio::test]
async fn a_new_version_that_lacks_a_command_serves_and_every_surface_says_so() {
    let daemon = Daemon::start().await;
    daemon.install("a", "one").await;
    assert_eq!(printed(&daemon, &["ps"]).await.matches("warning").count(), 0);
    daemon.install("a", "probe").await;
    assert_eq!(warnings(&daemon, 2).await, json!([GONE]));
    assert_eq!(version_answers(&daemon).await, 404);
    let listed = printed(&daemon, &["ps"]).await;
    assert!(listed.contains("serves with 1 warning: spacehost inspect a"), "{listed}");
    let shown = printed(&daemon, &["inspect", "a"]).await;
    assert!(shown.contains(&format!("warnings\n  {GONE}\n")), "{shown}");
    let reloads =
        async || Some(printed(&daemon, &["history", "a", "--reloads"]).await).filter(|past| past.contains(GONE));
    until("the history of reloads tells it", reloads).await;
    assert!(daemon.log().contains(GONE), "{}", daemon.log());
    // The next version is held to what this one has.
    daemon.install("a", "one").await;
    let hears = "the subscription `news.*.hot` is gone: its events are not heard any more";
    let tick = "the timer `tick` is gone: those that are set become dead letters when they fire";
    assert_eq!(warnings(&daemon, 3).await, json!([hears, tick]));
}

#[tokio::test]
async fn under_reject_it_is_refused_until_the_operator_follows_the_advice() {
    let daemon = Daemon::start_with("[spaces.a.reload]\ninterface = \"reject\"\n").await;
    daemon.install("a", "one").await;
    daemon.run("a", &json!([{ "add": 5 }])).await;
    let reason = refused_probe(&daemon).await;
    assert!(reason.contains(GONE), "{reason}");
    let space = daemon.space("a").await;
    assert_eq!((&space["state"], &space["generation"]), (&json!("running"), &json!(1)));
    assert_eq!((version_answers(&daemon).await, daemon.run("a", &json!([{ "add": 1 }])).await), (200, (200, json!(6))));
    let lines = reason.find("[spaces.a.reload]").expect("the lines to be put into spacehost.toml");
    fs::write(daemon.folder().join("spacehost.toml"), &reason[lines..]).unwrap();
    assert_eq!(warnings(&daemon, 2).await, json!([GONE]));
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, (200, json!(6)));
}

#[tokio::test]
async fn a_file_beside_the_component_can_be_stricter_and_lets_pass_what_keeps_the_interface() {
    let daemon = Daemon::start().await;
    fs::write(daemon.file("a.toml"), "[reload]\ninterface = \"reject\"\n").unwrap();
    daemon.install("a", "one").await;
    assert!(refused_probe(&daemon).await.contains(GONE));
    let space = daemon.install("a", "two").await;
    assert_eq!((&space["version"], warnings(&daemon, 2).await), (&json!("2"), json!([])));
}

#[tokio::test]
async fn a_subscription_that_hears_less_is_reported() {
    let host = Host::start();
    host.deploy("a", "ear").await;
    let probe = host.load("probe").await;
    let checked = host.runtime.check(&space("a"), &probe, &SpaceSettings::default()).await.unwrap();
    let narrowed = "the subscription `news.>` is narrowed to `news.*.hot`: other events are not heard any more";
    assert_eq!(checked.warnings, [narrowed]);
    let error = host.runtime.check(&space("a"), &probe, &strict()).await.unwrap_err();
    assert!(matches!(&error, DeployError::Checked(why) if why.contains(narrowed)), "{error}");
    // The other way round it hears more.
    host.deploy("b", "probe").await;
    let ear = host.load("ear").await;
    assert_eq!(host.runtime.check(&space("b"), &ear, &strict()).await.unwrap().warnings, [""; 0]);
}

#[tokio::test]
async fn a_new_space_has_nothing_to_keep() {
    let host = Host::start();
    let probe = host.load("probe").await;
    assert_eq!(host.runtime.check(&space("a"), &probe, &strict()).await.unwrap().warnings, [""; 0]);
}

#[tokio::test]
async fn a_space_whose_file_was_gone_is_held_to_what_it_served() {
    let host = Host::start();
    host.deploy("a", "one").await;
    host.runtime.remove(&space("a"), std::time::Duration::ZERO).await;
    let probe = host.load("probe").await;
    let checked = host.runtime.check(&space("a"), &probe, &SpaceSettings::default()).await.unwrap();
    assert_eq!(checked.warnings, [GONE]);
}

#[tokio::test]
async fn of_a_version_that_is_not_brought_back_after_a_start_the_subscriptions_are_still_known() {
    let host = Host::durable();
    host.deploy("a", "ear").await;
    let host = host.restarted().await;
    let one = host.load("one").await;
    let checked = host.runtime.check(&space("a"), &one, &SpaceSettings::default()).await.unwrap();
    assert_eq!(checked.warnings, ["the subscription `news.>` is gone: its events are not heard any more"]);
}
