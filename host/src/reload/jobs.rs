//! The slow work of a reload, each piece a task of its own: looking at a file, compiling, swapping, removing.
//!
//! Owns the bounds: how many bytes are in hand, how many compiles run. Decides nothing; every job ends in one report,
//! also when its code panics.

use super::course::{Looked, Plan};
use super::deployer::Deployer;
use super::host_file::settings_text;
use super::judgement::{Digest, Identity};
use super::scan::{self, Pair, ReadError, Sight};
use super::status::{Unfit, Verdict};
use crate::runtime::api::{DeployError, Deployed, Holdings, Refusal};
use crate::words::{HostSettings, SpaceName, SpaceSettings};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Components that are read but not compiled yet, together.
const KIB_IN_HAND: u32 = 512 << 10;
/// Files that are read at once, and as many whose compiled code is.
const READERS: usize = 4;
/// Two compile at a time; of those that are not small, one.
const COMPILES: usize = 2;
const LARGE_COMPILES: usize = 1;
const SMALL_BYTES: usize = 1 << 20;
/// A compiler in a process of its own is bounded by less, and says more about it.
const COMPILE_TIME: Duration = Duration::from_secs(180);
const PANICKED: &str = "compiling it failed within the host: see the log";
/// How long a removed space may take to finish what waits for it.
const DRAIN: Duration = Duration::from_secs(30);

/// The bytes of a component, counted against the bytes in hand as long as they live.
#[derive(Debug)]
pub struct InHand {
    bytes: Vec<u8>,
    _share: OwnedSemaphorePermit,
}

/// How a job ended.
#[derive(Debug)]
pub enum Report<A> {
    Looked(Looked<InHand>),
    Compiled { ticket: u64, outcome: Result<A, Unfit>, took: Duration },
    Swapped { plan: Plan<A>, outcome: Result<Deployed, DeployError>, rollback: bool },
    Restored { outcome: Result<(Plan<A>, Deployed), String> },
    Removed { gone: bool },
    Halted { stopped: bool, outcome: Result<(), Refusal> },
    Purged { outcome: Result<Holdings, Refusal> },
    Parked,
    Quarantined,
}

/// The bounds, shared by all jobs.
#[derive(Debug, Clone)]
pub struct Bounds {
    readers: Arc<Semaphore>,
    recalls: Arc<Semaphore>,
    in_hand: Arc<Semaphore>,
    compiles: Arc<Semaphore>,
    large_compiles: Arc<Semaphore>,
}

/// The files of one space.
#[derive(Debug, Clone)]
pub struct Files {
    pub name: Option<SpaceName>,
    pub component: PathBuf,
    pub settings: PathBuf,
}

impl Bounds {
    pub fn new() -> Self {
        Bounds {
            readers: Arc::new(Semaphore::new(READERS)),
            recalls: Arc::new(Semaphore::new(READERS)),
            in_hand: Arc::new(Semaphore::new(KIB_IN_HAND as usize)),
            compiles: Arc::new(Semaphore::new(COMPILES)),
            large_compiles: Arc::new(Semaphore::new(LARGE_COMPILES)),
        }
    }

    /// Bytes that were not read from the folder count like those that were.
    async fn hold(&self, bytes: Vec<u8>) -> Option<InHand> {
        let share = u32::try_from(bytes.len() >> 10).unwrap_or(u32::MAX).saturating_add(1).min(KIB_IN_HAND);
        let share = self.in_hand.clone().acquire_many_owned(share).await.ok()?;
        Some(InHand { bytes, _share: share })
    }

    /// Reads the files that were sighted as `seen`, and says what they come to.
    pub async fn look(self, files: Files, seen: Pair, host: Arc<HostSettings>) -> Looked<InHand> {
        let size = if let Sight::File(stamp) = &seen.component { stamp.size } else { 0 };
        let share = u32::try_from(size >> 10).unwrap_or(u32::MAX).saturating_add(1).min(KIB_IN_HAND);
        let Ok(share) = self.in_hand.acquire_many_owned(share).await else { return Looked::Changed };
        let Ok(_reader) = self.readers.acquire_owned().await else { return Looked::Changed };
        let reading = tokio::task::spawn_blocking(move || look(&files, &seen, &host, share));
        reading.await.unwrap_or_else(|_| Looked::Unreadable("reading it failed within the host: see the log".into()))
    }

