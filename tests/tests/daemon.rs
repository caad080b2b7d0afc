//! The whole: the real binary, files and HTTP.

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use spacehost_tests::{Daemon, guest, json_of, raw, until};
use std::fs;

/// Waits until the file of that name is refused, and answers why.
async fn refused(daemon: &Daemon, name: &str) -> String {
    let reason = async || daemon.space(name).await["file"]["reason"].as_str().map(str::to_owned);
    until(&format!("`{name}` is refused"), reason).await
}

#[tokio::test]
async fn a_file_dropped_in_is_a_space_that_answers_over_http() {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    assert_eq!(daemon.run("a", &json!([{ "add": 2 }])).await, (200, json!(2)));
    let (status, problem) = daemon.run("a", &json!([{ "fail": "sold-out" }])).await;
    assert_eq!((status, &problem["code"]), (422, &json!("sold-out")), "{problem}");
    assert_eq!(daemon.run("b", &json!([])).await.0, 404);
    assert_eq!(daemon.run("a", &json!(["trap"])).await.0, 500);
}

#[tokio::test]
async fn whoever_has_no_token_learns_only_that_the_host_is_alive() {
    let daemon = Daemon::start().await;
    let status = async |path: &str| daemon.anonymous(Method::GET, path).send().await.unwrap().status().as_u16();
    assert_eq!(status("/healthz").await, 200);
    assert_eq!(status("/v1/spaces").await, 401);
    let wrong = daemon.anonymous(Method::GET, "/v1/spaces").bearer_auth("wrong").send().await.unwrap();
    assert_eq!(wrong.status().as_u16(), 401);
}

#[tokio::test]
async fn what_is_no_space_is_one_clear_line_each_and_affects_nothing_else() {
    let daemon = Daemon::start().await;
    daemon.install("good", "probe").await;
    let foreign = raw::renamed(guest("probe"), "spacehost:space/context@", "spacehost:space/kontext@");
    fs::write(daemon.file("empty.wasm"), b"").unwrap();
    fs::write(daemon.file("junk.wasm"), b"#!/bin/sh\n").unwrap();
    fs::write(daemon.file("core.wasm"), raw::core_module()).unwrap();
    fs::write(daemon.file("foreign.wasm"), foreign).unwrap();
    fs::create_dir(daemon.file("folder.wasm")).unwrap();
    fs::write(daemon.folder().join("outside.wasm"), guest("ear")).unwrap();
    std::os::unix::fs::symlink(daemon.folder().join("outside.wasm"), daemon.file("link.wasm")).unwrap();
    for (name, says) in [
        ("empty", "empty"),
        ("junk", "not WebAssembly"),
        ("core", "core module"),
        ("foreign", "spacehost:space/kontext@1.0.0"),
        ("folder", "a directory, not a file"),
        ("link", "symbolic link"),
    ] {
        let reason = refused(&daemon, name).await;
        assert!(reason.contains(says), "{name}: {reason}");
        assert_eq!(reason.lines().count(), 1, "{reason}");
    }
    assert_eq!(daemon.run("good", &json!([{ "add": 1 }])).await, (200, json!(1)));
}

#[tokio::test]
async fn a_file_replaced_is_a_reload_that_keeps_the_state() {
    let daemon = Daemon::start().await;
    daemon.install("a", "one").await;
    daemon.run("a", &json!([{ "add": 5 }])).await;
    let space = daemon.install("a", "two").await;
    assert_eq!((&space["version"], &space["generation"]), (&json!("2"), &json!(2)));
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, (200, json!(5)));
}

#[tokio::test]
async fn a_broken_file_leaves_the_old_version_serving_and_is_tried_once() {
    let daemon = Daemon::start().await;
    daemon.install("a", "one").await;
    fs::write(daemon.file("a.wasm"), &guest("two")[..1_000]).unwrap();
    refused(&daemon, "a").await;
    let space = daemon.space("a").await;
    assert_eq!((&space["state"], &space["version"], &space["generation"]), (&json!("running"), &json!("1"), &json!(1)));
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(1)));
    daemon.install("a", "two").await;
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, (200, json!(1)));
}

