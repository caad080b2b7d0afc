//! The replay gate: a new version is tried on what the one before it has handled, and whatever it does there has no effect.

use reqwest::Method;
use serde_json::{Value, json};
use spacehost::runtime::Artifact;
use spacehost::runtime::api::{Checked, Delivery, DeployError, StateQuery};
use spacehost::runtime::replay::{Bounds, Replayed};
use spacehost::runtime::traces::headers;
use spacehost::words::{Policy, SpaceName, SpaceSettings};
use spacehost_tests::raw::renamed;
use spacehost_tests::{Daemon, Host, guest, json_of, limits, until};
use std::path::Path;
use std::time::Duration;

/// Settings under which the last so many messages are kept for replays.
fn gated(messages: u64) -> SpaceSettings {
    limits(|limits| limits.replay_messages = messages)
}

fn rejecting(messages: u64) -> SpaceSettings {
    let mut settings = gated(messages);
    settings.reload.replay = Policy::Reject;
    settings
}

fn name(name: &str) -> SpaceName {
    SpaceName::parse(name).unwrap()
}

/// The guest as another file that does the same: only what its failures say to people differs.
async fn alike(guest_name: &'static str) -> Vec<u8> {
    bent(guest_name, "as the script says", "as the skript says").await
}

/// The guest with its total in a cell of another name: it finds nothing there, and writes elsewhere.
async fn forgetful(guest_name: &'static str) -> Vec<u8> {
    bent(guest_name, "total", "totel").await
}

async fn bent(guest_name: &'static str, from: &'static str, to: &'static str) -> Vec<u8> {
    // The first test to come here builds the guests for all.
    let bend = move || renamed(guest(guest_name), from, to);
    tokio::task::spawn_blocking(bend).await.expect("the guests build")
}

fn load(host: &Host, bytes: &[u8]) -> Artifact {
    host.runtime.load(bytes, &SpaceSettings::default()).expect("the component loads")
}

async fn check(host: &Host, candidate: &[u8], settings: &SpaceSettings) -> Result<Checked, DeployError> {
    host.runtime.check(&name("a"), &load(host, candidate), settings).await
}

/// Tries a candidate by hand on the last messages of `a`.
async fn replay(host: &Host, candidate: &[u8], messages: usize) -> Replayed {
    replay_with(host, candidate, messages, &gated(100)).await
}

async fn replay_with(host: &Host, candidate: &[u8], messages: usize, settings: &SpaceSettings) -> Replayed {
    let bounds = Bounds { messages, time: Duration::from_secs(60) };
    host.runtime.replay(&name("a"), &load(host, candidate), settings, bounds).await.expect("it is tried")
}

fn counts(replayed: &Replayed) -> [u64; 4] {
    [replayed.same, replayed.different, replayed.not_comparable, replayed.not_tried]
}

/// A durable host with `a` on these settings, and `b` for others to talk to.
async fn host_with(guest_name: &str, settings: SpaceSettings) -> Host {
    let host = Host::durable();
    host.deploy_with("a", guest_name, settings).await.unwrap();
    host.deploy("b", "ear").await;
    host
}

#[tokio::test]
async fn the_gate_is_off_by_default() {
    let host = host_with("one", SpaceSettings::default()).await;
    host.run("a", json!([{ "add": 1 }])).await;
    let checked = check(&host, &forgetful("one").await, &SpaceSettings::default()).await.unwrap();
    assert_eq!((checked.warnings, checked.replay), (Vec::<String>::new(), Duration::ZERO));
}

