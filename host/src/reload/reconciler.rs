//! The one task that owns what is and what should be: it scans, asks the pure parts what follows, and has it done.
//!
//! Knows the folder, the runtime's handle and the operator's orders. It never waits for a space: all slow work runs in
//! jobs that report back, so a stuck compile or swap holds up nobody else. It fails at nothing; what is wrong is shown in
//! the status of the file concerned.

use super::course::Step;
use super::decision::Decision;
use super::deployer::Deployer;
use super::host_file::HostFile;
use super::jobs::{self, Bounds, Report};
use super::status::FileStatus;
use super::tracked::Tracked;
use super::watcher::{Interest, Watcher};
use super::{Reply, news};
use crate::runtime::api::{Deployed, Holdings};
use crate::words::{HostSettings, SpaceName};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// Everything is looked at this often, whatever the watcher says.
const RESCAN: Duration = Duration::from_secs(30);

/// How long a version that is ready waits for those before it in the order of the names.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the handles see.
#[derive(Clone)]
pub struct Snapshot {
    pub files: Arc<[Arc<FileStatus>]>,
    pub first_scan_done: bool,
}

/// What operators ask for.
pub enum Order {
    Reload { name: SpaceName, force: bool, reply: Reply<FileStatus> },
    Rollback { name: SpaceName, reply: Reply<Deployed> },
    Stop { name: SpaceName, reply: Reply<()> },
    Start { name: SpaceName, reply: Reply<()> },
    Quarantine { name: SpaceName, reply: Reply<()> },
    Purge { name: SpaceName, reply: Reply<Holdings> },
    Shutdown { reply: oneshot::Sender<()> },
}

pub struct Reconciler<D: Deployer> {
    pub(super) deployer: D,
    pub(super) spaces: BTreeMap<String, Tracked<D::Artifact>>,
    pub(super) jobs: JoinSet<(String, Report<D::Artifact>)>,
    pub(super) dir: PathBuf,
    pub(super) host_file: HostFile,
    pub(super) host: Arc<HostSettings>,
    /// Tells those who follow the settings.
    pub(super) settings: watch::Sender<Arc<HostSettings>>,
    /// What is wrong with `spacehost.toml`.
    pub(super) host_trouble: Option<Arc<FileStatus>>,
    /// Why the folder cannot be read.
    pub(super) scan_trouble: Option<String>,
    bounds: Bounds,
    /// Not before then; None: no scan is wanted.
    pub(super) scan_at: Option<Instant>,
    pub(super) scanned: Option<(Instant, Duration)>,
    /// Those of the first scan that have no verdict yet.
    pub(super) first: Option<HashSet<String>>,
    publisher: watch::Sender<Snapshot>,
}

impl<D: Deployer> Reconciler<D> {
    pub fn new(deployer: D, dir: PathBuf, host_file: HostFile, publisher: watch::Sender<Snapshot>) -> Self {
        let host = Arc::new(host_file.settings.clone());
        Reconciler {
            deployer,
            spaces: BTreeMap::new(),
            jobs: JoinSet::new(),
            dir,
            settings: watch::Sender::new(host.clone()),
            host,
            host_file,
            host_trouble: None,
            scan_trouble: None,
            bounds: Bounds::new(),
            scan_at: None,
            scanned: None,
            first: None,
            publisher,
        }
    }

