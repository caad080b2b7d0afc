//! Reload: what lies in the folder becomes what runs.
//!
//! Owns the folder's side of every space: watching, reading, deciding, remembering what was refused. Asks the runtime to
//! load, swap and remove; knows no guests, no messages, no HTTP. Whatever is wrong with a file ends in that file's
//! status, in one line of the log and in an event; what ran goes on.
//!
//! The watcher only reports that something changed, the scan says what is there, the pure `decision`, `judgement` and
//! `course` say what follows, and the one task in `reconciler` does it.

mod course;
mod decision;
mod deployer;
mod host_file;
mod jobs;
mod judgement;
mod news;
mod orders;
mod reconciler;
mod scan;
mod sighting;
mod status;
mod tracked;
mod watcher;

pub use host_file::{read_host_settings, read_space_settings};
pub use status::{FileStatus, ReloadError, ReloadReport, Verdict};

use crate::runtime::Runtime;
use crate::runtime::api::{Deployed, Holdings};
use crate::words::{HostSettings, SpaceName};
use anyhow::Context;
use deployer::Deployer;
use host_file::HostFile;
use reconciler::{Order, Reconciler, Snapshot};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Orders that wait to be read; those who give more wait with them.
const ORDERS: usize = 64;

pub struct ReloadConfig {
    pub runtime: Runtime,
    /// The drop folder.
    pub dir: PathBuf,
    /// `spacehost.toml`; it need not exist. It must lie outside the drop folder.
    pub settings: Option<PathBuf>,
    /// All messaging is granted to all spaces.
    pub development: bool,
}

/// The handle: what the edges ask of the reconciler.
#[derive(Clone)]
pub struct Reloads {
    orders: mpsc::Sender<Order>,
    snapshot: watch::Receiver<Snapshot>,
    settings: watch::Receiver<Arc<HostSettings>>,
}

impl Reloads {
    /// Begins to watch and to load. Fails when the folder cannot be read or `spacehost.toml` is wrong. The task ends after
    /// `shutdown`, or when the last handle is dropped.
    pub fn spawn(config: ReloadConfig) -> anyhow::Result<(Reloads, JoinHandle<()>)> {
        let ReloadConfig { runtime, dir, settings, development } = config;
        Self::spawn_on(runtime, dir, settings, development)
    }

    fn spawn_on<D: Deployer>(
        deployer: D,
        dir: PathBuf,
        settings: Option<PathBuf>,
        development: bool,
    ) -> anyhow::Result<(Reloads, JoinHandle<()>)> {
        let listing = scan::list(&dir).with_context(|| {
            format!("the folder of spaces {} is not to be used: create it, or name another", dir.display())
        })?;
        drop(listing);
        if let Some(settings) = &settings {
            outside(settings, &dir)?;
        }
        let host = HostFile::open(settings.clone(), development)?;
        let (orders, order_queue) = mpsc::channel(ORDERS);
        let (publisher, snapshot) = watch::channel(Snapshot::default());
        let reconciler = Reconciler::new(deployer, dir, host, publisher);
        let told = reconciler.settings();
        let task = tokio::spawn(reconciler.run(order_queue, settings));
        Ok((Reloads { orders, snapshot, settings: told }, task))
    }

    /// `spacehost.toml`, as it is in force now and whenever it changes.
    pub fn settings(&self) -> watch::Receiver<Arc<HostSettings>> {
        self.settings.clone()
    }

    /// Every file of the folder, and what became of it, by name.
    pub fn status(&self) -> Vec<FileStatus> {
        self.snapshot.borrow().files.iter().map(|file| file.as_ref().clone()).collect()
    }

    /// Whether all that lay in the folder at the start serves or was refused.
    pub fn first_scan_done(&self) -> bool {
        self.snapshot.borrow().first_scan_done
    }

    /// Returns when `first_scan_done`, or when the reconciler has ended.
    pub async fn wait_first_scan(&self) {
        let mut snapshot = self.snapshot.clone();
        // An error says that the reconciler is gone: nothing is left to wait for.
        let _ = snapshot.wait_for(|snapshot| snapshot.first_scan_done).await;
    }

    /// Looks at the file now, and returns what became of it. `force`: brought in even if it runs already, was rejected or
    /// rolled back.
    pub async fn reload(&self, name: &SpaceName, force: bool) -> Result<FileStatus, ReloadError> {
        self.order(|reply| Order::Reload { name: name.clone(), force, reply }).await
    }

    /// Goes back to the version that ran before. The present one is not tried again until the file's bytes change.
    pub async fn rollback(&self, name: &SpaceName) -> Result<Deployed, ReloadError> {
        self.order(|reply| Order::Rollback { name: name.clone(), reply }).await
    }

    /// Finishes the turn in hand and serves no more; changes of the file wait until `start`.
    pub async fn stop(&self, name: &SpaceName) -> Result<(), ReloadError> {
        self.order(|reply| Order::Stop { name: name.clone(), reply }).await
    }

    /// Serves again, in the version that lies in the folder now if that is sound.
    pub async fn start(&self, name: &SpaceName) -> Result<(), ReloadError> {
        self.order(|reply| Order::Start { name: name.clone(), reply }).await
    }

    /// Finishes the turn in hand and serves no more, until `start` or the next version.
    pub async fn quarantine(&self, name: &SpaceName) -> Result<(), ReloadError> {
        self.order(|reply| Order::Quarantine { name: name.clone(), reply }).await
    }

    /// Forgets all that a space holds, if it does not run. One whose file is there stays stopped, and starts as a new one.
    pub async fn purge(&self, name: &SpaceName) -> Result<Holdings, ReloadError> {
        self.order(|reply| Order::Purge { name: name.clone(), reply }).await
    }

    /// Begins nothing new, finishes the swaps in hand, ends the task.
    pub async fn shutdown(&self) {
        let (reply, ended) = oneshot::channel();
        if self.orders.send(Order::Shutdown { reply }).await.is_ok() {
            // Dropped without an answer, the task has ended as well.
            let _ = ended.await;
        }
    }

    async fn order<T>(&self, order: impl FnOnce(Reply<T>) -> Order) -> Result<T, ReloadError> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).await.map_err(|_| ReloadError::Stopping)?;
        answer.await.unwrap_or(Err(ReloadError::Stopping))
    }
}

type Reply<T> = oneshot::Sender<Result<T, ReloadError>>;

/// The operator's settings must not lie where plugins are dropped.
fn outside(settings: &Path, dir: &Path) -> anyhow::Result<()> {
    let dir = dir.canonicalize().context("the folder of spaces is gone")?;
    let beside = match settings.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let inside = beside.canonicalize().is_ok_and(|folder| folder.starts_with(&dir));
    anyhow::ensure!(
        !inside,
        "{} lies in the folder of spaces: whoever can drop a plugin could raise its limits. Put it outside",
        settings.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests;