#[tokio::test]
async fn a_version_that_does_the_same_passes_whatever_the_messages_were() {
    let mut settings = rejecting(100);
    (settings.limits.retry_first_ms, settings.limits.retry_most_ms) = (1, 5);
    let host = host_with("probe", settings.clone()).await;
    let scripts = [
        json!([{ "add": 5 }, { "store": 3 }, "count"]),
        json!([{ "note": { "b": 1, "a": 2 } }, "note-context", "context"]),
        json!([{ "publish": { "to": "a.said", "body": { "n": 1 }, "times": 3, "numbered": true } }]),
        json!([{ "send": { "to": "b/run", "body": [{ "add": 1 }], "key": "k" } }]),
        json!([{ "timer": { "name": "later", "after_ms": 3_600_000 } }, { "cancel": "other" }]),
        json!([{ "request": { "to": "b/run", "body": [{ "add": 7 }] } }, { "add": 1 }]),
        json!([{ "request": { "to": "b/run", "body": [{ "fail": "no" }], "catch": true } }]),
        json!([{ "send": { "to": "nobody/run", "body": [] } }]),
    ];
    for script in &scripts {
        // The last one fails, and so do its retellings.
        let _ = host.try_run("a", script.clone()).await;
    }
    let headers = Some(std::sync::Arc::new(vec![("traceparent".to_owned(), "00-1-2-00".to_owned())]));
    let delivery = Delivery { key: Some("key".into()), headers, ..Delivery::default() };
    host.try_run_with("a", json!(["context", { "publish": { "to": "a.x" } }]), delivery).await.unwrap();
    host.publish("news.x.hot", json!("heard"));
    host.send("a", json!([{ "first": { "attempts": 1, "steps": [{ "retry": "later" }] } }, "note-attempt"])).unwrap();
    host.run("a", json!([{ "timer": { "name": "tick", "after_ms": 1, "body": 1 } }])).await;
    // Two notes of the scripts, the event, the attempt, the firing.
    host.noted("a", 5).await;
    host.settled("a").await;
    host.settled("b").await;
    let total = host.total("b").await;
    let messages = host.runtime.history(&name("a"), 1_000).unwrap().len() as u64;
    assert!(messages > scripts.len() as u64 + 4);
    let candidate = alike("probe").await;
    let replayed = replay_with(&host, &candidate, 1_000, &settings).await;
    assert_eq!(counts(&replayed), [messages, 0, 0, 0], "{replayed}");
    let checked = check(&host, &candidate, &settings).await.unwrap();
    assert!(checked.warnings.is_empty() && checked.replay > Duration::ZERO, "{checked:?}");
    assert_eq!(host.total("b").await, total, "nobody was asked again");
}

#[tokio::test]
async fn where_a_message_stands_in_a_trace_is_no_difference() {
    let host = Host::durable_traced();
    host.deploy_with("a", "probe", rejecting(100)).await.unwrap();
    host.deploy("b", "ear").await;
    let context = host.runtime.traces().begin().expect("all are followed");
    let delivery = Delivery { headers: headers(context), ..Delivery::default() };
    let script = json!([
        { "publish": { "to": "a.said" } }, { "send": { "to": "b/run", "body": ["note-context"] } },
        { "request": { "to": "b/run", "body": ["note-context"] } }, "note-context",
    ]);
    host.try_run_with("a", script, delivery).await.unwrap();
    let asked = host.noted("b", 2).await;
    let passed_on = |note: &serde_json::Value| note["headers"].to_string().contains(&context.to_string());
    assert!(!asked.iter().any(passed_on), "the turn has a span of its own: {asked:?}");
    host.settled("a").await;
    let replayed = replay_with(&host, &alike("probe").await, 100, &rejecting(100)).await;
    assert_eq!(counts(&replayed), [1, 0, 0, 0], "{replayed}");
}

#[tokio::test]
async fn a_version_that_replies_otherwise_is_reported_or_refused_with_the_difference() {
    let host = host_with("one", gated(100)).await;
    host.run("a", json!([{ "add": 5 }])).await;
    host.run("a", json!([{ "add": 2 }])).await;
    let candidate = forgetful("one").await;
    let checked = check(&host, &candidate, &gated(100)).await.unwrap();
    let [warning] = &checked.warnings[..] else { panic!("one warning but {checked:?}") };
    assert!(warning.contains("2 recorded messages: 0 the same, 2 different"), "{warning}");
    assert!(warning.contains("command `run`") && warning.contains("\n  - reply 7\n  + reply 2\n"), "{warning}");
    assert!(warning.contains("\n  - write total = 7\n  + write totel = 2"), "{warning}");
    let error = check(&host, &candidate, &rejecting(100)).await.unwrap_err();
    let DeployError::Checked(text) = error else { panic!("it is refused for {error}") };
    assert!(text.contains("- reply 7") && text.contains("[spaces.a.reload]\nreplay = \"warn\""), "{text}");
    assert_eq!(host.total("a").await, 7);
}

