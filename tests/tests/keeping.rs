//! What operators do with stored data: look at it, purge it, back it up, restore it, go on after a loss.

use reqwest::Method;
use serde_json::{Value, json};
use spacehost_tests::{Daemon, Launch, guest, json_of, until};
use std::fs;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

async fn get(daemon: &Daemon, path: &str) -> (u16, Value) {
    let answer = daemon.request(Method::GET, path).send().await.expect("an answer");
    (answer.status().as_u16(), json_of(answer).await)
}

async fn post(daemon: &Daemon, path: &str, body: &Value) -> (u16, Value) {
    let answer = daemon.request(Method::POST, path).json(body).send().await.expect("an answer");
    (answer.status().as_u16(), json_of(answer).await)
}

async fn order(daemon: &Daemon, space: &str, order: &str) {
    let (status, said) = post(daemon, &format!("/v1/spaces/{space}/{order}"), &Value::Null).await;
    assert_eq!(status, 200, "{said}");
}

async fn purge(daemon: &Daemon, space: &str) -> (u16, Value) {
    post(daemon, &format!("/v1/spaces/{space}/purge"), &json!({ "confirm": space })).await
}

/// Accounts of a bank, so many with so many cents each.
async fn open_accounts(daemon: &Daemon, bank: &str, accounts: u64) {
    daemon.install(bank, "bank").await;
    for account in 0..accounts {
        let opening = json!({ "account": account.to_string(), "cents": 1_000 });
        assert_eq!(post(daemon, &format!("/v1/spaces/{bank}/commands/open"), &opening).await.0, 200);
    }
}

