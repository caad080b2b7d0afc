//! What the reconciler does to learn what there is: it scans the folder, and reads `spacehost.toml` when that changes.
//!
//! Begins nothing: what it sees is handed to the courses of the files. What cannot be read changes nothing, and is said
//! once.

use super::decision::{QUIET, Watched};
use super::deployer::Deployer;
use super::host_file::Change;
use super::news;
use super::reconciler::Reconciler;
use super::scan::{self, Listing, Pair, Sight};
use super::status::{FileStatus, Verdict};
use super::tracked::{Tracked, now_ms};
use crate::words::{HostSettings, SpaceName};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Scans follow one another at this distance at least, and take up at most a tenth of the time.
const SCAN_DISTANCE: Duration = Duration::from_millis(20);
const SCAN_SHARE: u32 = 10;
/// How long the status shows a file that is gone.
const REMEMBER_REMOVED_MS: u64 = 24 * 3_600_000;

impl<D: Deployer> Reconciler<D> {
    pub(super) fn want_scan(&mut self) {
        let earliest = self.scanned.map(|(at, took)| at + SCAN_DISTANCE.max(took * SCAN_SHARE));
        let now = Instant::now();
        self.scan_at.get_or_insert(earliest.map_or(now, |earliest| earliest.max(now)));
    }

    /// Sees what is in the folder. A folder that cannot be read changes nothing: an unmounted disk removes no spaces.
    pub(super) async fn scan(&mut self) {
        self.scan_at = None;
        let (dir, begun) = (self.dir.clone(), Instant::now());
        let listing = tokio::task::spawn_blocking(move || scan::list(&dir)).await;
        self.scanned = Some((Instant::now(), begun.elapsed()));
        match listing {
            Ok(Ok(listing)) => {
                self.scan_trouble = None;
                self.sight(listing);
            }
            Ok(Err(error)) => self.complain_of_folder(error.to_string()),
            Err(_) => self.complain_of_folder("the scan failed within the host".to_owned()),
        }
    }

    fn complain_of_folder(&mut self, trouble: String) {
        if self.scan_trouble.as_ref() != Some(&trouble) {
            tracing::error!("{}: {trouble}", self.dir.display());
            self.scan_trouble = Some(trouble);
        }
    }

    fn sight(&mut self, listing: Listing) {
        let now = Instant::now();
        for (stem, tracked) in &mut self.spaces {
            if !listing.contains_key(stem) {
                tracked.course.watched.sight(Pair::default(), now);
            }
        }
        let is_first = self.first.is_none();
        self.first.get_or_insert_with(|| listing.keys().cloned().collect());
        for (stem, pair) in listing {
            match self.spaces.get_mut(&stem) {
                Some(tracked) => drop(tracked.course.watched.sight(pair, now)),
                None => {
                    let rested = is_first && has_rested(&pair);
                    let watched = if rested { Watched::long_quiet(pair, now) } else { Watched::new(pair, now) };
                    let mut kept = SpaceName::parse(&stem).map(|name| self.deployer.kept(&name)).unwrap_or_default();
                    if !is_first {
                        // What comes back later is a new beginning, on the state that is there.
                        kept.digest = None;
                    }
                    let tracked = Tracked::new(&self.dir, &stem, watched, kept);
                    self.spaces.insert(stem, tracked);
                }
            }
        }
    }

    /// Reading may have failed for a reason that has passed without a trace on the file.
    pub(super) fn look_again_at_the_unreadable(&mut self) {
        let now = Instant::now();
        for tracked in self.spaces.values_mut() {
            let is_file = matches!(tracked.course.watched.seen().component, Sight::File(_));
            if is_file && matches!(tracked.course.verdict, Verdict::Unreadable { .. }) {
                tracked.course.watched.look_now(now);
            }
        }
        let long_ago = now_ms().saturating_sub(REMEMBER_REMOVED_MS);
        self.spaces.retain(|_, tracked| tracked.shown.verdict != Verdict::Removed || tracked.shown.since_ms > long_ago);
    }

    /// Takes up `spacehost.toml` if it has changed. When to come back.
    pub(super) fn refresh_host(&mut self, now: Instant) -> Option<Instant> {
        match self.host_file.refresh(now) {
            Change::None(wake) => return wake,
            Change::From(before) => self.apply_host(&before),
            Change::Refused(reason) => {
                tracing::warn!("{}; the settings stay as they were", news::one_line(&reason));
                let verdict = Verdict::Rejected { reason };
                let name = "spacehost.toml".to_owned();
                let (file, since_ms) = (name.clone(), now_ms());
                let status = FileStatus { name, file, digest: None, verdict, since_ms, last_reload: None };
                self.host_trouble = Some(Arc::new(status));
            }
        }
        None
    }

    /// Only the spaces concerned are looked at again.
    fn apply_host(&mut self, before: &HostSettings) {
        let host = Arc::new(self.host_file.settings.clone());
        let own = |settings: &HostSettings| {
            let HostSettings { listen, data, executors, swap_wait, memory_bytes, .. } = settings;
            (*listen, data.clone(), *executors, *swap_wait, *memory_bytes)
        };
        let later =
            if own(before) == own(&host) { "" } else { "; what concerns the host itself holds from the next start" };
        tracing::info!("spacehost.toml has changed and is applied to its spaces and webhooks{later}");
        let now = Instant::now();
        for tracked in self.spaces.values_mut() {
            if tracked.files.name.as_ref().is_some_and(|name| before.space(name) != host.space(name)) {
                tracked.course.watched.note_change(now);
            }
        }
        self.host_trouble = None;
        self.settings.send_replace(host.clone());
        self.host = host;
    }
}

/// At the start, a file that was last changed a while ago need not be waited for.
fn has_rested(pair: &Pair) -> bool {
    let now = SystemTime::now();
    [&pair.component, &pair.settings].into_iter().all(|sight| match sight {
        Sight::File(stamp) => stamp.age(now).is_some_and(|age| age >= QUIET),
        Sight::Absent | Sight::Odd(_) => true,
    })
}