#[tokio::test]
async fn each_message_is_tried_on_the_state_as_it_was_before_it_however_few_are_tried() {
    let host = host_with("shards", gated(100)).await;
    for n in 0..40 {
        let delivery = Delivery { key: Some(format!("k{n}").into()), ..Delivery::default() };
        host.try_run_with("a", json!([{ "add": n }, { "note": n }, { "store": n % 5 }]), delivery.clone())
            .await
            .unwrap();
        host.try_run_with("a", json!(["notes"]), delivery).await.unwrap();
    }
    let candidate = alike("shards").await;
    for messages in [1, 7, 80] {
        let replayed = replay(&host, &candidate, messages).await;
        assert_eq!(counts(&replayed), [messages as u64, 0, 0, 0], "{replayed}");
    }
    // A difference in one message is none in the next: what was recorded goes on.
    let replayed = replay(&host, &forgetful("shards").await, 80).await;
    assert_eq!((replayed.same, replayed.different), (40, 40), "{replayed}");
}

#[tokio::test]
async fn a_request_without_a_counterpart_makes_a_message_not_comparable() {
    // `ear` makes no requests: it fails where `probe` asks.
    let host = host_with("ear", rejecting(100)).await;
    host.failure("a", json!([{ "request": { "to": "b/run", "body": [{ "add": 1 }] } }])).await;
    host.run("a", json!([{ "add": 1 }])).await;
    let checked = check(&host, guest("probe"), &rejecting(100)).await.unwrap();
    // The interface check has something to say, too.
    let warning = checked.warnings.iter().find(|warning| warning.starts_with("tried on")).expect("a warning");
    assert!(warning.contains("1 the same, 0 different, 1 not comparable"), "{warning}");
    assert!(warning.contains("a request to `b/run` that the recorded turn did not make"), "{warning}");
    assert_eq!(host.total("b").await, 0);
    // The other way round the request is missing.
    let host = host_with("probe", gated(100)).await;
    host.run("a", json!([{ "request": { "to": "b/run", "body": [{ "add": 1 }] } }])).await;
    let replayed = replay(&host, guest("ear"), 100).await;
    assert!(replayed.to_string().contains("+ failure no-requests") && replayed.to_string().contains("- request 0"));
}

#[tokio::test]
async fn a_version_that_traps_where_the_one_before_did_not_is_told_so_and_goes_on() {
    let host = host_with("one", gated(100)).await;
    host.run("a", json!([{ "add": 1 }])).await;
    host.run("a", json!([{ "allocate": 8 }])).await;
    host.run("a", json!([{ "add": 1 }])).await;
    let small = limits(|limits| limits.memory_bytes = 4 << 20);
    let replayed = replay_with(&host, &alike("one").await, 100, &small).await;
    assert_eq!(counts(&replayed), [2, 1, 0, 0], "{replayed}");
    assert!(replayed.differences[0].lines[1].starts_with("+ failure trapped (may pass): "), "{replayed}");
}

