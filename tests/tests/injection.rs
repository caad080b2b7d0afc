//! A disk that fails: each call on the data folder, once, with EIO or ENOSPC, at points of a reference load.
//!
//! Whatever fails, the daemon starts or says why not, goes on or ends with its message; and the next one, on a sound disk,
//! has all that was acknowledged.

use futures::{StreamExt, stream};
use reqwest::Method;
use rustix::process::Signal;
use spacehost_tests::money::{self, BANKS, Sent, Transfer};
use spacehost_tests::strace::{Folder, Place, Places, Strace};
use spacehost_tests::{Daemon, Dice, Launch, guest, until};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Small segments, so that some are made while the load runs.
const SETTINGS: &str = "[journal]\nsegment_bytes = 16_384\n";
const TRANSFERS: u64 = 60;
const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];
const FAILING: [&str; 11] = [
    "openat",
    "write",
    "pwrite64",
    "ftruncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "unlink",
    "mkdir",
];
const AT_ONCE: usize = 3;
const PROBE: Duration = Duration::from_millis(200);

/// How many points are tried; all of them by `SPACEHOST_INJECTIONS=all cargo test -p spacehost-tests injection`.
fn points_tried() -> usize {
    match std::env::var("SPACEHOST_INJECTIONS") {
        Ok(all) if all == "all" => usize::MAX,
        Ok(points) => points.parse().expect("SPACEHOST_INJECTIONS is a number or `all`"),
        Err(_) => 30,
    }
}

/// Banks with their accounts, to be copied.
struct Reference {
    data: Folder,
    folder: Arc<TempDir>,
}

impl Reference {
    async fn new() -> Self {
        tokio::task::spawn_blocking(|| guest("bank")).await.expect("the guests build");
        let folder = Daemon::new_folder();
        fs::write(folder.path().join("spacehost.toml"), SETTINGS).expect("a settings file");
        let daemon = Daemon::start_in(folder.clone(), &Launch::default()).await;
        money::open_accounts(&daemon).await;
        daemon.end(Signal::TERM).await;
        Reference { data: Folder::read(&folder.path().join("data")), folder }
    }

    fn copy(&self) -> Arc<TempDir> {
        let copy = Daemon::new_folder();
        self.data.write(&copy.path().join("data"));
        fs::write(copy.path().join("spacehost.toml"), SETTINGS).expect("a settings file");
        for bank in BANKS {
            let file = format!("spaces/{bank}.wasm");
            fs::copy(self.folder.path().join(&file), copy.path().join(&file)).expect("a copy");
        }
        copy
    }

    /// The calls on journal and tables under the reference load, by their paths below the data folder.
    async fn places(&self) -> Places {
        let folder = self.copy();
        let strace = Strace::new(&folder.path().join("calls"));
        let daemon = Daemon::start_in(folder.clone(), &Launch::under(strace.clone())).await;
        daemon.ready().await;
        Load::default().run(&daemon).await;
        let process = daemon.process();
        daemon.end(Signal::TERM).await;
        until("the recorder is done", async || strace.is_complete(process).then_some(())).await;
        let log = fs::read_to_string(&strace.log).expect("a log");
        Places::of(&log, folder.path(), &["journal", "tables"], &FAILING)
    }
}

/// A place, and how the call there fails.
#[derive(Debug, Clone)]
struct Point {
    place: Place,
    error: &'static str,
}

/// Every call of the reference, in either part and with either error.
fn points(places: &Places) -> Vec<Point> {
    places.all().into_iter().flat_map(|place| ERRORS.map(|error| Point { place: place.clone(), error })).collect()
}

/// As many as asked for, from all over: each pair of call and part first.
fn sample(mut points: Vec<Point>, count: usize) -> Vec<Point> {
    let (mut dice, mut rank) = (Dice(3), BTreeMap::<(&str, String), u64>::new());
    for at in (1..points.len()).rev() {
        points.swap(at, dice.roll(at as u64 + 1) as usize);
    }
    points.sort_by_cached_key(|point| {
        let rank = rank.entry((point.place.part, point.place.call.clone())).or_default();
        *rank += 1;
        *rank
    });
    points.truncate(count);
    points
}

/// One client's transfers, and what it was told of them.
#[derive(Default)]
struct Load {
    sent: Sent,
    acknowledged: BTreeSet<String>,
    refused_as_full: u64,
}

impl Load {
    /// Until all are sent or the host is gone.
    async fn run(&mut self, daemon: &Daemon) {
        let mut dice = Dice(11);
        for number in 0..TRANSFERS {
            let transfer = Transfer::drawn(&mut dice, number);
            self.sent.insert(transfer.id.clone(), transfer.clone());
            match transfer.send(daemon).await {
                Some(200 | 202) => drop(self.acknowledged.insert(transfer.id)),
                Some(507) => self.refused_as_full += 1,
                // Not loaded, or its turn was refused; the books will tell.
                Some(422 | 429 | 503 | 504) => {}
                Some(status) => panic!("{transfer:?} is answered {status}"),
                None => return,
            }
        }
    }
}

/// Waits until the daemon serves; false if it ends before.
async fn serves(daemon: &Daemon) -> bool {
    let look = async || {
        if daemon.has_ended() {
            return Some(false);
        }
        let answer = daemon.anonymous(Method::GET, "/readyz").send().await.ok()?;
        answer.status().is_success().then_some(true)
    };
    until("it serves or has ended", look).await
}