async fn audit(daemon: &Daemon, bank: &str) -> Value {
    post(daemon, &format!("/v1/spaces/{bank}/commands/audit"), &Value::Null).await.1
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn keys(page: &Value) -> Vec<String> {
    let entries = page["entries"].as_array().expect("a list").iter();
    entries.map(|entry| format!("{}:{}", entry["partition"], entry["key"].as_str().expect("text"))).collect()
}

#[tokio::test]
async fn a_state_is_shown_in_order_page_by_page_and_cell_by_cell() {
    let daemon = Daemon::start().await;
    open_accounts(&daemon, "a", 3).await;
    let (status, page) = get(&daemon, "/v1/spaces/a/state?prefix=accounts/&limit=2").await;
    assert_eq!((status, keys(&page)), (200, vec!["0:accounts/0".into(), "0:accounts/1".into()]), "{page}");
    let entry = &page["entries"][1];
    assert_eq!(
        (&entry["cell"], &entry["cell_key"], &entry["value"]),
        (&json!("accounts"), &json!(["1"]), &json!(1_000))
    );
    let next = page["next"].as_str().expect("there is more");
    let (_, rest) = get(&daemon, &format!("/v1/spaces/a/state?prefix=accounts/&limit=2&after={next}")).await;
    assert_eq!((keys(&rest), &rest["next"]), (vec!["0:accounts/2".into()], &Value::Null));
    assert_eq!(get(&daemon, "/v1/spaces/a/state?after=nonsense").await.0, 400);
    assert_eq!(get(&daemon, "/v1/spaces/b/state").await.0, 404);
    let shown = daemon.command(&["state", "a", "accounts/", "-n", "2"]).await;
    let lines = said(&shown);
    assert!(lines.contains("accounts  0    1000") && lines.contains(&format!("--after {next}")), "{lines}");
}

#[tokio::test]
async fn the_state_of_all_partitions_and_of_a_space_that_does_not_run_is_shown() {
    let daemon = Daemon::start().await;
    daemon.install("s", "shards").await;
    for key in 0..20 {
        let request =
            daemon.request(Method::POST, "/v1/spaces/s/commands/run").header("spacehost-key", key.to_string());
        assert_eq!(request.json(&json!([{ "add": 1 }])).send().await.expect("an answer").status().as_u16(), 200);
    }
    let all = get(&daemon, "/v1/spaces/s/state").await.1;
    let mut of_one = Vec::new();
    for partition in 0..4 {
        of_one.extend(keys(&get(&daemon, &format!("/v1/spaces/s/state?partition={partition}")).await.1));
    }
    assert_eq!(keys(&all), of_one);
    assert!(of_one.iter().any(|key| key.starts_with("3:")), "{of_one:?}");
    order(&daemon, "s", "stop").await;
    assert_eq!(get(&daemon, "/v1/spaces/s/state").await.1, all);
    daemon.kill();
    fs::remove_file(daemon.file("s.wasm")).expect("it is there");
    let daemon = daemon.again(&[]).await;
    daemon.ready().await;
    assert_eq!(get(&daemon, "/v1/spaces/s/state").await, (200, all), "its file is gone, its state is not");
}

#[tokio::test]
async fn only_a_space_that_does_not_run_is_purged_and_only_when_that_is_confirmed() {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    daemon.run("a", &json!([{ "add": 7 }])).await;
    let (status, problem) = purge(&daemon, "a").await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:spacehost:not-stopped")), "{problem}");
    order(&daemon, "a", "stop").await;
    let path = "/v1/spaces/a/purge";
    assert_eq!(post(&daemon, path, &Value::Null).await.0, 400);
    assert_eq!(post(&daemon, path, &json!({ "confirm": "b" })).await.0, 400);
    let unasked = daemon.command(&["purge", "a"]).await;
    assert_eq!(unasked.status.code(), Some(2), "{}", said(&unasked));
    assert!(said(&unasked).contains("--yes"), "{}", said(&unasked));
    assert_eq!(get(&daemon, path).await.1["keys"], 1, "nothing has been purged");
    assert_eq!(purge(&daemon, "b").await.0, 404);
}

#[tokio::test]
async fn a_purged_space_starts_as_a_new_one_and_stays_purged_after_a_kill() {
    let daemon = Daemon::start().await;
    daemon.install("a", "one").await;
    daemon.install("a", "two").await;
    daemon.run("a", &json!([{ "add": 7 }, { "timer": { "name": "t", "after_ms": 3_600_000 } }])).await;
    let fail = post(&daemon, "/v1/spaces/a/commands/run?wait=false", &json!([{ "fail": "no" }])).await;
    assert_eq!(fail.0, 202);
    let dead = async || (daemon.space("a").await["usage"]["dead_letters"] == 1).then_some(());
    until("it is a dead letter", dead).await;
    order(&daemon, "a", "stop").await;
    let purged = daemon.command(&["purge", "a", "--yes"]).await;
    assert!(purged.status.success() && said(&purged).contains("1 timers, 1 dead letters"), "{}", said(&purged));
    assert_eq!(get(&daemon, "/v1/spaces/a/state").await.0, 404);
    assert_eq!(daemon.space("a").await["state"], "stopped", "its file is still there");
    let daemon = daemon.killed().await;
    daemon.ready().await;
    let started = async || (daemon.space("a").await["state"] == "running").then_some(());
    until("it serves", started).await;
    let space = daemon.space("a").await;
    let usage = &space["usage"];
    assert_eq!((&space["generation"], &space["version"]), (&json!(1), &json!("2")));
    assert_eq!(
        (&usage["dead_letters"], &usage["timers"], &usage["backlog_messages"]),
        (&json!(0), &json!(0), &json!(0))
    );
    let notes = json!([{ "from": null, "to": "2" }]);
    assert_eq!(daemon.run("a", &json!(["notes"])).await, (200, notes), "it has migrated from nothing");
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, (200, json!(0)));
}

#[tokio::test]
async fn a_purged_space_is_started_again_in_the_same_host() {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    daemon.run("a", &json!([{ "add": 7 }])).await;
    order(&daemon, "a", "stop").await;
    let (status, gone) = purge(&daemon, "a").await;
    assert_eq!((status, &gone["keys"]), (200, &json!(1)));
    order(&daemon, "a", "start").await;
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(1)));
    assert_eq!(daemon.space("a").await["generation"], 1);
    let daemon = daemon.killed().await;
    daemon.ready().await;
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(2)));
}

