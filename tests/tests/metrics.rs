//! What the host counts is what was done: metrics, flow, latencies, and the lines of guests.

use reqwest::Method;
use serde_json::{Value, json};
use spacehost::runtime::api::{Delivery, FlowEdge};
use spacehost::words::Level;
use spacehost_tests::{Daemon, Host, Launch, until};
use std::collections::HashMap;
use std::sync::Arc;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Names with their labels, and values. The format has a line for each; the official parser reads it in `tests/languages`.
async fn scrape(daemon: &Daemon) -> HashMap<String, f64> {
    let answer = daemon.request(Method::GET, "/metrics").send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    let kind = answer.headers()["content-type"].to_str().expect("a type").to_owned();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let text = answer.text().await.expect("a text");
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
    };
    text.lines().filter(|line| !line.starts_with('#')).map(sample).collect()
}

#[tokio::test]
async fn the_numbers_of_a_scrape_are_what_was_done() {
    let daemon = Daemon::start().await;
    daemon.install("a", "one").await;
    for _ in 0..5 {
        assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await.0, 200);
    }
    assert_eq!(daemon.run("a", &json!(["trap"])).await.0, 500);
    daemon.send("a", &json!([{ "fail": "no" }])).await;
    let buried = async || (daemon.space("a").await["usage"]["dead_letters"] == 1).then_some(());
    until("the letter is dead", buried).await;
    daemon.install("a", "two").await;
    std::fs::write(daemon.file("bad.wasm"), b"no component").expect("the drop folder takes a file");
    let refused = async || (daemon.space("bad").await["state"] == "rejected").then_some(());
    until("the other file is refused", refused).await;
    let found = scrape(&daemon).await;
    for (name, expected) in [
        ("spacehost_turns_total{space=\"a\",outcome=\"done\"}", 5.0),
        ("spacehost_turns_total{space=\"a\",outcome=\"trapped\"}", 1.0),
        ("spacehost_turns_total{space=\"a\",outcome=\"failed\"}", 1.0),
        ("spacehost_turn_duration_seconds_count{space=\"a\"}", 7.0),
        ("spacehost_message_latency_seconds_count{space=\"a\"}", 7.0),
        ("spacehost_message_latency_seconds_bucket{space=\"a\",le=\"+Inf\"}", 7.0),
        ("spacehost_dead_letters{space=\"a\"}", 1.0),
        ("spacehost_dead_lettered_messages_total{space=\"a\"}", 1.0),
        ("spacehost_mailbox_messages{space=\"a\"}", 0.0),
        ("spacehost_mailbox_oldest_age_seconds{space=\"a\"}", 0.0),
        ("spacehost_reloads_total{space=\"a\",verdict=\"serving\"}", 2.0),
        ("spacehost_reloads_total{space=\"bad\",verdict=\"rejected\"}", 1.0),
        ("spacehost_generation{space=\"a\"}", 2.0),
        ("spacehost_space_state{space=\"a\",state=\"running\"}", 1.0),
        ("spacehost_space_state{space=\"a\",state=\"stopped\"}", 0.0),
    ] {
        assert_eq!(found.get(name), Some(&expected), "{name}");
    }
    for name in [
        "spacehost_cpu_seconds_total{space=\"a\"}",
        "spacehost_message_latency_seconds_sum{space=\"a\"}",
        "spacehost_memory_bytes{space=\"a\"}",
        "spacehost_journal_bytes",
        "spacehost_journal_written_bytes_total",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_threads",
    ] {
        assert!(found.get(name).is_some_and(|value| *value > 0.0), "{name}");
    }
    assert_eq!(found["spacehost_journal_sync_duration_seconds_count"], found["spacehost_journal_groups_total"]);
    let stranger = daemon.anonymous(Method::GET, "/metrics").send().await.expect("an answer");
    assert_eq!(stranger.status().as_u16(), 401);
    let status = daemon.space("a").await;
    assert_eq!(status["latency"]["count"], 7);
    assert!(status["latency"]["p50_us"].as_u64() > Some(0) && status["usage"]["cpu_us"].as_u64() > Some(0), "{status}");
}

#[tokio::test]
async fn the_age_of_what_waits_longest_grows_until_it_is_handled() {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    daemon.send("a", &json!([{ "first": { "attempts": 3, "steps": [{ "retry": "later" }] } }])).await;
    let age = async || scrape(&daemon).await["spacehost_mailbox_oldest_age_seconds{space=\"a\"}"];
    let older = async || (age().await > 0.1).then_some(());
    until("it has waited for a while, in back-off", older).await;
    until("it is handled", async || (age().await == 0.0).then_some(())).await;
}

/// Messages and failures of each edge, by what it is called.
fn edges(host: &Host) -> HashMap<String, (u64, u64)> {
    let told = |edge: FlowEdge| {
        let FlowEdge { from, to, kind, name, messages, failures } = edge;
        (format!("{from} {kind} {to} {name}"), (messages, failures))
    };
    host.runtime.flow().edges.into_iter().map(told).collect()
}