/// What an end by a failed disk looks like.
async fn assert_ends_with_its_message(daemon: &Daemon) {
    let status = daemon.ended().await;
    let log = daemon.log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("the disk has failed, and the host ends"), "{log}");
    assert!(log.contains("error: the data folder has failed"), "{log}");
}

async fn next_has_it_all(folder: Arc<TempDir>, load: &Load) {
    let next = Daemon::start_in(folder, &Launch::default()).await;
    next.ready().await;
    money::settled(&next, &load.sent, &load.acknowledged).await;
}

async fn try_point(reference: &Reference, places: &Places, point: Point) {
    let folder = reference.copy();
    let what = format!("{}:error={}:when={}", point.place.call, point.error, point.place.nth);
    let strace =
        Strace::new(&folder.path().join("calls")).with_sabotage(&what, &places.paths(folder.path(), point.place.part));
    let mut load = Load::default();
    match Daemon::try_start_in(folder.clone(), &Launch::under(strace)).await {
        Err(refused) => {
            assert_eq!(refused.status.code(), Some(1), "{point:?}: {}", refused.said);
            assert!(refused.said.contains("error: "), "{point:?}: {}", refused.said);
        }
        Ok(daemon) => {
            if serves(&daemon).await {
                load.run(&daemon).await;
            }
            if point.error == "EIO" {
                assert_eq!(load.refused_as_full, 0, "{point:?}: a broken disk is not a full one");
            }
            if daemon.is_gone().await {
                assert_ends_with_its_message(&daemon).await;
            }
        }
    }
    next_has_it_all(folder, &load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_call_fails_nothing_acknowledged_is_lost() {
    let reference = Reference::new().await;
    let places = reference.places().await;
    let all = points(&places);
    let chosen = sample(all.clone(), points_tried());
    println!("{} of {} points", chosen.len(), all.len());
    let tried = async |point: Point| {
        println!("{point:?}");
        try_point(&reference, &places, point).await;
    };
    stream::iter(chosen).map(tried).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_sync_nothing_is_acknowledged_and_the_host_ends_with_its_message() {
    let reference = Reference::new().await;
    let places = reference.places().await;
    let folder = reference.copy();
    let strace = Strace::new(&folder.path().join("calls"));
    let strace = strace.with_sabotage("fdatasync:error=EIO:when=10+", &places.paths(folder.path(), "journal"));
    let daemon = Daemon::start_in(folder.clone(), &Launch::under(strace)).await;
    daemon.ready().await;
    let mut load = Load::default();
    load.run(&daemon).await;
    assert_ends_with_its_message(&daemon).await;
    assert!(load.acknowledged.len() < 10, "{} are acknowledged by nine syncs", load.acknowledged.len());
    assert!(!load.acknowledged.is_empty());
    next_has_it_all(folder, &load).await;
}

/// The threads that make segments ahead of need fail each time; the committer fails eight times and then finds room.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_new_input_with_507_and_the_host_goes_on_when_there_is_room() {
    let reference = Reference::new().await;
    let folder = reference.copy();
    let journal = folder.path().canonicalize().expect("a path").join("data/journal");
    let names = (1..40).flat_map(|number| (0..40).map(move |count| format!("{number:016x}.{count}.spare")));
    let paths: Vec<_> = names.map(|name| journal.join(name).display().to_string()).collect();
    let strace = Strace::new(&folder.path().join("calls")).with_sabotage("fallocate:error=ENOSPC:when=1..8", &paths);
    let daemon = Daemon::start_in(folder.clone(), &Launch::under(strace)).await;
    daemon.ready().await;
    let status = async |wanted: u16| (audit_status(&daemon).await == Some(wanted)).then_some(());
    let watch = async {
        until("new input is refused", async || status(507).await).await;
        until("there is room again", async || status(200).await).await;
    };
    let (load, ()) = tokio::join!(fill(&daemon), watch);
    daemon.kill();
    next_has_it_all(folder, &load).await;
}

/// Repeats what is refused, until all are acknowledged.
async fn fill(daemon: &Daemon) -> Load {
    let (mut load, mut dice) = (Load::default(), Dice(11));
    for number in 0..2 * TRANSFERS {
        let transfer = Transfer::drawn(&mut dice, number);
        load.sent.insert(transfer.id.clone(), transfer.clone());
        let taken = async || match transfer.send(daemon).await.expect("the host goes on") {
            200 | 202 => Some(true),
            507 => None,
            422 => Some(false),
            status => panic!("{transfer:?} is answered {status}"),
        };
        if until("there is room for it", taken).await {
            load.acknowledged.insert(transfer.id);
        }
    }
    load
}

/// Reading is input, too: its turn leaves a record. Whoever came in just before the disk was full has to wait, so none
/// is waited for for long.
async fn audit_status(daemon: &Daemon) -> Option<u16> {
    let path = format!("/v1/spaces/{}/commands/audit", BANKS[0]);
    let audit = daemon.request(Method::POST, &path).json(&serde_json::Value::Null).timeout(PROBE);
    Some(audit.send().await.ok()?.status().as_u16())
}