#[tokio::test]
async fn a_purged_space_whose_file_is_gone_is_gone() {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    daemon.install("b", "probe").await;
    daemon.run("a", &json!([{ "add": 7 }])).await;
    daemon.run("b", &json!([{ "add": 7 }])).await;
    for name in ["a", "b"] {
        fs::remove_file(daemon.file(&format!("{name}.wasm"))).expect("it is there");
        let removed = async || (daemon.space(name).await["state"] == "removed").then_some(());
        until("it is removed", removed).await;
    }
    assert_eq!(purge(&daemon, "a").await.0, 200);
    assert_eq!(daemon.space("a").await, Value::Null);
    // The other one is purged by a host that has never loaded it.
    let daemon = daemon.killed().await;
    daemon.ready().await;
    assert_eq!(purge(&daemon, "a").await.0, 404, "once is enough");
    let (status, gone) = purge(&daemon, "b").await;
    assert_eq!((status, &gone["keys"]), (200, &json!(1)), "{gone}");
    let daemon = daemon.killed().await;
    daemon.install("b", "probe").await;
    assert_eq!(daemon.run("b", &json!([{ "add": 0 }])).await, (200, json!(0)));
}

#[tokio::test]
async fn a_message_that_waits_is_purged_and_whoever_asks_for_it_is_told() {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    // Its first attempt fails and it is put off, so that it waits when the space stops.
    let settings = "[spaces.a.limits]\nretry_first_ms = 3600000\nretry_most_ms = 3600000\n";
    fs::write(daemon.folder().join("spacehost.toml"), settings).expect("the operator's settings");
    let settled = async || {
        let limits = daemon.space("a").await["limits"].clone();
        (limits["retry_first_ms"] == 3_600_000).then_some(())
    };
    until("the settings are taken up", settled).await;
    let (_, accepted) = post(&daemon, "/v1/spaces/a/commands/run?wait=false", &json!(["trap"])).await;
    let outcome = format!("/v1/messages/{}", accepted["id"].as_str().expect("an id"));
    let tried = async || (daemon.space("a").await["usage"]["traps"] == 1).then_some(());
    until("it has been tried", tried).await;
    order(&daemon, "a", "stop").await;
    let (_, gone) = purge(&daemon, "a").await;
    assert_eq!(gone["messages"], 1, "{gone}");
    let (_, failed) = get(&daemon, &outcome).await;
    assert_eq!((&failed["status"], &failed["failure"]["code"]), (&json!("failed"), &json!("purged")), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_while_a_space_is_purged_is_handled_by_the_next_or_gone_and_breaks_nothing() {
    let daemon = Arc::new(Daemon::start().await);
    daemon.install("a", "probe").await;
    daemon.install("b", "probe").await;
    let stop = Arc::new(AtomicBool::new(false));
    let sends = json!([{ "publish": { "to": "news.b.hot", "body": { "steps": [{ "add": 1 }] } } }]);
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (daemon, stop, sends) = (daemon.clone(), stop.clone(), sends.clone());
        senders.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                daemon.run("b", &sends).await;
            }
        });
    }
    for _ in 0..5 {
        order(&daemon, "a", "stop").await;
        let waits = async || (daemon.space("a").await["usage"]["backlog_messages"].as_u64() > Some(5)).then_some(());
        until("some wait", waits).await;
        let (status, gone) = purge(&daemon, "a").await;
        assert!(status == 200 && gone["messages"].as_u64() > Some(5), "{gone}");
        order(&daemon, "a", "start").await;
    }
    stop.store(true, Ordering::Relaxed);
    senders.join_all().await;
    let idle = async || (daemon.space("a").await["usage"]["backlog_messages"] == 0).then_some(());
    until("all is handled", idle).await;
    let total = daemon.run("a", &json!([{ "add": 0 }])).await;
    assert!(!daemon.log().contains("no longer written"), "{}", daemon.log());
    let daemon = daemon.killed().await;
    daemon.ready().await;
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, total);
}

