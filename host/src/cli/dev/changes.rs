//! When the sources of a space have changed.
//!
//! Owns the watcher. Must not know builds. The fingerprint decides: a save that changes nothing, or what a build writes,
//! is no change, and one during a build is. Fails when the folders cannot be watched.

use anyhow::{Context, Result};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use spacehost_build::{Fingerprint, Request, Silent, Sources};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver};

/// Editors save in several steps: changes are looked at when this long nothing more has come.
const QUIET: Duration = Duration::from_millis(80);
/// Where watching misses changes, as on some network folders, looking finds them.
const LOOK_EVERY: Duration = Duration::from_secs(5);

pub struct Watch {
    sources: Arc<Sources>,
    hints: Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    pub async fn of(request: Request) -> Result<Self> {
        let found = tokio::task::spawn_blocking(move || Sources::of(&request, &mut Silent)).await?;
        let sources = Arc::new(found?);
        let (tell, hints) = mpsc::channel(1);
        let concerned = sources.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.map_or(true, |event| matters(&event, &concerned)) {
                // A full channel holds a hint already.
                let _ = tell.try_send(());
            }
        })?;
        for folder in sources.folders() {
            watch(&mut watcher, folder, RecursiveMode::Recursive)?;
        }
        for folder in sources.files().filter_map(Path::parent).filter(|folder| folder.is_dir()) {
            watch(&mut watcher, folder, RecursiveMode::NonRecursive)?;
        }
        Ok(Watch { sources, hints, _watcher: watcher })
    }

    pub async fn fingerprint(&self) -> Result<Fingerprint> {
        let sources = self.sources.clone();
        Ok(tokio::task::spawn_blocking(move || sources.fingerprint()).await?)
    }

    /// Returns when the sources are no longer what they were.
    pub async fn changed_since(&mut self, before: Fingerprint) -> Result<()> {
        while self.fingerprint().await? == before {
            // An elapsed wait is a reason to look, too.
            let _ = tokio::time::timeout(LOOK_EVERY, self.hints.recv()).await;
            while let Ok(Some(())) = tokio::time::timeout(QUIET, self.hints.recv()).await {}
        }
        Ok(())
    }
}

/// Reading a file is an event too, and the fingerprint reads them all.
fn matters(event: &Event, sources: &Sources) -> bool {
    !event.kind.is_access() && (event.need_rescan() || event.paths.iter().any(|path| sources.concerns(path)))
}

fn watch(watcher: &mut RecommendedWatcher, folder: &Path, mode: RecursiveMode) -> Result<()> {
    watcher.watch(folder, mode).with_context(|| format!("could not watch {}", folder.display()))
}
