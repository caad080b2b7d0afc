//! Power cuts: what has been acknowledged is on the disk, whatever the disk has made of the rest.
//!
//! A short load runs against the real daemon under a recorder. Then each answer must have left after the sync of what it
//! rests on; and from any folder that a power cut at any moment may leave, a host starts and its books are in order.

use futures::{Stream, StreamExt, stream};
use rustix::process::Signal;
use serde_json::Value;
use spacehost::store::{Store, StoreConfig};
use spacehost_tests::money::{self, BANKS, Books, Sent, Transfer};
use spacehost_tests::strace::{Cut, Names, Recording, Strace, What};
use spacehost_tests::{Daemon, Dice, GIVE_UP, Host, Launch, guest, until};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Small, so that the load fills several and the first are dropped.
const SETTINGS: &str = "[journal]\nsegment_bytes = 32_768\nretention_bytes = 65_536\n";
const CLIENTS: u64 = 4;
/// Acknowledged transfers, after which the first daemon is killed and the second one ends.
const ENOUGH: [u64; 2] = [200, 400];
const AT_ONCE: usize = 3;

/// How many folders are rebuilt; more by `SPACEHOST_POWER_CUTS=100000 cargo test -p spacehost-tests power`.
fn cuts() -> u64 {
    std::env::var("SPACEHOST_POWER_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(200)
}

/// What the daemons did, and what their clients know.
struct Recorded {
    recording: Recording,
    sent: Sent,
    folder: Arc<TempDir>,
}

#[derive(Default)]
struct Load {
    acknowledged: AtomicU64,
    sent: Mutex<Sent>,
}

/// Sends one transfer after the other until nobody answers; those that were not answered are for the next daemon.
async fn client(
    daemon: Arc<Daemon>,
    load: Arc<Load>,
    mut dice: Dice,
    mut left_over: Option<Transfer>,
) -> (Dice, Option<Transfer>) {
    loop {
        let transfer = left_over.take().unwrap_or_else(|| {
            let mut sent = load.sent.lock().expect("no client panics here");
            let transfer = Transfer::drawn(&mut dice, sent.len() as u64);
            sent.insert(transfer.id.clone(), transfer.clone());
            transfer
        });
        match transfer.send(&daemon).await {
            Some(200 | 202) => drop(load.acknowledged.fetch_add(1, Ordering::Relaxed)),
            Some(503) => left_over = Some(transfer).filter(|transfer| !transfer.once),
            // Two that wait for each other: it has had no effect.
            Some(422) if transfer.once => {}
            Some(status) => panic!("{transfer:?} is answered {status}"),
            None => return (dice, Some(transfer).filter(|transfer| !transfer.once)),
        }
    }
}

/// Banks with their accounts, in a folder whose daemon has ended.
async fn founded() -> Arc<TempDir> {
    tokio::task::spawn_blocking(|| guest("bank")).await.expect("the guests build");
    let folder = Daemon::new_folder();
    std::fs::write(folder.path().join("spacehost.toml"), SETTINGS).expect("a settings file");
    let daemon = Daemon::start_in(folder.clone(), &Launch::default()).await;
    money::open_accounts(&daemon).await;
    daemon.end(Signal::TERM).await;
    folder
}

/// Two daemons, one after the other, each killed in full work.
async fn record(ungated: bool) -> Recorded {
    let folder = founded().await;
    let mut recording = Recording::begin(&folder.path().join("data"));
    let load = Arc::new(Load::default());
    let mut clients: Vec<_> = (0..CLIENTS).map(|seed| (Dice(seed), None)).collect();
    for (session, enough) in ENOUGH.into_iter().enumerate() {
        let strace = Strace::new(&folder.path().join(format!("calls-{session}")));
        let launch =
            Launch { strace: Some(strace.clone()), build: ungated.then_some("spacehost-ungated"), ..Launch::default() };
        let daemon = Arc::new(Daemon::start_in(folder.clone(), &launch).await);
        daemon.ready().await;
        let mut running = JoinSet::new();
        for (dice, left_over) in clients.drain(..) {
            running.spawn(client(daemon.clone(), load.clone(), dice, left_over));
        }
        let acknowledged = async || (load.acknowledged.load(Ordering::Relaxed) >= enough).then_some(());
        until("enough is acknowledged", acknowledged).await;
        daemon.kill();
        clients = running.join_all().await;
        until("the recorder is done", async || strace.is_complete(daemon.process()).then_some(())).await;
        recording.add(&strace.log);
    }
    let sent = std::mem::take(&mut *load.sent.lock().expect("no client panics here"));
    Recorded { recording, sent, folder }
}

impl Recorded {
    /// The answers that left before the bytes that they rest on were synced: a transfer is first written down, in the
    /// record of its acceptance or of its turn, with its id.
    fn early(&self) -> Vec<String> {
        let early = self.recording.sent.iter().filter(|sent| matches!(sent.status, 200 | 202)).filter(|sent| {
            let id = format!("\"id\":\"{}\"", sent.key);
            let first = self.recording.changes().iter().find(|change| match &change.what {
                What::Write { bytes, .. } => bytes.windows(id.len()).any(|window| window == id.as_bytes()),
                _ => false,
            });
            first.is_none_or(|written| written.durable > sent.began)
        });
        early.map(|sent| sent.key.clone()).collect()
    }

    fn acknowledged(&self, cut: &Cut) -> BTreeSet<String> {
        let before = self.recording.sent.iter().filter(|sent| sent.began < cut.at && matches!(sent.status, 200 | 202));
        before.map(|sent| sent.key.clone()).collect()
    }

    /// Anywhere, just after an answer has left, or in the midst of a change.
    fn cut(&self, seed: u64) -> Cut {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let Recording { sent, end, .. } = &self.recording;
        let changes = self.recording.changes();
        let at = match dice.roll(3) {
            0 => dice.roll(*end as u64) as usize,
            1 => sent[dice.roll(sent.len() as u64) as usize].began + 1,
            _ => changes[dice.roll(changes.len() as u64) as usize].began + 1,
        };
        let names = if dice.roll(2) == 0 { Names::Together } else { Names::Apart };
        Cut { at, names, seed: dice.roll(u64::from(u32::MAX)) }
    }

    /// What is wrong after that cut, in this process.
    async fn faults(&self, cut: Cut) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        self.recording.folder_after(&cut).write(folder.path());
        match open(folder.path()) {
            Ok(store) => books_in_order(store, &self.sent, &self.acknowledged(&cut)).await,
            Err(error) => vec![format!("no start: {error}")],
        }
    }

    /// The same through the real binary, which must also find its own settings and files.
    async fn survives_in_a_daemon(&self, cut: Cut) {
        let folder = Daemon::new_folder();
        self.recording.folder_after(&cut).write(&folder.path().join("data"));
        std::fs::write(folder.path().join("spacehost.toml"), SETTINGS).expect("a settings file");
        for bank in BANKS {
            let file = format!("spaces/{bank}.wasm");
            std::fs::copy(self.folder.path().join(&file), folder.path().join(&file)).expect("a copy");
        }
        let daemon = Daemon::start_in(folder, &Launch::default()).await;
        daemon.ready().await;
        money::settled(&daemon, &self.sent, &self.acknowledged(&cut)).await;
    }
}

