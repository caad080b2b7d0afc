//! What operators do: stop, resume, remove, read logs, shut down.

use serde_json::{Value, json};
use spacehost::runtime::api::{Outcome, Refusal, SpaceState};
use spacehost::words::Level;
use spacehost_tests::{GIVE_UP, Host, until};

#[tokio::test]
async fn a_stopped_space_refuses_clients_and_keeps_what_spaces_send() {
    let host = Host::start();
    host.deploy("a", "ear").await;
    host.deploy("b", "probe").await;
    host.runtime.stop(&"a".parse().unwrap()).await.unwrap();
    let refusal = host.try_run("a", json!([])).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Unavailable { state: "stopped", .. }), "{refusal}");
    host.run("b", json!([{ "send": { "to": "a/run", "body": [{ "add": 1 }] } }, { "publish": { "to": "news.b" } }]))
        .await;
    assert_eq!(host.usage("a").backlog_messages, 2);
    host.runtime.resume(&"a".parse().unwrap()).await.unwrap();
    assert_eq!(host.noted("a", 1).await.len(), 1);
    assert_eq!(host.total("a").await, 1);
}

#[tokio::test]
async fn a_removed_space_is_gone_but_its_state_is_there_when_it_comes_back() {
    let host = Host::start();
    host.deploy("a", "one").await;
    host.run("a", json!([{ "add": 7 }])).await;
    host.runtime.remove(&"a".parse().unwrap(), GIVE_UP).await;
    assert_eq!(host.status("a").state, SpaceState::Removed);
    assert!(matches!(host.try_run("a", json!([])).await, Err(Refusal::UnknownSpace(_))));
    let deployed = host.deploy("a", "two").await;
    assert_eq!(deployed.generation, 2, "generations go on");
    assert_eq!(host.total("a").await, 7);
    assert_eq!(host.notes("a").await.last(), Some(&json!({ "from": "1", "to": "2" })));
}

#[tokio::test]
async fn a_removed_space_finishes_what_waits() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.deploy("b", "ear").await;
    for n in 0..100 {
        host.send_as(1, "a", json!([{ "send": { "to": "b/run", "body": [{ "note": n }] } }])).unwrap();
    }
    host.runtime.remove(&"a".parse().unwrap(), GIVE_UP).await;
    assert_eq!(host.noted("b", 100).await.len(), 100);
}

#[tokio::test]
async fn a_flood_of_log_lines_is_cut_and_counted() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.run("a", json!([{ "log": 1_000 }])).await;
    let kept = host.log("a").lines().filter(|line| line.starts_with("line ")).count() as u64;
    assert_eq!(kept + host.usage("a").log_lines_suppressed, 1_000);
    assert!(host.usage("a").log_lines_suppressed > 0);
    assert!(kept >= 100, "{kept}");
}

#[tokio::test]
async fn the_hosts_own_notes_give_a_guest_no_more_log_lines() {
    let host = Host::start();
    host.deploy_with("a", "probe", spacehost_tests::limits(|limits| limits.log_lines_per_second = 1)).await.unwrap();
    for _ in 0..50 {
        // Each dead letter makes the host write a note of its own.
        host.send("a", json!([{ "log": 1 }, { "fail": "no" }])).unwrap();
    }
    host.settled("a").await;
    let kept = host.log("a").lines().filter(|line| line.starts_with("line ")).count() as u64;
    assert_eq!(kept + host.usage("a").log_lines_suppressed, 50);
    assert!(kept < 25, "{kept} lines of 50 passed a limit of one a second");
}

#[tokio::test]
async fn a_line_carries_its_message_and_attempt() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    let id = host.send("a", json!([{ "log": 1 }])).unwrap();
    host.settled("a").await;
    let (lines, _) = host.runtime.logs(&"a".parse().unwrap(), 10, Level::Trace).unwrap();
    let line = lines.iter().find(|line| line.message == "line 0").unwrap();
    assert_eq!((line.id, line.attempt, line.level), (Some(id), 1, "info"));
}

#[tokio::test]
async fn shutting_down_finishes_what_waits_and_takes_in_nothing_more() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.deploy("b", "ear").await;
    let ids: Vec<_> = (0..200)
        .map(|n| host.send("a", json!([{ "send": { "to": "b/run", "body": [{ "note": n }] } }])).unwrap())
        .collect();
    host.runtime.shutdown(GIVE_UP).await;
    let done = |id: &_| matches!(host.runtime.message(*id), Some(Outcome::Done { .. }));
    assert!(ids.iter().all(done));
    assert_eq!(host.usage("b").turns, 200);
    assert_eq!(host.usage("b").backlog_messages, 0);
    assert!(matches!(host.try_run("a", json!([])).await, Err(Refusal::Stopping)));
}

#[tokio::test]
async fn a_listener_hears_the_end_of_the_host() {
    let host = Host::start();
    let mut listener = host.runtime.listen(spacehost::words::Pattern::parse(">").unwrap());
    host.publish("news.last", Value::Null);
    host.runtime.shutdown(GIVE_UP).await;
    assert!(listener.next().await.is_some());
    assert!(listener.next().await.is_none());
}

#[tokio::test]
async fn what_the_host_announces_reaches_spaces_and_comes_from_the_host() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    let steps = json!({ "steps": ["note-context"] }).to_string();
    host.runtime.announce("news.host.hot", steps.into()).unwrap();
    let notes = host.noted("a", 1).await;
    assert_eq!(notes[0]["source"], "host");
    until("it is idle", async || (host.usage("a").backlog_messages == 0).then_some(())).await;
}
