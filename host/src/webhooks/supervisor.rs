//! Starts and stops couriers as the settings have it, and has cursors written.
//!
//! Owns which couriers run. Must not know what they do. A webhook whose settings have not changed is left alone; of those that
//! have, the courier is stopped before the next one of that name begins, so that there is one of each at a time.

use super::Shared;
use super::courier::Courier;
use crate::shutdown::{self, Shutdown, Trigger};
use crate::words::{HostSettings, WebhookSettings};
use futures::future::join_all;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Cursors that have moved are written together after so long; a crash in between has these events posted again.
const GATHERING: Duration = Duration::from_millis(100);

pub struct Supervisor {
    shared: Arc<Shared>,
    settings: watch::Receiver<Arc<HostSettings>>,
    running: BTreeMap<Arc<str>, Running>,
}

struct Running {
    settings: WebhookSettings,
    stop: Trigger,
    task: JoinHandle<()>,
}

impl Supervisor {
    pub fn new(shared: Arc<Shared>, settings: watch::Receiver<Arc<HostSettings>>) -> Self {
        Supervisor { shared, settings, running: BTreeMap::new() }
    }

    /// Starts all that are in the settings now.
    pub fn begin(&mut self) {
        let wanted = self.settings.borrow_and_update().clone();
        self.start(&wanted);
    }

    pub async fn run(mut self, mut stop: Shutdown) {
        let writing = tokio::spawn(write_cursors(self.shared.clone()));
        loop {
            tokio::select! {
                () = stop.wait() => break,
                changed = self.settings.changed() => match changed {
                    Ok(()) => self.apply().await,
                    // Nobody reads settings any more: they stay as they are.
                    Err(_) => {
                        stop.wait().await;
                        break;
                    }
                },
            }
        }
        end(std::mem::take(&mut self.running).into_values()).await;
        writing.abort();
        self.shared.runtime.write_webhooks(true);
    }

    async fn apply(&mut self) {
        let wanted = self.settings.borrow_and_update().clone();
        let stays = |name: &Arc<str>, running: &Running| {
            wanted.webhooks.get(name) == Some(&running.settings) && !running.task.is_finished()
        };
        let others = self.running.extract_if(.., |name, running| !stays(name, running));
        end(others.map(|(_, running)| running)).await;
        self.start(&wanted);
    }

    /// Those that do not run yet. The journal is kept for nobody else from then on.
    fn start(&mut self, wanted: &HostSettings) {
        let Shared { runtime, client, folder, .. } = &*self.shared;
        for (name, settings) in &wanted.webhooks {
            if self.running.contains_key(name) {
                continue;
            }
            let (trigger, stop) = shutdown::channel();
            let courier = Courier {
                name: name.clone(),
                settings: settings.clone(),
                folder: folder.clone(),
                runtime: runtime.clone(),
                client: client.clone(),
                board: self.shared.board(name),
                stop,
            };
            let task = tokio::spawn(courier.begin());
            self.running.insert(name.clone(), Running { settings: settings.clone(), stop: trigger, task });
        }
        runtime.release_closed_webhooks();
    }
}

async fn end(couriers: impl Iterator<Item = Running>) {
    let ended = couriers.map(|Running { stop, task, .. }| {
        stop.pull();
        task
    });
    // One that panicked has already been reported by its panic.
    join_all(ended.collect::<Vec<_>>()).await;
}

/// In groups: a record for each event would be more than the event.
async fn write_cursors(shared: Arc<Shared>) {
    loop {
        shared.runtime.webhooks_moved().await;
        tokio::time::sleep(GATHERING).await;
        shared.runtime.write_webhooks(false);
    }
}