#[tokio::test]
async fn a_changed_version_is_tried_on_migrated_state_and_other_versions_turns_are_left_alone() {
    let host = host_with("one", gated(100)).await;
    host.run("a", json!([{ "add": 3 }])).await;
    host.run("a", json!([{ "note": "x" }, "notes"])).await;
    let call = host.runtime.call("a", "version", "".into(), Delivery::default());
    assert_eq!(call.await.unwrap(), "1");
    let two = guest("two");
    let replayed = replay(&host, two, 100).await;
    assert_eq!(counts(&replayed), [1, 2, 0, 0], "{replayed}");
    let text = replayed.to_string();
    assert!(text.contains("\n  - reply 1\n  + reply 2") && text.contains("`migrate` from version `1` ran"), "{text}");
    assert!(text.contains(r#"{"from":"1","to":"2"}"#), "{text}");
    host.deploy_with("a", "two", gated(100)).await.unwrap();
    host.run("a", json!([{ "add": 1 }])).await;
    let replayed = replay(&host, &alike("two").await, 100).await;
    assert_eq!(counts(&replayed), [1, 0, 0, 0], "{replayed}");
    assert!(replayed.notes[0].contains("generation 1 served before"), "{replayed}");
}

#[tokio::test]
async fn what_there_is_no_time_for_is_not_tried_and_the_space_serves_meanwhile() {
    let host = host_with("one", gated(100)).await;
    for _ in 0..3 {
        host.run("a", json!([{ "add": 1 }])).await;
    }
    let mut endless = gated(100);
    endless.config = json!({ "migrate": [{ "spin": 0 }] }).as_object().cloned().unwrap();
    let candidate = load(&host, guest("two"));
    let space = name("a");
    let bounds = Bounds { messages: 100, time: Duration::from_secs(2) };
    let replaying = host.runtime.replay(&space, &candidate, &endless, bounds);
    let (replayed, total) = tokio::join!(replaying, host.run("a", json!([{ "add": 1 }])));
    let replayed = replayed.unwrap();
    // The turn beside it came before the replay began, or after.
    assert!(counts(&replayed) == [0, 0, 0, 3] || counts(&replayed) == [0, 0, 0, 4], "{replayed}");
    assert_eq!((total, host.total("a").await), (json!(4), 4));
}

#[tokio::test]
async fn a_restart_of_the_host_is_no_end_of_what_can_be_told_again() {
    let host = host_with("one", gated(100)).await;
    host.run("a", json!([{ "add": 3 }, "context"])).await;
    let host = host.restarted().await;
    host.deploy_with("a", "one", gated(100)).await.unwrap();
    host.run("a", json!([{ "add": 4 }, "context"])).await;
    let replayed = replay(&host, &alike("one").await, 100).await;
    assert_eq!(counts(&replayed), [2, 0, 0, 0], "{replayed}");
}

#[tokio::test]
async fn turns_whose_former_values_are_not_on_record_are_not_tried() {
    let host = host_with("one", SpaceSettings::default()).await;
    host.run("a", json!([{ "add": 1 }])).await;
    host.run("a", json!([{ "add": 1 }])).await;
    assert_eq!(counts(&replay(&host, &alike("one").await, 100).await), [0; 4]);
}

#[tokio::test]
async fn a_replay_changes_nothing() {
    let host = host_with("probe", gated(100)).await;
    let script = json!([{ "add": 1 }, { "publish": { "to": "news.x.hot", "body": 1 } },
        { "request": { "to": "b/run", "body": [{ "add": 1 }] } }, { "timer": { "name": "tick", "after_ms": 3_600_000 } }]);
    host.run("a", script).await;
    host.settled("a").await;
    host.settled("b").await;
    let seen = async || {
        let query = StateQuery { limit: 1_000, ..StateQuery::default() };
        let states = [host.runtime.state(&name("a"), query.clone()).await, host.runtime.state(&name("b"), query).await];
        let histories = ["a", "b"].map(|space| host.runtime.history(&name(space), 1_000).unwrap());
        let usages = ["a", "b"].map(|space| host.usage(space)).map(|usage| (usage.turns, usage.emitted, usage.timers));
        format!("{states:?} {histories:?} {usages:?}")
    };
    let sequence = || host.publish("x.y", json!(0)).sequence;
    let (before, first) = (seen().await, sequence());
    let replayed = replay(&host, &forgetful("probe").await, 100).await;
    assert!(replayed.different > 0, "{replayed}");
    assert_eq!((seen().await, sequence()), (before, first + 1));
}

#[tokio::test]
async fn a_reload_is_refused_by_the_gate_and_the_old_version_goes_on() {
    let daemon = Daemon::start_with(GATE).await;
    daemon.install("a", "one").await;
    assert_eq!(daemon.run("a", &json!([{ "add": 2 }])).await, (200, json!(2)));
    assert_eq!(daemon.run("a", &json!([{ "add": 3 }])).await, (200, json!(5)));
    std::fs::write(daemon.file("a.wasm"), forgetful("one").await).unwrap();
    let reason = async || daemon.space("a").await["file"]["reason"].as_str().map(str::to_owned);
    let refused = async || reason().await.filter(|reason| !reason.is_empty());
    let reason = until("the version is refused", refused).await;
    assert!(reason.contains("- reply 5\n  + reply 3") && reason.contains("2 different"), "{reason}");
    let space = daemon.space("a").await;
    assert_eq!((&space["state"], &space["generation"]), (&json!("running"), &json!(1)));
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(6)));
    // One that does the same is let in.
    std::fs::write(daemon.file("a.wasm"), alike("one").await).unwrap();
    let serves = async || (daemon.space("a").await["generation"] == 2).then_some(());
    until("the other version serves", serves).await;
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(7)));
}

/// What the command says: its exit code, and its output as text.
async fn command(daemon: &Daemon, words: &[&str]) -> (i32, String, String) {
    let output = daemon.command(words).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("it ends by itself"), text(&output.stdout), text(&output.stderr))
}