    /// Loads what the bytes were compiled to before, or compiles them on a thread of its own. A compile that takes too long is
    /// given up; its thread keeps the slot until it ends.
    pub async fn compile<D: Deployer>(
        self,
        deployer: D,
        settings: Arc<SpaceSettings>,
        component: InHand,
    ) -> (Result<D::Artifact, Unfit>, Duration) {
        let begun = Instant::now();
        let component = match self.recall(&deployer, &settings, component).await {
            Ok((Some(known), _)) => return (Ok(known), begun.elapsed()),
            Ok((None, component)) => component,
            Err(reason) => return (Err(reason), begun.elapsed()),
        };
        let large =
            if component.bytes.len() > SMALL_BYTES { Some(self.large_compiles.acquire_owned().await) } else { None };
        let slot = self.compiles.acquire_owned().await;
        let begun = Instant::now();
        let compiling = tokio::task::spawn_blocking(move || {
            let loaded = deployer.load(&component.bytes, &settings);
            let kept = loaded.and_then(|artifact| keep(&deployer, &component, artifact));
            drop((component, large, slot));
            kept
        });
        let outcome = match tokio::time::timeout(COMPILE_TIME, compiling).await {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(_)) => Err(Unfit::lasting(PANICKED)),
            Err(_) => Err(Unfit::passing(format!("compiling it took longer than {} s", COMPILE_TIME.as_secs()))),
        };
        (outcome, begun.elapsed())
    }

    /// What is known takes no slot: a restart must not wait for a slow newcomer. Else the bytes come back.
    async fn recall<D: Deployer>(
        &self,
        deployer: &D,
        settings: &Arc<SpaceSettings>,
        component: InHand,
    ) -> Result<(Option<D::Artifact>, InHand), Unfit> {
        let _reader = self.recalls.acquire().await;
        let (deployer, settings) = (deployer.clone(), settings.clone());
        let recalling = tokio::task::spawn_blocking(move || {
            let known = deployer.load_known(&component.bytes, &settings);
            // Its code may be known from long ago, when its copy has made room for others.
            let known = known.map(|artifact| keep(&deployer, &component, artifact)).transpose();
            known.map(|known| (known, component))
        });
        recalling.await.unwrap_or_else(|_| Err(Unfit::lasting(PANICKED)))
    }
}

/// What cannot be kept could not be brought back at the next start, so it does not begin to serve.
fn keep<D: Deployer>(deployer: &D, component: &InHand, artifact: D::Artifact) -> Result<D::Artifact, Unfit> {
    match deployer.keep_component(&component.bytes) {
        Ok(()) => Ok(artifact),
        Err(reason) => Err(Unfit::passing(reason)),
    }
}

fn look(files: &Files, seen: &Pair, host: &HostSettings, share: OwnedSemaphorePermit) -> Looked<InHand> {
    let stamp = match (&seen.component, &files.name) {
        (Sight::File(stamp), Some(_)) => stamp,
        (Sight::Odd(reason), _) => return Looked::Unreadable(reason.clone()),
        _ => return Looked::Changed,
    };
    let settings = match settings(files, &seen.settings, host) {
        Ok(settings) => settings,
        Err(looked) => return looked,
    };
    match scan::read(&files.component, stamp, settings.limits.component_bytes, "component_bytes") {
        Ok(bytes) => {
            let digest = blake3::hash(&bytes).to_hex().as_str().into();
            Looked::Whole(Identity { digest, settings: Arc::new(settings) }, InHand { bytes, _share: share })
        }
        Err(ReadError::Changed) => Looked::Changed,
        Err(error) => Looked::Unreadable(error.to_string()),
    }
}

fn settings(files: &Files, seen: &Sight, host: &HostSettings) -> Result<SpaceSettings, Looked<InHand>> {
    let Some(name) = &files.name else { return Err(Looked::Changed) };
    if *seen == Sight::Absent {
        let still = scan::look(&files.settings) == Sight::Absent;
        return if still { Ok(host.space(name)) } else { Err(Looked::Changed) };
    }
    let wrong = |reason: &dyn std::fmt::Display| Looked::Rejected(format!("{}: {reason}", file_name(&files.settings)));
    match settings_text(&files.settings, seen) {
        Ok(text) => host.space_with(name, &text).map_err(|error| wrong(&error)),
        Err(ReadError::Changed) => Err(Looked::Changed),
        Err(error) => Err(wrong(&error)),
    }
}

pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Brings back the version that served before the host started.
pub async fn restore<D: Deployer>(
    deployer: D,
    bounds: Bounds,
    files: Files,
    sighted: (Pair, Arc<HostSettings>),
    digest: Digest,
) -> Report<D::Artifact> {
    let outcome = bring_back(deployer, bounds, &files, sighted, digest).await;
    if let Err(error) = &outcome {
        let file = file_name(&files.component);
        tracing::warn!("{file}: the version that served before is not brought back: {error}; the file itself is tried");
    }
    Report::Restored { outcome }
}