/// Moves money from one bank to the other, again and again.
async fn transfers(daemon: Arc<Daemon>, stop: Arc<AtomicBool>, client: u64) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let (from, to) = if number % 2 == 0 { ("north", "south") } else { ("south", "north") };
        let by = ["command", "event"][number % 3 % 2];
        let body = json!({
            "id": format!("{client}-{number}"), "from": (number % 3).to_string(), "bank": to,
            "to": (number % 2).to_string(), "cents": 1 + number % 50, "by": by,
        });
        post(&daemon, &format!("/v1/spaces/{from}/commands/transfer?wait={}", number % 4 == 0), &body).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_restored_to_the_cent() {
    let daemon = Arc::new(Daemon::start().await);
    for bank in ["north", "south"] {
        open_accounts(&daemon, bank, 3).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..4 {
        clients.spawn(transfers(daemon.clone(), stop.clone(), client));
    }
    let busy = async || (daemon.space("north").await["usage"]["turns"].as_u64() > Some(200)).then_some(());
    until("they are busy", busy).await;
    let saved = daemon.command(&["backup", "now.backup"]).await;
    assert!(saved.status.success(), "{}", said(&saved));
    let before = daemon.space("north").await["usage"]["turns"].as_u64();
    let goes_on = async || (daemon.space("north").await["usage"]["turns"].as_u64() > before).then_some(());
    until("the host goes on", goes_on).await;
    stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    let again = daemon.command(&["backup", "now.backup"]).await;
    assert_eq!(again.status.code(), Some(2), "a backup is never written over: {}", said(&again));

    let other = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(other.path().join("spaces")).expect("a drop folder");
    for bank in ["north", "south"] {
        fs::write(other.path().join(format!("spaces/{bank}.wasm")), guest("bank"))
            .expect("the drop folder takes a file");
    }
    let data = other.path().join("data");
    let restored = daemon.command(&["restore", "now.backup", "--data", data.to_str().expect("text")]).await;
    assert!(restored.status.success() && said(&restored).contains("north"), "{}", said(&restored));
    let used = daemon.command(&["restore", "now.backup", "--data", data.to_str().expect("text")]).await;
    assert!(!used.status.success() && said(&used).contains("is not empty"), "{}", said(&used));
    let restored = Daemon::start_in(Arc::new(other), &Launch::default()).await;
    restored.ready().await;
    let agrees = async || {
        let (north, south) = (audit(&restored, "north").await, audit(&restored, "south").await);
        assert_eq!((&north["repeated"], &south["repeated"]), (&json!([]), &json!([])), "{north} {south}");
        let cents = north["cents"].as_i64()? + south["cents"].as_i64()?;
        (north["left"] == south["arrived"] && south["left"] == north["arrived"]).then_some((cents, north))
    };
    let (cents, north) = until("nothing is on its way", agrees).await;
    assert_eq!(cents, 6_000);
    assert!(north["left"].as_array().is_some_and(|left| left.len() > 50), "it holds what was done before: {north}");
}

#[tokio::test]
async fn a_truncated_backup_is_refused_with_the_place() {
    let daemon = Daemon::start().await;
    open_accounts(&daemon, "a", 3).await;
    assert!(daemon.command(&["backup", "."]).await.status.success());
    let folder = fs::read_dir(daemon.folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let file =
        folder.into_iter().find(|path| path.extension().is_some_and(|e| e == "backup")).expect("a name of its own");
    let bytes = fs::read(&file).expect("a backup");
    assert!(!bytes.windows(20).any(|part| part == &daemon_token(&daemon).as_bytes()[..20]), "the token is not in it");
    fs::write(&file, &bytes[..bytes.len() - 9]).expect("a file");
    let refused = daemon.command(&["restore", file.to_str().expect("text"), "--data", "new"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains(&format!("ends at byte {}", bytes.len() - 9)), "{}", said(&refused));
    assert!(!daemon.folder().join("new").exists());
}

fn daemon_token(daemon: &Daemon) -> String {
    fs::read_to_string(daemon.folder().join("data/token")).expect("a token")
}

#[tokio::test]
async fn a_lost_journal_is_refused_by_name_of_the_option_that_goes_on() {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    daemon.run("a", &json!([{ "add": 7 }])).await;
    let written = async || {
        let tables = fs::read_dir(daemon.folder().join("data/tables")).ok()?;
        (tables.count() > 0).then_some(())
    };
    until("there are tables", written).await;
    // A start brings the tables up to the journal's end.
    let daemon = daemon.killed().await;
    daemon.kill();
    fs::remove_dir_all(daemon.folder().join("data/journal")).expect("a journal");
    let refused = daemon.command(&["run", "spaces", "--listen", "127.0.0.1:0"]).await;
    assert!(!refused.status.success() && said(&refused).contains("--accept-loss"), "{}", said(&refused));
    let daemon = daemon.again(&["--accept-loss"]).await;
    daemon.ready().await;
    assert!(daemon.log().contains("a loss was accepted"), "{}", daemon.log());
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(8)));
    let daemon = daemon.killed().await;
    daemon.ready().await;
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, (200, json!(8)), "the next start needs no option");
}
