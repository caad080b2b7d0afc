//! The money-moving load: transfers between accounts of several banks, and what their books must show afterwards.
//!
//! Owns which transfers there are and what can be claimed of each. Must not know what is done to the host meanwhile. The
//! guest is `bank`.

use crate::{Daemon, Dice, guest, json_of, until};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub const BANKS: [&str; 3] = ["north", "south", "west"];
const ACCOUNTS: u64 = 4;
const CENTS: i64 = 1_000_000;

#[derive(Debug, Clone)]
pub struct Transfer {
    pub id: String,
    pub bank: &'static str,
    pub body: Value,
    /// The client waits for the turn.
    pub wait: bool,
    /// It makes a request, and someone waits for it: such a turn is tried once, so what it has requested may stand without
    /// it. Its client does not repeat it, for a second turn would be a second request.
    pub once: bool,
    pub cents: i64,
}

impl Transfer {
    pub fn drawn(dice: &mut Dice, number: u64) -> Self {
        let by = ["command", "event", "request"][dice.roll(3) as usize];
        let from = dice.roll(3) as usize;
        let bank = BANKS[(from + 1 + dice.roll(2) as usize) % 3];
        let (id, cents, wait) = (format!("t{number}"), 1 + dice.roll(500) as i64, dice.roll(2) == 0);
        let (account, to) = (dice.roll(ACCOUNTS).to_string(), dice.roll(ACCOUNTS).to_string());
        let body = json!({ "id": id, "from": account, "bank": bank, "to": to, "cents": cents, "by": by });
        Transfer { id, bank: BANKS[from], body, wait, once: wait && by == "request", cents }
    }

    /// Sends it under its id as the key; None when nothing came back.
    pub async fn send(&self, daemon: &Daemon) -> Option<u16> {
        let path = format!("/v1/spaces/{}/commands/transfer?wait={}", self.bank, self.wait);
        let request = daemon.request(Method::POST, &path).header("idempotency-key", &self.id).json(&self.body);
        Some(request.send().await.ok()?.status().as_u16())
    }
}

/// All that was ever sent, by id.
pub type Sent = BTreeMap<String, Transfer>;

/// Puts the banks into the drop folder.
pub fn found_banks(daemon: &Daemon) {
    for bank in BANKS {
        std::fs::write(daemon.file(&format!("{bank}.wasm")), guest("bank")).expect("the drop folder takes a file");
    }
}

pub async fn open_accounts(daemon: &Daemon) {
    found_banks(daemon);
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

/// All that the banks know.
#[derive(Debug, Default)]
pub struct Books {
    cents: i64,
    pub left: BTreeSet<String>,
    pub arrived: BTreeSet<String>,
    repeated: BTreeSet<String>,
}

impl Books {
    pub async fn of(daemon: &Daemon) -> Self {
        let mut books = Books::default();
        for bank in BANKS {
            let audit = daemon.request(Method::POST, &format!("/v1/spaces/{bank}/commands/audit")).json(&Value::Null);
            books.add(&json_of(audit.send().await.expect("an answer")).await);
        }
        books
    }

    /// Adds what one bank answers to `audit`.
    pub fn add(&mut self, audit: &Value) {
        let ids = |list: &Value| -> BTreeSet<String> {
            let list = list.as_array().unwrap_or_else(|| panic!("no audit: {audit}"));
            list.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect()
        };
        self.cents += audit["cents"].as_i64().unwrap_or_else(|| panic!("no audit: {audit}"));
        self.left.extend(ids(&audit["left"]));
        self.arrived.extend(ids(&audit["arrived"]));
        self.repeated.extend(ids(&audit["repeated"]));
    }

    /// What is not as it must be once nothing is under way: none, if these books are in order.
    pub fn faults<'a>(&self, sent: &Sent, acknowledged: impl IntoIterator<Item = &'a String>) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |what: &str, ids: Vec<&String>| {
            if !ids.is_empty() {
                faults.push(format!("{what}: {ids:?}"));
            }
        };
        let made = |id: &&String| self.left.contains(*id) && self.arrived.contains(*id);
        fault("acknowledged and not made", acknowledged.into_iter().filter(|id| !made(id)).collect());
        fault("made more than once", self.repeated.iter().collect());
        fault("left and never arrived", self.left.difference(&self.arrived).collect());
        let once = |id: &str| sent.get(id).is_some_and(|transfer| transfer.once);
        let (alone, others): (Vec<_>, Vec<_>) = self.arrived.difference(&self.left).partition(|id| once(id));
        fault("arrived and never left", others);
        let stands_alone: i64 = alone.iter().map(|id| sent[*id].cents).sum();
        let expected = CENTS * BANKS.len() as i64 * ACCOUNTS as i64 + stands_alone;
        if self.cents != expected {
            faults.push(format!("there are {} cents, and there should be {expected}", self.cents));
        }
        faults
    }
}

/// Waits until nothing is under way any more and the books are in order.
pub async fn settled(daemon: &Daemon, sent: &Sent, acknowledged: &BTreeSet<String>) -> Books {
    let mut faults = Vec::new();
    let in_order = async || {
        let books = Books::of(daemon).await;
        assert!(books.repeated.is_empty(), "made more than once: {:?}; {}", books.repeated, daemon.log());
        faults = books.faults(sent, acknowledged);
        faults.is_empty().then_some(books)
    };
    // A little less than `until` has, to tell what is wrong with them.
    let patience = crate::GIVE_UP.mul_f32(0.9);
    let waited = tokio::time::timeout(patience, until("the books are in order", in_order)).await;
    waited.unwrap_or_else(|_| panic!("{faults:?}; {}", daemon.log()))
}
