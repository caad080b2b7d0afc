//! Webhooks: events are posted to the addresses of the operator's settings, signed, in order, again and again if need be.
//!
//! An edge: knows HTTP as a client, the settings and the runtime's handle, nothing else of the host. Events come from durable
//! groups only. A receiver is not trusted; whatever it does ends in the state of its webhook. Starting cannot fail: what is
//! wrong with a webhook is shown in its state.

mod attempt;
mod backoff;
mod board;
mod client;
mod courier;
mod secret;
mod signature;
mod status;
mod supervisor;
mod trial;

pub use board::HookState;
pub use status::{HookFigures, HookStatus};
pub use trial::{TestError, Tested};

use crate::runtime::Runtime;
use crate::shutdown::{self, Trigger};
use crate::words::{HostSettings, WebhookSettings};
use board::Board;
use client::Client;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use supervisor::Supervisor;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The handle. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks(Arc<Shared>);

struct Shared {
    runtime: Runtime,
    client: Arc<Client>,
    settings: watch::Receiver<Arc<HostSettings>>,
    /// Of `spacehost.toml`: relative paths begin there.
    folder: PathBuf,
    /// Of all webhooks that there have been since the start.
    boards: Mutex<BTreeMap<Arc<str>, Arc<Board>>>,
    running: Mutex<Option<(Trigger, JoinHandle<()>)>>,
}

impl Webhooks {
    /// Posts from now on what the settings say, and follows them when they change. `file` is `spacehost.toml`.
    pub fn start(runtime: Runtime, settings: watch::Receiver<Arc<HostSettings>>, file: Option<&Path>) -> Self {
        let (trigger, stop) = shutdown::channel();
        let shared = Arc::new(Shared {
            runtime,
            client: Arc::default(),
            settings: settings.clone(),
            folder: file.and_then(Path::parent).map(Path::to_owned).unwrap_or_default(),
            boards: Mutex::default(),
            running: Mutex::default(),
        });
        let mut supervisor = Supervisor::new(shared.clone(), settings);
        // At once: what happens from now on must not be missed, and the journal is still kept for all.
        supervisor.begin();
        let task = tokio::spawn(supervisor.run(stop));
        *lock(&shared.running) = Some((trigger, task));
        Webhooks(shared)
    }

    /// Attempts in hand have a moment; how far each webhook has come is written down.
    pub async fn finish(&self) {
        let running = lock(&self.0.running).take();
        if let Some((trigger, task)) = running {
            trigger.pull();
            // One that panicked has already been reported by its panic.
            let _ = task.await;
        }
    }
}

impl Shared {
    fn board(&self, name: &Arc<str>) -> Arc<Board> {
        lock(&self.boards).entry(name.clone()).or_default().clone()
    }

    /// Of the webhook of that name, as they are now.
    fn settings(&self, name: &str) -> Option<WebhookSettings> {
        self.settings.borrow().webhooks.get(name).cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