/// Runs the banks on the store until nothing is under way, and audits them.
async fn books_in_order(store: Store, sent: &Sent, acknowledged: &BTreeSet<String>) -> Vec<String> {
    let host = Host::on(store);
    for bank in BANKS {
        host.deploy(bank, "bank").await;
    }
    host.runtime.open();
    let asked = Instant::now();
    loop {
        let mut books = Books::default();
        for bank in BANKS {
            let audit = host.runtime.call(bank, "audit", "null".into(), Default::default()).await.expect("an audit");
            books.add(&serde_json::from_slice::<Value>(&audit).expect("JSON"));
        }
        let idle = BANKS.iter().all(|bank| host.usage(bank).backlog_messages == 0);
        let faults = books.faults(sent, acknowledged);
        if (idle && faults.is_empty()) || asked.elapsed() > GIVE_UP {
            return faults;
        }
        tokio::task::yield_now().await;
    }
}

/// What is wrong after each of these cuts, with the cut that shows it.
fn faults(recorded: &Recorded, cuts: impl Iterator<Item = Cut>) -> impl Stream<Item = Vec<String>> {
    let shown = async move |cut: Cut| {
        let faults = recorded.faults(cut).await;
        faults.into_iter().map(move |fault| format!("{cut:?}: {fault}")).collect::<Vec<_>>()
    };
    stream::iter(cuts).map(shown).buffer_unordered(AT_ONCE)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_power_cut_loses_or_repeats_what_was_acknowledged() {
    let recorded = record(false).await;
    assert_eq!(recorded.early(), [""; 0], "answered before it was on disk");
    let started = Instant::now();
    let faults = faults(&recorded, (0..cuts()).map(|seed| recorded.cut(seed)));
    let faults: Vec<String> = faults.collect::<Vec<_>>().await.concat();
    assert!(faults.is_empty(), "{} faults, the first of them: {:#?}", faults.len(), &faults[..faults.len().min(5)]);
    let (calls, answers) = (recorded.recording.changes().len(), recorded.recording.sent.len());
    println!("{} rebuilds of {calls} changes and {answers} answers in {:?}", cuts(), started.elapsed());
    for seed in 0..cuts().div_ceil(20) {
        recorded.survives_in_a_daemon(recorded.cut(seed)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_gate_answers_leave_before_their_sync_and_a_power_cut_loses_them() {
    let recorded = record(true).await;
    let early = recorded.early();
    assert!(!early.is_empty(), "of {} answers none is found that left early", recorded.recording.sent.len());
    let after_answers = recorded.recording.sent.iter().filter(|sent| early.contains(&sent.key));
    let cuts =
        after_answers.take(30).map(|sent| Cut { at: sent.began + 1, names: Names::Together, seed: sent.began as u64 });
    // The first is proof enough, and each takes as long as the books are given to come right.
    let lost = async |faults: Vec<String>| faults.iter().any(|fault| fault.contains("acknowledged and not made"));
    assert!(std::pin::pin!(faults(&recorded, cuts)).any(lost).await, "no cut loses anything");
}

/// The folder and the token are there: whoever has read the token has seen them.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_in_the_very_first_start_leaves_a_folder_to_start_on() {
    let folder = Daemon::new_folder();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("a data folder");
    std::fs::write(data.join("token"), "0".repeat(64)).expect("a token");
    std::fs::write(folder.path().join("spacehost.toml"), SETTINGS).expect("a settings file");
    let mut recording = Recording::begin(&data);
    let strace = Strace::new(&folder.path().join("calls"));
    let daemon = Daemon::start_in(folder.clone(), &Launch::under(strace.clone())).await;
    daemon.ready().await;
    let process = daemon.process();
    daemon.end(Signal::TERM).await;
    until("the recorder is done", async || strace.is_complete(process).then_some(())).await;
    recording.add(&strace.log);
    for seed in 0..cuts() {
        let mut dice = Dice(seed);
        let names = if dice.roll(2) == 0 { Names::Together } else { Names::Apart };
        let cut = Cut { at: dice.roll(recording.end as u64) as usize, names, seed };
        starts_twice(&recording, &cut);
    }
}

/// What the first start mends, the second one must not stumble over.
fn starts_twice(recording: &Recording, cut: &Cut) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    recording.folder_after(cut).write(folder.path());
    for start in 1..=2 {
        let store = open(folder.path()).unwrap_or_else(|error| panic!("{cut:?}, start {start}: {error}"));
        store.ledger.close();
        store.keeper.iter().for_each(|keeper| keeper.close());
    }
}

fn open(folder: &Path) -> Result<Store, spacehost::store::StoreError> {
    Store::open(folder, &StoreConfig { segment_bytes: 32_768, ..StoreConfig::default() })
}
