//! Reports that something changed in a folder; never what it means.
//!
//! Knows notify and nothing of spaces. Notify's thread is never made to wait: a report that finds another one not yet
//! taken melts into it. What cannot be watched (no inotify, its limits used up, the folder gone) is polled instead, and
//! said so; `renew` tries again. A lost event costs at most the time to the next full scan.

use notify::event::{AccessKind, AccessMode, EventKind, Flag};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior};

/// How often a folder is looked at when it cannot be watched.
const POLL: Duration = Duration::from_millis(500);

/// What the thread of notify and the one who waits share: one bit for each thing to say, so it can neither fill up nor
/// block.
#[derive(Default)]
struct Mailbox {
    changed: Notify,
    overflowed: AtomicBool,
    broken: AtomicBool,
}

/// Which names in a folder matter.
#[derive(Debug, Clone)]
pub enum Interest {
    /// Components and the settings beside them.
    Spaces,
    /// One file.
    File(PathBuf),
}

/// Watches one folder, or polls it.
pub struct Watcher {
    folder: PathBuf,
    interest: Interest,
    mailbox: Arc<Mailbox>,
    /// The watch, and which folder it is on: another one may have taken the name since.
    watch: Option<(RecommendedWatcher, Identity)>,
    complained: bool,
    poll: Interval,
}

type Identity = (u64, u64);

impl Watcher {
    /// Needs a tokio runtime around it.
    pub fn new(folder: PathBuf, interest: Interest) -> Self {
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watcher = Watcher { folder, interest, mailbox: Arc::default(), watch: None, complained: false, poll };
        watcher.renew();
        watcher
    }

    /// Returns when something may have changed since the last return. Dropping the future loses nothing.
    pub async fn changed(&mut self) {
        if self.watch.is_some() {
            self.mailbox.changed.notified().await;
        } else {
            self.poll.tick().await;
            self.renew();
        }
        if self.mailbox.overflowed.swap(false, Ordering::AcqRel) {
            tracing::warn!(folder = %self.folder.display(), "the kernel lost file events; the folder is read anew");
        }
        if self.mailbox.broken.swap(false, Ordering::AcqRel) {
            self.watch = None;
            self.renew();
        }
    }

    /// Watches again if the watch is gone or hangs on a folder that is no longer the one of that name.
    pub fn renew(&mut self) {
        let now = identity(&self.folder);
        if self.watch.as_ref().is_some_and(|(_, watched)| Some(*watched) == now) {
            return;
        }
        self.watch = None;
        match self.watch_folder() {
            Ok(watch) => {
                if std::mem::take(&mut self.complained) {
                    tracing::info!(folder = %self.folder.display(), "the folder is watched again");
                }
                self.watch = now.map(|identity| (watch, identity));
                // Whatever happened in between was reported by nobody.
                self.mailbox.changed.notify_one();
            }
            Err(error) => self.complain(&error),
        }
    }

    fn watch_folder(&self) -> notify::Result<RecommendedWatcher> {
        let (mailbox, interest, folder) = (self.mailbox.clone(), self.interest.clone(), self.folder.clone());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if report(&mailbox, &event, &interest, &folder) {
                mailbox.changed.notify_one();
            }
        })?;
        watcher.watch(&self.folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    }

    fn complain(&mut self, error: &notify::Error) {
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(
                folder = %self.folder.display(),
                "the folder cannot be watched ({error}); it is looked at every {} ms instead. If the cause is a limit, \
                 raise fs.inotify.max_user_watches or max_user_instances",
                POLL.as_millis()
            );
        }
    }
}

/// Runs on notify's thread. Whether the one who waits should look.
fn report(mailbox: &Mailbox, event: &notify::Result<Event>, interest: &Interest, folder: &Path) -> bool {
    let Ok(event) = event else {
        mailbox.broken.store(true, Ordering::Release);
        return true;
    };
    if event.flag() == Some(Flag::Rescan) {
        mailbox.overflowed.store(true, Ordering::Release);
        return true;
    }
    if event.paths.iter().any(|path| path == folder) && !is_reading(&event.kind) {
        // The folder itself was removed, renamed or changed its rights.
        mailbox.broken.store(true, Ordering::Release);
        return true;
    }
    !is_reading(&event.kind) && event.paths.iter().any(|path| interest.covers(path))
}

/// Opening and reading are no changes. They must be left out: the host's own reading would wake it for ever.
fn is_reading(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write))
}

impl Interest {
    fn covers(&self, path: &Path) -> bool {
        match self {
            Interest::Spaces => path.extension().and_then(OsStr::to_str).is_some_and(|e| e == "wasm" || e == "toml"),
            Interest::File(file) => path.file_name() == file.file_name(),
        }
    }
}

fn identity(folder: &Path) -> Option<Identity> {
    let metadata = std::fs::metadata(folder).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{CreateKind, RemoveKind};

    fn judged(event: Event) -> (bool, bool) {
        let mailbox = Mailbox::default();
        let woken = report(&mailbox, &Ok(event), &Interest::Spaces, Path::new("/spaces"));
        (woken, mailbox.broken.load(Ordering::Acquire))
    }

    #[test]
    fn only_changes_of_components_and_their_settings_wake() {
        let at = |kind, path: &str| judged(Event::new(kind).add_path(path.into()));
        assert_eq!(at(EventKind::Create(CreateKind::File), "/spaces/a.wasm"), (true, false));
        assert_eq!(at(EventKind::Create(CreateKind::File), "/spaces/a.toml"), (true, false));
        assert_eq!(at(EventKind::Create(CreateKind::File), "/spaces/a.wasm.swp"), (false, false));
        let close = |mode| EventKind::Access(AccessKind::Close(mode));
        assert_eq!(at(close(AccessMode::Write), "/spaces/a.wasm"), (true, false));
        assert_eq!(at(close(AccessMode::Read), "/spaces/a.wasm"), (false, false));
        assert_eq!(at(EventKind::Access(AccessKind::Open(AccessMode::Any)), "/spaces/a.wasm"), (false, false));
    }

    #[test]
    fn overflow_and_a_lost_folder_are_reported() {
        let mailbox = Mailbox::default();
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(report(&mailbox, &Ok(overflow), &Interest::Spaces, Path::new("/spaces")));
        assert!(mailbox.overflowed.load(Ordering::Acquire));
        let gone = Event::new(EventKind::Remove(RemoveKind::Folder)).add_path("/spaces".into());
        assert_eq!(judged(gone), (true, true));
    }

    #[tokio::test]
    async fn a_thousand_changes_are_one_report_and_a_new_folder_is_watched_again() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("spaces");
        std::fs::create_dir(&folder).unwrap();
        let mut watcher = Watcher::new(folder.clone(), Interest::Spaces);
        assert!(watcher.watch.is_some());
        for n in 0..1_000 {
            std::fs::write(folder.join("a.wasm"), n.to_string()).unwrap();
        }
        let deadline = Duration::from_secs(30);
        tokio::time::timeout(deadline, watcher.changed()).await.unwrap();

        std::fs::remove_dir_all(&folder).unwrap();
        tokio::time::timeout(deadline, async {
            while watcher.watch.is_some() {
                watcher.changed().await;
            }
        })
        .await
        .unwrap();
        std::fs::create_dir(&folder).unwrap();
        watcher.renew();
        assert!(watcher.watch.is_some());
    }
}
