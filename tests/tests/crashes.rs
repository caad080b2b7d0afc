//! What a killed host has accepted: there after its restart, once.

use reqwest::Method;
use serde_json::{Value, json};
use spacehost_tests::{Daemon, guest, json_of, until};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const BANKS: [&str; 3] = ["north", "south", "west"];
const ACCOUNTS: u64 = 4;
const CENTS: i64 = 1_000_000;
const CLIENTS: u64 = 6;

/// How often the host is killed; more by `SPACEHOST_KILLS=10000 cargo test -p spacehost-tests crashes`.
fn kills() -> u64 {
    std::env::var("SPACEHOST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(50)
}

/// A sequence of numbers that looks random and is the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What the clients want done; each transfer is repeated under its key until it is acknowledged.
struct Load {
    stop: AtomicBool,
    transfers: AtomicU64,
}

/// One transfer, and whether its client waits for the turn.
fn transfer(dice: &mut Dice, number: u64) -> (String, Value, bool) {
    let by = ["command", "event", "request"][dice.roll(3) as usize];
    let from = dice.roll(3) as usize;
    let bank = BANKS[(from + 1 + dice.roll(2) as usize) % 3];
    let body = json!({
        "id": format!("t{number}"), "from": dice.roll(ACCOUNTS).to_string(), "bank": bank,
        "to": dice.roll(ACCOUNTS).to_string(), "cents": 1 + dice.roll(500), "by": by,
    });
    // Without waiting the message itself is accepted, and then its request must be found answered after a crash. A turn
    // that someone waits for is tried once, so what it has requested may stand without it.
    (BANKS[from].to_owned(), body, by != "request" && dice.roll(2) == 0)
}

async fn send(daemon: &Daemon, bank: &str, body: &Value, wait: bool) -> Option<u16> {
    let path = format!("/v1/spaces/{bank}/commands/transfer?wait={wait}");
    let key = body["id"].as_str().unwrap_or_default();
    let answer = daemon.request(Method::POST, &path).header("idempotency-key", key).json(body).send().await.ok()?;
    Some(answer.status().as_u16())
}

/// Sends until told to stop; whatever is under way then is finished first, however many hosts that takes.
async fn client(daemons: tokio::sync::watch::Receiver<Arc<Daemon>>, load: Arc<Load>, seed: u64) -> Vec<String> {
    let (mut dice, mut sent) = (Dice(seed), Vec::new());
    while !load.stop.load(Ordering::Relaxed) {
        let number = load.transfers.fetch_add(1, Ordering::Relaxed);
        let (bank, body, wait) = transfer(&mut dice, number);
        loop {
            let daemon = daemons.borrow().clone();
            match send(&daemon, &bank, &body, wait).await {
                Some(200 | 202) => break,
                // Refused for now, or nobody there.
                None | Some(429 | 503) => tokio::time::sleep(Duration::from_millis(5)).await,
                Some(status) => panic!("transfer {number} is answered {status}"),
            }
        }
        sent.push(format!("t{number}"));
    }
    sent
}

async fn audit(daemon: &Daemon, bank: &str) -> Value {
    let answer = daemon.request(Method::POST, &format!("/v1/spaces/{bank}/commands/audit")).json(&Value::Null);
    json_of(answer.send().await.expect("an answer")).await
}

fn ids(list: &Value) -> impl Iterator<Item = String> {
    list.as_array().into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned))
}

/// All that the banks know: their money, what has left, arrived, and more than once.
async fn audits(daemon: &Daemon) -> (i64, BTreeSet<String>, BTreeSet<String>, Vec<String>) {
    let (mut cents, mut left, mut arrived, mut repeated) = (0, BTreeSet::new(), BTreeSet::new(), Vec::new());
    for bank in BANKS {
        let audit = audit(daemon, bank).await;
        cents += audit["cents"].as_i64().unwrap_or_else(|| panic!("{bank}: {audit}"));
        left.extend(ids(&audit["left"]));
        arrived.extend(ids(&audit["arrived"]));
        repeated.extend(ids(&audit["repeated"]));
    }
    (cents, left, arrived, repeated)
}

async fn open_accounts(daemon: &Daemon) {
    for bank in BANKS {
        std::fs::write(daemon.file(&format!("{bank}.wasm")), guest("bank")).expect("the drop folder takes a file");
    }
    for bank in BANKS {
        until(&format!("{bank} serves"), async || (daemon.space(bank).await["state"] == "running").then_some(())).await;
        for account in 0..ACCOUNTS {
            let path = format!("/v1/spaces/{bank}/commands/open");
            let opening = json!({ "account": account.to_string(), "cents": CENTS });
            let opened = daemon.request(Method::POST, &path).json(&opening).send().await.expect("an answer");
            assert_eq!(opened.status().as_u16(), 200, "{}", daemon.log());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_kill_loses_or_repeats_a_transfer() {
    tokio::task::spawn_blocking(|| guest("bank")).await.expect("the guests build");
    let first = Arc::new(Daemon::start().await);
    open_accounts(&first).await;
    let (tell, daemons) = tokio::sync::watch::channel(first);
    let load = Arc::new(Load { stop: AtomicBool::new(false), transfers: AtomicU64::new(0) });
    let mut clients = JoinSet::new();
    for seed in 0..CLIENTS {
        clients.spawn(client(daemons.clone(), load.clone(), seed));
    }
    drop(daemons);
    let mut dice = Dice(4_711);
    for kill in 0..kills() {
        // At random: while it starts, as soon as it serves, or in full work.
        match dice.roll(4) {
            0 => tokio::time::sleep(Duration::from_millis(dice.roll(300))).await,
            1 => tell.borrow().clone().ready().await,
            _ => {
                tell.borrow().clone().ready().await;
                tokio::time::sleep(Duration::from_millis(dice.roll(200))).await;
            }
        }
        let daemon = tell.borrow().clone();
        tell.send_replace(Arc::new(daemon.killed().await));
        assert!(!clients.is_empty(), "kill {kill}");
    }
    load.stop.store(true, Ordering::Relaxed);
    let sent: BTreeSet<String> = clients.join_all().await.into_iter().flatten().collect();
    let daemon = tell.borrow().clone();
    daemon.ready().await;
    let everything = async || {
        let (cents, left, arrived, repeated) = audits(&daemon).await;
        assert_eq!(repeated, [""; 0], "{}", daemon.log());
        (left.len() == sent.len() && arrived.len() == sent.len()).then_some((cents, left, arrived))
    };
    let (cents, left, arrived) = until("all transfers are made", everything).await;
    assert_eq!((&left, &arrived), (&sent, &sent));
    println!("{} transfers under {} kills", sent.len(), kills());
    assert_eq!(cents, CENTS * (BANKS.len() as i64) * ACCOUNTS as i64, "of {} transfers", sent.len());
}
