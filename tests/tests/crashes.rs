//! What a killed host has accepted: there after its restart, once.

use spacehost_tests::money::{self, Sent, Transfer};
use spacehost_tests::{Daemon, Dice, guest};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

const CLIENTS: u64 = 6;
/// A daemon that is killed in its start has this long at most. It serves in less.
const START_MS: u64 = 400;

/// How often the host is killed; more by `SPACEHOST_KILLS=10000 cargo test -p spacehost-tests crashes`.
fn kills() -> u64 {
    std::env::var("SPACEHOST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(50)
}

/// What the clients want done; each transfer is repeated under its key until it is acknowledged.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    transfers: AtomicU64,
    sent: Mutex<Sent>,
}

/// Sends until told to stop; whatever is under way then is finished first, however many hosts that takes. Answers what was
/// acknowledged.
async fn client(daemons: watch::Receiver<Arc<Daemon>>, load: Arc<Load>, seed: u64) -> Vec<String> {
    let (mut dice, mut acknowledged) = (Dice(seed), Vec::new());
    while !load.stop.load(Ordering::Relaxed) {
        let transfer = Transfer::drawn(&mut dice, load.transfers.fetch_add(1, Ordering::Relaxed));
        load.sent.lock().expect("no client panics here").insert(transfer.id.clone(), transfer.clone());
        loop {
            let daemon = daemons.borrow().clone();
            match transfer.send(&daemon).await {
                Some(200 | 202) => break acknowledged.push(transfer.id),
                // Nobody knows, or two waited for each other and one was refused.
                None | Some(422) if transfer.once => break,
                // Refused for now, or nobody there.
                None | Some(429 | 503) => tokio::time::sleep(Duration::from_millis(5)).await,
                Some(status) => panic!("{transfer:?} is answered {status}"),
            }
        }
    }
    acknowledged
}

/// At random: while it starts, as soon as it serves, or in full work; and now and then those that follow, too.
async fn kill_one(dice: &mut Dice, tell: &watch::Sender<Arc<Daemon>>) -> u64 {
    let daemon = tell.borrow().clone();
    match dice.roll(4) {
        0 => tokio::time::sleep(Duration::from_millis(dice.roll(300))).await,
        1 => daemon.ready().await,
        _ => {
            daemon.ready().await;
            tokio::time::sleep(Duration::from_millis(dice.roll(200))).await;
        }
    }
    let again: Vec<u64> = (0..dice.roll(3)).map(|_| dice.roll(START_MS)).collect();
    tell.send_replace(Arc::new(daemon.killed_again(&again).await));
    1 + again.len() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn no_kill_loses_or_repeats_a_transfer() {
    tokio::task::spawn_blocking(|| guest("bank")).await.expect("the guests build");
    let first = Arc::new(Daemon::start().await);
    money::open_accounts(&first).await;
    let (tell, daemons) = watch::channel(first);
    let load = Arc::new(Load::default());
    let mut clients = JoinSet::new();
    for seed in 0..CLIENTS {
        clients.spawn(client(daemons.clone(), load.clone(), seed));
    }
    drop(daemons);
    let (mut dice, mut killed) = (Dice(4_711), 0);
    while killed < kills() {
        killed += kill_one(&mut dice, &tell).await;
    }
    load.stop.store(true, Ordering::Relaxed);
    let acknowledged: BTreeSet<String> = clients.join_all().await.into_iter().flatten().collect();
    let daemon = tell.borrow().clone();
    daemon.ready().await;
    let sent = std::mem::take(&mut *load.sent.lock().expect("no client panics here"));
    let books = money::settled(&daemon, &sent, &acknowledged).await;
    assert!(books.left.iter().all(|id| sent.contains_key(id)), "{:?}", books.left);
    println!("{} transfers, {} acknowledged, under {killed} kills", sent.len(), acknowledged.len());
}
