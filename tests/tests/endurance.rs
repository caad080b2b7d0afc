//! Many reloads under load, each with a migration: nothing is lost, doubled or reordered, and nothing is left behind.
//!
//! `SPACEHOST_RELOADS=10000 cargo test --workspace --test all endurance -- --nocapture` for the long run.

use reqwest::Method;
use serde_json::{Value, json};
use spacehost_tests::{Daemon, guest};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

/// Threads of the pool for blocking work come and go.
const SPARE_THREADS: u64 = 8;
/// Connections of clients that are about to be closed.
const SPARE_FILES: u64 = 8;
/// What the allocator keeps for next time.
const SPARE_BYTES: u64 = 64 << 20;

fn reloads() -> u64 {
    let wanted = std::env::var("SPACEHOST_RELOADS");
    wanted.map_or(200, |wanted| wanted.parse().expect("SPACEHOST_RELOADS is a number"))
}

/// What the daemon holds of the machine.
#[derive(Debug)]
struct Held {
    threads: u64,
    files: u64,
    bytes: u64,
}

impl Held {
    fn by(daemon: &Daemon) -> Self {
        let process = format!("/proc/{}", daemon.process());
        let status = fs::read_to_string(format!("{process}/status")).expect("it runs");
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("a field");
            line.split_whitespace().nth(1).and_then(|value| value.parse::<u64>().ok()).expect("a number")
        };
        let files = fs::read_dir(format!("{process}/fd")).expect("its files").count() as u64;
        Held { threads: field("Threads:"), files, bytes: field("VmRSS:") << 10 }
    }

    fn assert_no_more_than(&self, before: &Held) {
        assert!(self.threads <= before.threads + SPARE_THREADS, "{before:?}, then {self:?}");
        assert!(self.files <= before.files + SPARE_FILES, "{before:?}, then {self:?}");
        assert!(self.bytes <= before.bytes + SPARE_BYTES, "{before:?}, then {self:?}");
    }
}

/// Replaces the file so often, each time with the other version; answers what the daemon held after a quarter and at the end.
async fn replace(daemon: &Daemon, times: u64) -> (Held, Held) {
    let mut quarter = None;
    for number in 1..=times {
        let version = if number % 2 == 0 { "one" } else { "two" };
        fs::write(daemon.folder().join("next"), guest(version)).expect("a file");
        fs::rename(daemon.folder().join("next"), daemon.file("a.wasm")).expect("a rename");
        daemon.order("a", "reload").await;
        if number == times.div_ceil(4) {
            quarter = Some(Held::by(daemon));
        }
    }
    (quarter.expect("there are some"), Held::by(daemon))
}

/// A client that waits for each answer, until told to end: each number comes once and in order.
async fn count(daemon: &Daemon, ended: &AtomicBool) -> u64 {
    let mut counted = 0;
    while !ended.load(Ordering::Acquire) {
        assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(counted + 1)));
        counted += 1;
    }
    counted
}

/// A client that waits for no reply, but for each acceptance.
async fn number(daemon: &Daemon, ended: &AtomicBool) -> u64 {
    let mut sent = 0;
    while !ended.load(Ordering::Acquire) {
        daemon.send("a", &json!([{ "note": sent }])).await;
        sent += 1;
    }
    sent
}

/// A page of the notes, by the HTTP interface to the state: a reply could not hold them all.
async fn numbers_noted(daemon: &Daemon) -> (Vec<u64>, usize) {
    let (mut numbers, mut migrations, mut after) = (Vec::new(), 0, String::new());
    loop {
        let path = format!("/v1/spaces/a/state?prefix=notes&limit=1000{after}");
        let page = spacehost_tests::json_of(daemon.request(Method::GET, &path).send().await.expect("an answer")).await;
        for entry in page["entries"].as_array().expect("a list") {
            match &entry["value"] {
                Value::Number(number) => numbers.push(number.as_u64().expect("a number of ours")),
                _ => migrations += 1,
            }
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return (numbers, migrations),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_under_load_lose_double_and_reorder_nothing_and_leave_nothing_behind() {
    let reloads = reloads();
    let daemon = Daemon::start().await;
    daemon.install("a", "one").await;
    let ended = AtomicBool::new(false);
    let replacing = async {
        let held = replace(&daemon, reloads).await;
        ended.store(true, Ordering::Release);
        held
    };
    let ((quarter, end), counted, sent) = tokio::join!(replacing, count(&daemon, &ended), number(&daemon, &ended));
    println!("{reloads} reloads, {counted} commands with a reply and {sent} without; {quarter:?}, then {end:?}");
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, (200, json!(counted)));
    let (numbers, migrations) = numbers_noted(&daemon).await;
    assert_eq!(numbers, (0..sent).collect::<Vec<_>>());
    assert_eq!(migrations as u64, 1 + reloads, "the first version's, and one for each reload");
    assert_eq!(daemon.space("a").await["generation"], 1 + reloads);
    end.assert_no_more_than(&quarter);
}