async fn bring_back<D: Deployer>(
    deployer: D,
    bounds: Bounds,
    files: &Files,
    (seen, host): (Pair, Arc<HostSettings>),
    digest: Digest,
) -> Result<(Plan<D::Artifact>, Deployed), String> {
    let name = files.name.clone().ok_or("its name is no space's")?;
    // Settings that are wrong by now are the file's trouble, and shown with it.
    let settings = settings(files, &seen.settings, &host).unwrap_or_else(|_| host.space(&name));
    let settings = Arc::new(settings);
    let (reader, wanted) = (deployer.clone(), digest.clone());
    let reading = tokio::task::spawn_blocking(move || reader.kept_component(&wanted));
    let bytes = reading.await.map_err(|_| "reading it failed within the host: see the log")??;
    let component = bounds.hold(bytes).await.ok_or("the host is ending")?;
    let (artifact, compile) = bounds.compile(deployer.clone(), settings.clone(), component).await;
    let artifact = artifact.map_err(|unfit| unfit.reason)?;
    let identity = Identity { digest, settings: settings.clone() };
    let plan = Plan { identity, artifact: artifact.clone(), compile, then: Verdict::Serving };
    let deploying = tokio::spawn(async move { deployer.deploy(&name, artifact, settings.as_ref().clone()).await });
    let deployed = deploying.await.map_err(|_| "swapping it in failed within the host: see the log")?;
    deployed.map(|deployed| (plan, deployed)).map_err(|error| error.to_string())
}

/// Swaps a version in, if its checks let it. Going back is not checked: the version has served before.
pub async fn swap<D: Deployer>(
    deployer: D,
    name: SpaceName,
    plan: Plan<D::Artifact>,
    rollback: bool,
) -> Report<D::Artifact> {
    let (artifact, settings) = (plan.artifact.clone(), plan.identity.settings.as_ref().clone());
    let janitor = deployer.clone();
    let swapping = tokio::spawn(async move {
        if rollback {
            return deployer.roll_back(&name, artifact, settings).await;
        }
        let checked = deployer.check(&name, &artifact, &settings).await?;
        let deployed = deployer.deploy(&name, artifact, settings).await?;
        Ok(Deployed { checked, ..deployed })
    });
    let panicked = |_| Err(DeployError::Instantiate("swapping it in failed within the host: see the log".into()));
    let outcome = swapping.await.unwrap_or_else(panicked);
    if outcome.is_ok() {
        // It ends by itself; nobody waits for it.
        tokio::task::spawn_blocking(move || janitor.forget_old_components());
    }
    Report::Swapped { plan, outcome, rollback }
}

/// Drains and stops the space if its file is gone indeed.
pub async fn remove<D: Deployer>(deployer: D, files: Files, runs: bool) -> Report<D::Artifact> {
    let component = files.component.clone();
    let looking = tokio::task::spawn_blocking(move || scan::look(&component) == Sight::Absent);
    let gone = looking.await.unwrap_or(false);
    if let (true, true, Some(name)) = (gone, runs, files.name) {
        let removing = tokio::spawn(async move { deployer.remove(&name, DRAIN).await });
        if removing.await.is_err() {
            tracing::error!("removing {} failed within the host", file_name(&files.component));
        }
    }
    Report::Removed { gone }
}

/// Stops or resumes the space.
pub async fn halt<D: Deployer>(deployer: D, name: SpaceName, stopped: bool) -> Report<D::Artifact> {
    let space = name.clone();
    let halting =
        tokio::spawn(async move { if stopped { deployer.stop(&space).await } else { deployer.resume(&space).await } });
    let failed = |_| Err(Refusal::Broken(format!("the host failed over `{name}`: see the log")));
    let outcome = halting.await.unwrap_or_else(failed);
    Report::Halted { stopped, outcome }
}

/// Lets the space serve no more until somebody acts.
pub async fn quarantine<D: Deployer>(deployer: D, name: SpaceName, reason: String) -> Report<D::Artifact> {
    deployer.quarantine(&name, &reason).await;
    Report::Quarantined
}

/// Lets the space serve no more until it is granted what it asks for.
pub async fn park<D: Deployer>(deployer: D, name: SpaceName, reason: String) -> Report<D::Artifact> {
    deployer.park(&name, &reason).await;
    Report::Parked
}

/// Forgets all that the space holds.
pub async fn purge<D: Deployer>(deployer: D, name: SpaceName) -> Report<D::Artifact> {
    let space = name.clone();
    let purging = tokio::spawn(async move { deployer.purge(&space).await });
    let failed = |_| Err(Refusal::Broken(format!("the host failed over `{name}`: see the log")));
    Report::Purged { outcome: purging.await.unwrap_or_else(failed) }
}