#[tokio::test]
async fn messages_are_counted_by_sender_receiver_way_and_name() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.deploy("b", "ear").await;
    let script = json!([
        { "publish": { "to": "news.n", "body": 1, "times": 3 } },
        { "publish": { "to": "nobody.hears", "body": 1 } },
        { "send": { "to": "b/run", "body": [{ "fail": "no" }] } },
        { "request": { "to": "b/run", "body": [{ "add": 1 }] } },
        { "request": { "to": "b/run", "body": [{ "fail": "no" }], "catch": true } },
    ]);
    host.run("a", script).await;
    // What this turn sent is gone with it.
    let discarded = json!([{ "send": { "to": "b/run", "body": [] } }, { "fail": "no" }]);
    host.failure("a", discarded).await;
    host.publish("news.x", json!({ "steps": ["trap"] }));
    host.settled("b").await;
    let expected = [
        ("client command a run", (2, 1)),
        ("client event b news.>", (1, 1)),
        ("a event b news.>", (3, 0)),
        ("a command b run", (1, 1)),
        ("a request b run", (2, 1)),
    ];
    let settled = host.usage("b").retries;
    let found = edges(&host);
    for (edge, (messages, failures)) in expected {
        let (count, failed) = found[edge];
        // The event that traps is tried again.
        let tried = if edge == "client event b news.>" { settled } else { 0 };
        assert_eq!((count, failed), (messages, failures + tried), "{edge}");
    }
    assert_eq!(found.len(), expected.len(), "{found:?}");
}

#[tokio::test]
async fn flow_is_told_over_http() {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    daemon.run("a", &json!([{ "add": 1 }])).await;
    let answer = daemon.request(Method::GET, "/v1/flow").send().await.expect("an answer");
    let flow: Value = spacehost_tests::json_of(answer).await;
    let edge = json!({ "from": "client", "to": "a", "kind": "command", "name": "run", "messages": 1, "failures": 0 });
    assert!(flow["edges"].as_array().expect("edges").contains(&edge), "{flow}");
    assert!(flow["since_ms"].as_u64() > Some(1_700_000_000_000), "{flow}");
}

#[tokio::test]
async fn a_line_says_which_version_wrote_it_and_which_trace_it_belongs_to() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.deploy("a", "probe").await;
    let headers = Some(Arc::new(vec![("traceparent".to_owned(), TRACE.to_owned())]));
    let delivery = Delivery { headers, ..Delivery::default() };
    host.try_run_with("a", json!([{ "say": "here" }]), delivery).await.expect("it runs");
    let (lines, _) = host.runtime.logs(&"a".parse().unwrap(), 10, Level::Info).unwrap();
    let line = lines.iter().find(|line| line.message == "here").expect("the line");
    assert_eq!((line.space.as_str(), line.generation), ("a", host.status("a").generation));
    assert_eq!(line.trace_id.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
}

#[tokio::test]
async fn lines_of_guests_are_in_the_hosts_log_as_json_where_it_is_wanted() {
    let launch = Launch {
        options: vec!["--log-format".to_owned(), "json".to_owned()],
        variables: vec![("SPACEHOST_LOG", "info,guest=info".to_owned())],
        ..Launch::default()
    };
    let daemon = Daemon::start_in(Daemon::new_folder(), &launch).await;
    daemon.ready().await;
    daemon.install("a", "probe").await;
    let say = daemon.request(Method::POST, "/v1/spaces/a/commands/run").header("traceparent", TRACE);
    assert_eq!(say.json(&json!([{ "say": "here" }])).send().await.expect("an answer").status().as_u16(), 200);
    let log = daemon.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    let line = lines.iter().find(|line| line["fields"]["message"] == "here").unwrap_or_else(|| panic!("{log}"));
    let fields = &line["fields"];
    assert_eq!((&line["target"], &line["level"]), (&json!("guest"), &json!("INFO")));
    assert_eq!((&fields["space"], &fields["generation"], &fields["partition"]), (&json!("a"), &json!(1), &json!(0)));
    assert_eq!(fields["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert!(fields["id"].as_str().is_some_and(|id| id.contains('-')), "{line}");
}

#[tokio::test]
async fn logs_shows_the_lines_of_a_level_and_above() {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    daemon.run("a", &json!([{ "say": "of no weight" }])).await;
    daemon.run("a", &json!(["trap"])).await;
    let shown = async |words: &[&str]| {
        let done = daemon.command(&[&["logs", "a", "--json"], words].concat()).await;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let lines = String::from_utf8(done.stdout).expect("a text");
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>()
    };
    let all = shown(&[]).await;
    assert!(all.iter().any(|line| line["message"] == "of no weight" && line["space"] == "a"), "{all:?}");
    let warnings = shown(&["--level", "warn"]).await;
    assert!(!warnings.is_empty() && warnings.iter().all(|line| line["level"] != "info"), "{warnings:?}");
    let wrong = daemon.command(&["logs", "a", "--level", "loud"]).await;
    assert_eq!(wrong.status.code(), Some(2));
}