    /// What is in force, now and later.
    pub fn settings(&self) -> watch::Receiver<Arc<HostSettings>> {
        self.settings.subscribe()
    }

    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>, settings: Option<PathBuf>) {
        // Watching begins before the first scan, so that nothing falls between them.
        let mut folder = Watcher::new(self.dir.clone(), Interest::Spaces);
        let mut host_folder = settings.map(|file| Watcher::new(folder_of(&file), Interest::File(file)));
        let mut rescan = tokio::time::interval(RESCAN);
        rescan.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let wake = self.advance_all();
            tokio::select! {
                () = folder.changed(), if self.scan_at.is_none() => self.want_scan(),
                () = changed(&mut host_folder) => self.host_file.look(Instant::now()),
                order = orders.recv() => match order {
                    Some(Order::Shutdown { reply }) => {
                        self.finish().await;
                        // Whoever asked may have gone.
                        let _ = reply.send(());
                        return;
                    }
                    Some(order) => self.take(order).await,
                    None => return self.finish().await,
                },
                Some(report) = self.jobs.join_next() => self.note_all(report),
                failed = self.deployer.failed_probation() => self.failed(failed),
                _ = rescan.tick() => {
                    folder.renew();
                    self.look_again_at_the_unreadable();
                    self.host_file.look(Instant::now());
                    self.want_scan();
                }
                () = at(self.scan_at) => self.scan().await,
                () = at(wake) => {}
            }
        }
    }

    /// Takes every space as far as it goes now. When to come back, if nothing happens before.
    fn advance_all(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let host = self.refresh_host(now);
        let stems: Vec<String> = self.spaces.keys().cloned().collect();
        let wake = stems.iter().filter_map(|stem| self.advance(stem, now)).chain(host).min();
        self.publish();
        wake
    }

    fn advance(&mut self, stem: &str, now: Instant) -> Option<Instant> {
        self.begin_queued(stem, now);
        let tracked = self.spaces.get_mut(stem)?;
        if self.scan_trouble.is_some() && tracked.course.watched.decide(now) != Decision::Nothing {
            // Looking at a file in a folder that is gone would only find that it is gone.
            return None;
        }
        if let Some(until) = self.first_come_those_before(stem, now) {
            return Some(until);
        }
        let tracked = self.spaces.get_mut(stem)?;
        let step = tracked.course.next(now);
        let (files, deployer) = (tracked.files.clone(), self.deployer.clone());
        match (step, files.name.clone()) {
            (Step::Wait(until), _) => return until,
            (Step::Rest, _) => self.rest(stem),
            (Step::Look, _) => {
                let looking = self.bounds.clone().look(files, tracked.course.watched.seen().clone(), self.host.clone());
                self.begin(stem, async { Report::Looked(looking.await) });
            }
            (Step::Restore(digest), _) => {
                let sighted = (tracked.course.watched.seen().clone(), self.host.clone());
                self.begin(stem, jobs::restore(deployer, self.bounds.clone(), files, sighted, digest));
            }
            (Step::Remove, _) => {
                let runs = tracked.runs() || tracked.course.is_parked();
                self.begin(stem, jobs::remove(deployer, files, runs));
            }
            (Step::Swap(plan), Some(name)) => self.begin(stem, jobs::swap(deployer, name, plan, false)),
            (Step::Resume, Some(name)) => self.begin(stem, jobs::halt(deployer, name, false)),
            (Step::Park(reason), Some(name)) => self.begin(stem, jobs::park(deployer, name, reason)),
            // Only what has been read is swapped, resumed or parked, and only what has a space's name is read.
            (Step::Swap(_) | Step::Resume | Step::Park(_), None) => {}
        }
        None
    }

    /// Versions that come together are swapped in the order of their names, as far as none has to wait for long. Until when a
    /// space waits for those before it; none, if its turn has come.
    fn first_come_those_before(&self, stem: &str, now: Instant) -> Option<Instant> {
        let tracked = self.spaces.get(stem)?;
        let until = tracked.course.ready_since().filter(|_| tracked.runs())? + PATIENCE;
        let mut before = self.spaces.iter().take_while(|(name, _)| name.as_str() < stem).map(|(_, other)| other);
        let one_is_changing = before.any(|other| other.runs() && other.course.is_changing(now));
        (now < until && one_is_changing).then_some(until)
    }

    pub(super) fn begin(&mut self, stem: &str, job: impl Future<Output = Report<D::Artifact>> + Send + 'static) {
        let stem = stem.to_owned();
        self.jobs.spawn(async move { (stem, job.await) });
    }

    /// All is done for this file that can be done.
    fn rest(&mut self, stem: &str) {
        self.show(stem);
        if let Some(first) = &mut self.first {
            first.remove(stem);
        }
        if self.spaces.get(stem).is_some_and(|tracked| !tracked.reloading.is_empty()) {
            // Who has the answer finds it in the status as well.
            self.publish();
        }
        if let Some(tracked) = self.spaces.get_mut(stem) {
            tracked.answer_reloads();
        }
    }

    /// Takes in all that is there at once, because what follows looks at every space.
    fn note_all(&mut self, report: Result<(String, Report<D::Artifact>), tokio::task::JoinError>) {
        self.note(report);
        while let Some(report) = self.jobs.try_join_next() {
            self.note(report);
        }
    }

    /// Takes in how a job ended.
    fn note(&mut self, report: Result<(String, Report<D::Artifact>), tokio::task::JoinError>) {
        let (stem, report) = match report {
            Ok(report) => report,
            // A job catches the panics of what it calls; its own lines have none.
            Err(error) => return tracing::error!("a reload job ended without a report: {error}"),
        };
        let now = Instant::now();
        let Some(tracked) = self.spaces.get_mut(&stem) else { return };
        match report {
            Report::Looked(found) => {
                let changed = matches!(found, super::course::Looked::Changed);
                if let Some(compile) = tracked.course.looked(found, now) {
                    let ticket = compile.ticket;
                    let settings = compile.identity.settings;
                    let job = self.bounds.clone().compile(self.deployer.clone(), settings, compile.bytes);
                    self.begin(&stem, async move {
                        let (outcome, took) = job.await;
                        Report::Compiled { ticket, outcome, took }
                    });
                }
                if changed {
                    self.want_scan();
                }
            }
            Report::Compiled { ticket, outcome, took } => tracked.course.compiled(ticket, outcome, took, now),
            Report::Swapped { plan, outcome, rollback: false } => tracked.course.swapped(plan, &outcome),
            Report::Swapped { plan, outcome, rollback: true } => self.rolled_back(&stem, plan, outcome),
            Report::Restored { outcome } => tracked.course.restored(outcome),
            Report::Removed { gone } => self.removed(&stem, gone, now),
            Report::Halted { stopped, outcome } => self.halted(&stem, stopped, outcome),
            Report::Purged { outcome } => self.purged(&stem, outcome),
            Report::Parked => tracked.course.parked(),
            Report::Quarantined => {}
        }
        self.show(&stem);
    }

    fn removed(&mut self, stem: &str, gone: bool, now: Instant) {
        let Some(tracked) = self.spaces.get_mut(stem) else { return };
        tracked.course.removed(gone, now);
        if !gone {
            return self.want_scan();
        }
        tracked.answer_gone();
        if tracked.course.report.is_none() {
            // It never ran: nothing is left to tell of it.
            self.spaces.remove(stem);
        }
        if let Some(first) = &mut self.first {
            first.remove(stem);
        }
    }

    pub(super) fn show(&mut self, stem: &str) {
        let Some(tracked) = self.spaces.get_mut(stem) else { return };
        if let Some(name) = tracked.files.name.clone()
            && let Some(remembered) = tracked.remember()
        {
            self.deployer.remember(&name, remembered);
        }
        if let Some(before) = tracked.show() {
            news::tell(&self.deployer, tracked.files.name.as_ref(), &before, &tracked.shown);
        }
    }

    /// Brings what the handles see up to date.
    pub(super) fn publish(&self) {
        let first_scan_done = self.first.as_ref().is_some_and(HashSet::is_empty);
        let files: Arc<[_]> =
            self.spaces.values().map(|tracked| &tracked.shown).chain(&self.host_trouble).cloned().collect();
        self.publisher.send_if_modified(|snapshot| {
            let same_files = snapshot.files.len() == files.len()
                && snapshot.files.iter().zip(files.iter()).all(|(a, b)| Arc::ptr_eq(a, b));
            let same = same_files && snapshot.first_scan_done == first_scan_done;
            if !same {
                *snapshot = Snapshot { files, first_scan_done };
            }
            !same
        });
    }

    /// Lets the runtime finish what it is at; looks and compiles are given up.
    async fn finish(&mut self) {
        while self.spaces.values().any(|tracked| tracked.course.is_applying()) {
            match self.jobs.join_next().await {
                Some(report) => self.note(report),
                None => break,
            }
        }
        self.publish();
    }
}

impl Default for Snapshot {
    fn default() -> Self {
        Snapshot { files: Arc::new([]), first_scan_done: false }
    }
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

async fn changed(watcher: &mut Option<Watcher>) {
    match watcher {
        Some(watcher) => watcher.changed().await,
        None => std::future::pending().await,
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