/// All files of the host's data but the lock, which names its last holder, and their digests.
fn digests(folder: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(digests(&path));
        } else if path.file_name().is_some_and(|name| name != "lock") {
            let bytes = std::fs::read(&path).expect("a file");
            found.push((path.display().to_string(), xxhash_rust::xxh3::xxh3_64(&bytes)));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn the_command_tries_a_version_with_the_host_that_runs_and_on_its_data_folder() {
    let daemon = Daemon::start_with(GATE).await;
    daemon.install("a", "one").await;
    for total in 1..=3 {
        assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(total)));
    }
    std::fs::write(daemon.folder().join("same.wasm"), alike("one").await).unwrap();
    std::fs::write(daemon.folder().join("other.wasm"), forgetful("one").await).unwrap();
    let try_both = async || {
        let (code, said, told) = command(&daemon, &["replay", "a", "--with", "same.wasm"]).await;
        let counts = "3 recorded messages: 3 the same, 0 different, 0 not comparable, 0 not tried\n";
        assert_eq!((code, said.as_str()), (0, counts), "{told}");
        let (code, said, told) = command(&daemon, &["replay", "a", "--with", "other.wasm", "--last", "2"]).await;
        assert!(said.starts_with("2 recorded messages: 0 the same, 2 different"), "{said}{told}");
        assert!(said.contains("\n  - reply 3\n  + reply 1\n"), "{said}");
        assert!(code == 1 && told.contains("other.wasm does not do the same"), "{told}");
        let (code, said, _) = command(&daemon, &["replay", "a", "--with", "other.wasm", "--json"]).await;
        let json: Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!((code, &json["different"], &json["not_comparable"]), (1, &json!(3), &json!(0)));
        told
    };
    try_both().await;
    assert_eq!(daemon.space("a").await["generation"], 1);
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }, "count"])).await.0, 200);
    daemon.kill();
    let data = daemon.folder().join("data");
    let before = digests(&data);
    let (code, said, told) = command(&daemon, &["replay", "a", "--with", "same.wasm"]).await;
    assert!(code == 0 && said.starts_with("4 recorded messages: 4 the same"), "{said}{told}");
    assert!(told.contains("no host runs on data: the new version is tried on a private copy of it"), "{told}");
    let (code, said, _) = command(&daemon, &["replay", "a", "--with", "other.wasm", "-n", "2"]).await;
    assert!(code == 1 && said.starts_with("2 recorded messages: 0 the same, 2 different"), "{said}");
    let (code, _, told) = command(&daemon, &["replay", "nobody", "--with", "same.wasm"]).await;
    assert!(code == 1 && told.contains("nobody"), "{told}");
    assert!(digests(&data) == before, "the data folder is as it was");
    let (code, _, told) = command(&daemon, &["replay", "a", "--with", "same.wasm", "--data", "elsewhere"]).await;
    assert!(code == 3 && told.contains("no host is reachable"), "{told}");
}

#[tokio::test]
async fn over_http_only_what_can_be_tried_is_tried() {
    let daemon = Daemon::start_with("[spaces.a.limits]\nreplay_messages = 9\ncomponent_bytes = 1_000_000").await;
    daemon.install("a", "one").await;
    daemon.run("a", &json!([{ "add": 1 }])).await;
    let post = async |path: &str, body: Vec<u8>| {
        let answer = daemon.request(Method::POST, path).body(body).send().await.expect("an answer");
        (answer.status().as_u16(), json_of(answer).await)
    };
    let candidate = alike("one").await;
    let (status, replayed) = post("/v1/spaces/a/replay", candidate.clone()).await;
    assert_eq!((status, &replayed["same"]), (200, &json!(1)), "{replayed}");
    let refused = async |path: &str, body: Vec<u8>| {
        let (status, problem) = post(path, body).await;
        (status, problem["type"].as_str().expect("a problem").to_owned())
    };
    let kind = |kind: &str| format!("urn:spacehost:{kind}");
    assert_eq!(refused("/v1/spaces/b/replay", candidate.clone()).await, (404, kind("unknown-space")));
    assert_eq!(refused("/v1/spaces/a/replay", b"no component".to_vec()).await, (422, kind("no-space")));
    assert_eq!(refused("/v1/spaces/a/replay", vec![0; 1_000_001]).await, (413, kind("too-large")));
    assert_eq!(refused("/v1/spaces/a/replay?first=1", candidate).await, (400, kind("bad-request")));
}

const GATE: &str = "[spaces.a.limits]\nreplay_messages = 100\n[spaces.a.reload]\nreplay = \"reject\"";
