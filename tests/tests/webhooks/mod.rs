//! Webhooks, end to end: the real daemon, and receivers that are there, away, slow or worse.
//!
//! What is signed is judged by the official library of Standard Webhooks (`spacehost_tests::Receiver`).

mod delivery;
mod letters;
mod lost;
mod receivers;
mod settings;

use reqwest::Method;
use serde_json::{Value, json};
use spacehost_tests::{Daemon, Launch, Posted, Receiver, SECRET, json_of, until, write_secret};
use std::fs;
use std::process::Output;

/// Retries that no test has to wait for.
const QUICK: &str = "retry_first_ms = 5\nretry_most_ms = 20\n";

/// A webhook's section.
fn section(name: &str, url: &str, topics: &str, more: &str) -> String {
    format!(
        "[webhooks.{name}]\nurl = \"{url}\"\ntopics = [\"{topics}\"]\nsecret = {{ file = \"hook.secret\" }}\n{QUICK}{more}\n"
    )
}

/// A host with these settings, and the secret that all webhooks share.
async fn host(settings: &str) -> Daemon {
    start(settings, &Launch::default()).await
}

async fn start(settings: &str, launch: &Launch) -> Daemon {
    let folder = Daemon::new_folder();
    fs::write(folder.path().join("spacehost.toml"), settings).expect("a settings file");
    write_secret(&folder.path().join("hook.secret"), SECRET);
    let daemon = Daemon::start_in(folder, launch).await;
    daemon.ready().await;
    daemon
}

/// Other settings; they are taken up when the file has come to rest.
fn settle(daemon: &Daemon, settings: &str) {
    fs::write(daemon.folder().join("spacehost.toml"), settings).expect("a settings file");
}

/// Publishes; the event is on disk when this returns.
async fn publish(daemon: &Daemon, topic: &str, body: &Value) {
    let answer = daemon.request(Method::POST, &format!("/v1/events/{topic}")).json(body).send().await;
    assert_eq!(answer.expect("an answer").status().as_u16(), 202);
}

async fn publish_all(daemon: &Daemon, numbers: std::ops::Range<u64>) {
    for number in numbers {
        publish(daemon, "orders.paid", &json!(number)).await;
    }
}

async fn get(daemon: &Daemon, path: &str) -> (u16, Value) {
    let answer = daemon.request(Method::GET, path).send().await.expect("an answer");
    (answer.status().as_u16(), json_of(answer).await)
}

/// One webhook as the host shows it.
async fn hook(daemon: &Daemon, name: &str) -> Value {
    get(daemon, &format!("/v1/webhooks/{name}")).await.1
}

/// Waits until a field of the webhook is that.
async fn until_hook(daemon: &Daemon, name: &str, field: &str, value: Value) -> Value {
    let look = async || Some(hook(daemon, name).await).filter(|hook| hook[field] == value);
    until(&format!("`{field}` of {name} is {value}"), look).await
}

/// The data of each event that came, without those that came again, which have the same id.
fn first_data(posted: &[Posted]) -> Vec<Value> {
    let mut seen = std::collections::HashMap::new();
    let mut data = Vec::new();
    for one in posted {
        let before = seen.insert(one.id().to_owned(), one.data());
        match before {
            Some(before) => assert_eq!(before, one.data(), "{} is two events", one.id()),
            None => data.push(one.data()),
        }
    }
    data
}

fn numbers(range: std::ops::Range<u64>) -> Vec<Value> {
    range.map(Value::from).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A webhook `billing` for `orders.>`.
fn billing(receiver: &Receiver, more: &str) -> String {
    section("billing", &receiver.url(), "orders.>", more)
}