#[tokio::test]
async fn a_thousand_touches_are_one_reload_of_the_final_bytes() {
    let daemon = Daemon::start().await;
    daemon.install("a", "one").await;
    for _ in 0..999 {
        fs::write(daemon.file("a.wasm"), &guest("two")[..500]).unwrap();
    }
    let space = daemon.install("a", "two").await;
    assert_eq!((&space["version"], &space["generation"]), (&json!("2"), &json!(2)));
}

#[tokio::test]
async fn a_file_removed_stops_the_space_and_its_state_is_there_when_it_comes_back() {
    let daemon = Daemon::start().await;
    daemon.install("a", "one").await;
    daemon.run("a", &json!([{ "add": 7 }])).await;
    fs::remove_file(daemon.file("a.wasm")).unwrap();
    let gone = async || (daemon.run("a", &json!([])).await.0 == 404).then_some(());
    until("the space is gone", gone).await;
    daemon.install("a", "two").await;
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, (200, json!(7)));
}

#[tokio::test]
async fn a_command_without_waiting_is_accepted_and_its_outcome_can_be_asked_for() {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    let path = "/v1/spaces/a/commands/run?wait=false";
    let answer = daemon.request(Method::POST, path).json(&json!([{ "add": 2 }])).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    let id = json_of(answer).await["id"].as_str().unwrap().to_owned();
    let done = async || {
        let answer = daemon.request(Method::GET, &format!("/v1/messages/{id}")).send().await.unwrap();
        Some(json_of(answer).await).filter(|outcome: &Value| outcome["status"] == "done")
    };
    assert_eq!(until("it is done", done).await["reply"], 2);
}

#[tokio::test]
async fn both_signals_end_the_host_cleanly() {
    for signal in [Signal::TERM, Signal::INT] {
        let daemon = Daemon::start().await;
        daemon.install("a", "probe").await;
        daemon.run("a", &json!([{ "add": 1 }])).await;
        assert_eq!(daemon.end(signal).await.code(), Some(0));
    }
}

#[tokio::test]
async fn each_limit_hit_is_a_line_of_the_audit_trail_and_a_flood_shares_one() {
    let daemon = Daemon::start_with("[spaces.a.limits]\nemitted_per_turn = 10\ncpu_per_turn_ms = 50\n").await;
    daemon.install("a", "probe").await;
    daemon.run("a", &json!([{ "publish": { "to": "a.x", "times": 11 } }])).await;
    daemon.run("a", &json!([{ "spin": 0 }])).await;
    for _ in 0..50 {
        daemon.run("a", &json!([{ "publish": { "to": "a.x", "times": 11 } }])).await;
    }
    let lines = |cause: &str| {
        let log = daemon.log();
        let lines = log.lines().filter(|line| line.contains("audit") && line.contains(&format!("cause=\"{cause}\"")));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let counted = |line: &String| {
        let (_, count) = line.split_once("count=").expect("a count");
        count.split_whitespace().next().and_then(|count| count.parse::<u64>().ok()).expect("a number")
    };
    let all = until("all are told", async || {
        let lines = lines("fan-out");
        (lines.iter().map(counted).sum::<u64>() == 51).then_some(lines)
    });
    for line in all.await {
        assert!(line.contains("space=a") && line.contains("generation=1"), "{line}");
    }
    let killed = lines("cpu_per_turn_ms");
    assert_eq!(killed.len(), 1);
    assert!(killed[0].contains("50 ms"), "{killed:?}");
}

#[tokio::test]
async fn a_space_that_the_operator_quarantines_serves_again_when_he_starts_it_or_drops_a_new_version() {
    let daemon = Daemon::start().await;
    daemon.install("a", "one").await;
    for way_on in ["start", "drop"] {
        assert!(daemon.command(&["quarantine", "a"]).await.status.success());
        let space = daemon.space("a").await;
        assert_eq!(space["state"], "quarantined");
        assert!(space["reason"].as_str().unwrap().contains("`spacehost start` lets it serve again"), "{space}");
        assert_eq!(daemon.run("a", &json!([])).await.0, 503);
        match way_on {
            "start" => assert!(daemon.command(&["start", "a"]).await.status.success()),
            _ => drop(daemon.install("a", "two").await),
        }
        assert_eq!(daemon.run("a", &json!([])).await.0, 200, "{way_on}");
    }
}
