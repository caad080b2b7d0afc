//! Swapping versions: nothing is lost, nothing is done twice, and what does not work never serves.

use futures::future::join_all;
use serde_json::{Value, json};
use spacehost::runtime::api::{Delivery, DeployError, Outcome, Refusal, SpaceState};
use spacehost::words::SpaceSettings;
use spacehost_tests::{Host, granting_all, limits, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Settings whose `start` and `migrate` run these scripts.
fn scripts(start: Value, migrate: Value) -> SpaceSettings {
    let config = json!({ "start": start, "migrate": migrate });
    SpaceSettings { config: config.as_object().cloned().unwrap(), ..granting_all() }
}

#[tokio::test]
async fn a_new_version_finds_the_state_of_the_old_one() {
    let host = Host::start();
    assert_eq!(host.deploy("a", "one").await.generation, 1);
    host.run("a", json!([{ "add": 5 }])).await;
    let deployed = host.deploy("a", "two").await;
    assert_eq!((deployed.generation, deployed.version.as_str()), (2, "2"));
    assert_eq!(host.total("a").await, 5);
    let status = host.status("a");
    assert_eq!((status.generation, status.version.as_str()), (2, "2"));
}

#[tokio::test]
async fn migrate_runs_for_a_new_space_and_for_a_changed_version_only() {
    let host = Host::start();
    host.deploy("a", "one").await;
    host.deploy("a", "one").await;
    host.deploy("a", "two").await;
    let expected = [json!({ "from": null, "to": "1" }), json!({ "from": "1", "to": "2" })];
    assert_eq!(host.notes("a").await, expected);
}

#[tokio::test]
async fn a_failing_migration_leaves_the_old_version_serving_with_its_state() {
    let host = Host::start();
    host.deploy("a", "one").await;
    host.run("a", json!([{ "add": 5 }])).await;
    for (step, reason) in [(json!({ "fail": "odd-state" }), "odd-state"), (json!("trap"), "trap")] {
        let bad = scripts(json!([]), json!([{ "add": 100 }, { "store": 10 }, step]));
        let error = host.deploy_with("a", "two", bad).await.unwrap_err();
        assert!(matches!(&error, DeployError::Refused(why) if why.contains("`migrate` failed")), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert_eq!(host.total("a").await, 5);
    assert_eq!(host.run("a", json!(["count"])).await, 0);
    let status = host.status("a");
    assert_eq!((status.version.as_str(), status.generation, status.state), ("1", 1, SpaceState::Running));
}

#[tokio::test]
async fn a_failing_start_leaves_the_old_version_serving() {
    let host = Host::start();
    host.deploy("a", "one").await;
    let bad = scripts(json!(["trap"]), json!([]));
    let error = host.deploy_with("a", "two", bad).await.unwrap_err().to_string();
    assert!(error.contains("`start` failed"), "{error}");
    assert_eq!(host.runtime.call("a", "version", "".into(), Default::default()).await.unwrap(), "1");
}

#[tokio::test]
async fn a_space_whose_first_version_fails_has_never_been_there() {
    let host = Host::start();
    let error = host.deploy_with("a", "one", scripts(json!(["trap"]), json!([]))).await.unwrap_err();
    assert!(matches!(error, DeployError::Refused(_)), "{error}");
    assert!(host.runtime.spaces().is_empty());
    assert!(matches!(host.try_run("a", json!([])).await, Err(Refusal::UnknownSpace(_))));
    host.deploy("a", "one").await;
    assert_eq!(host.notes("a").await, [json!({ "from": null, "to": "1" })]);
}

#[tokio::test]
async fn waiting_messages_go_on_in_the_new_version() {
    let host = Host::start();
    host.deploy("a", "one").await;
    host.runtime.stop(&"a".parse().unwrap()).await.unwrap();
    host.deploy("sender", "probe").await;
    host.run("sender", json!([{ "send": { "to": "a/run", "body": [{ "add": 1 }], "times": 50 } }])).await;
    host.deploy("a", "two").await;
    assert_eq!(host.status("a").state, SpaceState::Stopped, "a reload does not start what was stopped");
    assert_eq!(host.usage("a").backlog_messages, 50);
    host.runtime.resume(&"a".parse().unwrap()).await.unwrap();
    host.settled("a").await;
    assert_eq!(host.total("a").await, 50);
}

#[tokio::test]
async fn a_swap_cuts_a_long_turn_short_and_the_new_version_handles_its_message_uncounted() {
    let host = Host::with(|config| (config.executors, config.swap_wait) = (2, Duration::from_millis(100)));
    let patient = limits(|limits| limits.cpu_per_turn_ms = 60_000);
    host.deploy_with("a", "one", patient.clone()).await.unwrap();
    // The note that ends the loop is made by the new version's `migrate`.
    let migrated = json!({ "from": "1", "to": "2" });
    let id = host.send("a", json!([{ "add": 1 }, "note-attempt", { "spin-unless-noted": migrated }])).unwrap();
    until("the turn is on a fiber", async || (host.status("a").path == "fiber").then_some(())).await;
    host.deploy_with("a", "two", patient).await.unwrap();
    let done = async || match host.runtime.message(id) {
        Some(Outcome::Done { .. }) => Some(()),
        _ => None,
    };
    until("the new version has handled it", done).await;
    assert_eq!(host.total("a").await, 1);
    assert_eq!(host.notes("a").await.last(), Some(&json!(1)), "still the first attempt");
    assert_eq!((host.usage("a").traps, host.usage("a").retries), (0, 0));
}

#[tokio::test]
async fn a_request_that_a_swap_interrupts_is_not_made_twice() {
    let host = Host::with(|config| (config.executors, config.swap_wait) = (2, Duration::from_millis(50)));
    host.deploy("a", "probe").await;
    host.deploy_with("b", "probe", limits(|limits| limits.cpu_per_turn_ms = 60_000)).await.unwrap();
    host.deploy("c", "probe").await;
    // `b` works until its own request to a spinning `c` times out, so that the swap of `a` finds it at work.
    let work = json!([{ "add": 1 }, { "request": { "to": "c/run", "body": [{ "spin": 0 }], "timeout_ms": 2_000, "catch": true } }]);
    let id = host.send("a", json!([{ "request": { "to": "b/run", "body": work } }])).unwrap();
    until("`b` is at work", async || (host.usage("c").backlog_messages > 0).then_some(())).await;
    host.deploy("a", "probe").await;
    let done = async || host.runtime.message(id).filter(|o| matches!(o, Outcome::Done { .. }));
    until("the new version has handled it", done).await;
    host.settled("b").await;
    assert_eq!(host.total("b").await, 1, "the callee ran once");
}

#[tokio::test]
async fn changing_partitions_is_refused_while_there_is_state() {
    let host = Host::start();
    host.deploy("a", "ear").await;
    host.run("a", json!([{ "add": 1 }])).await;
    until("the state is counted", async || (host.usage("a").state_keys > 0).then_some(())).await;
    let error = host.deploy_with("a", "shards", SpaceSettings::default()).await.unwrap_err();
    assert!(matches!(error, DeployError::Partitions { from: 1, to: 4 }), "{error}");
    assert_eq!(host.total("a").await, 1);
}

#[tokio::test]
async fn changing_partitions_of_an_empty_space_is_allowed() {
    let host = Host::start();
    host.deploy("a", "ear").await;
    host.deploy("a", "shards").await;
    assert_eq!(host.usage("a").partitions, 4);
    host.run("a", json!([{ "add": 1 }])).await;
}

#[tokio::test]
async fn all_partitions_change_together_or_not_at_all() {
    let host = Host::start();
    host.deploy("s", "shards").await;
    let keys = ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"];
    for key in keys {
        let delivery = Delivery { key: Some(key.into()), ..Default::default() };
        host.try_run_with("s", json!([{ "add": 1 }]), delivery).await.unwrap();
    }
    let generation = host.deploy("s", "shards").await.generation;
    assert_eq!(generation, 2);
    let mut totals = std::collections::BTreeMap::new();
    for key in keys {
        let delivery = Delivery { key: Some(key.into()), ..Default::default() };
        let context = host.try_run_with("s", json!(["context"]), delivery.clone()).await.unwrap();
        let total = host.try_run_with("s", json!([{ "add": 0 }]), delivery).await.unwrap();
        totals.insert(context["partition"].as_u64(), total.as_i64().unwrap());
    }
    assert_eq!(totals.values().sum::<i64>(), 8);
}

/// Sends a command each millisecond until told to end; answers what each call got.
async fn steady_load(host: &Host, ended: &AtomicBool) -> Vec<Result<Value, Refusal>> {
    let mut ticker = tokio::time::interval(Duration::from_millis(1));
    let mut calls = Vec::new();
    while !ended.load(Ordering::Acquire) {
        ticker.tick().await;
        let runtime = host.runtime.clone();
        calls.push(tokio::spawn(async move {
            let reply = runtime.call("a", "run", r#"[{"add":1}]"#.into(), Default::default()).await?;
            Ok(serde_json::from_slice(&reply).expect("a reply is JSON"))
        }));
    }
    join_all(calls).await.into_iter().map(|call| call.expect("no call panics")).collect()
}

#[tokio::test]
async fn a_hundred_reloads_under_a_thousand_commands_a_second_lose_nothing_and_repeat_nothing() {
    let host = Host::start();
    host.deploy("a", "one").await;
    let versions = [host.load("two").await, host.load("one").await];
    let ended = Arc::new(AtomicBool::new(false));
    let reloads = async {
        let mut pace = tokio::time::interval(Duration::from_millis(30));
        for n in 0..100 {
            pace.tick().await;
            let version = versions[n % 2].clone();
            host.runtime.deploy(&"a".parse().unwrap(), version, SpaceSettings::default()).await.unwrap();
        }
        ended.store(true, Ordering::Release);
    };
    let (replies, ()) = tokio::join!(steady_load(&host, &ended), reloads);
    let mut numbers: Vec<i64> = replies.into_iter().map(|reply| reply.unwrap().as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>(), "each command counted once, and was told so");
    assert!(numbers.len() >= 1_000, "{} commands met {} reloads", numbers.len(), 100);
    assert_eq!(host.status("a").generation, 101);
    assert_eq!(host.total("a").await, numbers.len() as i64);
    assert_eq!((host.usage("a").traps, host.usage("a").failures, host.dead_letters("a").len()), (0, 0, 0));
}
