//! Bringing versions in and out: a new space, a new version of one, its removal.
//!
//! ```text
//! instantiate beside the old -> all partitions at rest -> state moves over -> start, migrate -> all could -> serve
//! ```
//!
//! Whatever fails before the last step leaves the old version serving.

use super::api::{Checked, DeployError, Deployed, Refusal, SpaceState};
use super::past::PastSpace;
use super::space::actor::{Actor, Control};
use super::space::probation::{FailedProbation, Probation, Watched, WayBack};
use super::space::swap::{Migration, Settled, SwapOrder};
use super::space::turn::{Effects, Terms, Turn, exceeds, now_ms};
use super::space::{Artifact, Former, Instance, Loaded, Origin, Space};
use super::{Inner, Runtime};
use crate::store::ledger::Scribe;
use crate::store::record::{self, Record};
use crate::wasm::{Broken, SpaceMemory};
use crate::words::grants::Access;
use crate::words::version::is_older;
use crate::words::{SpaceName, SpaceSettings};
use futures::future::join_all;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout_at;

/// Whether a version comes for the first time, or again because the one after it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Forward,
    Back,
}

/// The orderer's side of one partition's swap.
struct Ordered {
    at_rest: oneshot::Receiver<()>,
    all_at_rest: oneshot::Sender<Migration>,
    tried: oneshot::Receiver<Result<Effects, String>>,
    settle: oneshot::Sender<Settled>,
    done: oneshot::Receiver<()>,
}

/// One partition that could run the new version, and what its migration did.
struct Tried {
    effects: Effects,
    settle: oneshot::Sender<Settled>,
    done: oneshot::Receiver<()>,
}

impl Runtime {
    /// Swaps `artifact` in for the space `name`, or starts the space. Waiting messages go on in the new version. On error
    /// the old version goes on.
    pub async fn deploy(
        &self,
        name: &SpaceName,
        artifact: Artifact,
        settings: SpaceSettings,
    ) -> Result<Deployed, DeployError> {
        self.bring_in(name, artifact, settings, Way::Forward).await
    }

    /// Swaps the version in that served before the present one. Its state comes back with it if that was migrated and nothing
    /// rests on it yet; if something does, the present version goes on.
    pub async fn roll_back(
        &self,
        name: &SpaceName,
        artifact: Artifact,
        settings: SpaceSettings,
    ) -> Result<Deployed, DeployError> {
        self.bring_in(name, artifact, settings, Way::Back).await
    }

    async fn bring_in(
        &self,
        name: &SpaceName,
        artifact: Artifact,
        settings: SpaceSettings,
        way: Way,
    ) -> Result<Deployed, DeployError> {
        if self.0.is_stopping() {
            return Err(DeployError::Stopping);
        }
        let settings = Arc::new(settings);
        let space = self.0.space_for(name, &artifact, &settings).await?;
        let _one_at_a_time = space.deploying.lock().await;
        let result = self.0.swap_in(&space, artifact, settings, way).await;
        if space.former().is_none() && space.usage().backlog_messages == 0 {
            // A space whose first version failed has never been there, unless messages wait for the next try.
            self.0.forget(&space);
        }
        result
    }

    /// Finishes what waits, within `grace`, then stops serving. State and what still waits are kept for the day when the
    /// space comes back.
    pub async fn remove(&self, name: &SpaceName, grace: Duration) {
        let Some(space) = self.0.router.space(name) else { return };
        let _one_at_a_time = space.deploying.lock().await;
        // What does not end in time waits for the space to come back.
        let _ = tokio::time::timeout(grace, order(&space, Control::Drain)).await;
        space.set_state(SpaceState::Removed, "its file was removed");
        self.0.router.update(|_| {});
        order(&space, Control::Unload).await;
        space.note("info", "removed: its file is gone; its state is kept".to_owned());
    }

    /// Finishes the turns in hand and serves no more until `resume`. Events and one-way messages wait meanwhile.
    pub async fn stop(&self, name: &SpaceName) -> Result<(), Refusal> {
        let space = self.0.granted(name)?;
        space.set_state(SpaceState::Stopped, "by the operator");
        order(&space, Control::Attend).await;
        space.note("info", "stopped by the operator".to_owned());
        Ok(())
    }

    /// Serves again, whatever it was stopped for.
    pub async fn resume(&self, name: &SpaceName) -> Result<(), Refusal> {
        let space = self.0.granted(name)?;
        space.set_state(SpaceState::Running, "");
        order(&space, Control::Attend).await;
        space.note("info", "started by the operator".to_owned());
        Ok(())
    }
}

impl Runtime {
    /// Waits for the next version that fails its probation.
    pub async fn failed_probation(&self) -> FailedProbation {
        self.0.router.failed_probations.next().await
    }

    /// Serves no more until somebody acts.
    pub async fn quarantine(&self, name: &SpaceName, reason: &str) {
        let Some(space) = self.0.router.space(name) else { return };
        space.set_state(SpaceState::Quarantined, reason);
        space.note("error", format!("quarantined: {reason}"));
        self.audit().of_space(&space, "quarantined", reason);
        order(&space, Control::Attend).await;
    }
}

impl Runtime {
    /// Serves no more until it is granted what it asks for, and deployed anew.
    pub async fn park(&self, name: &SpaceName, reason: &str) {
        let Some(space) = self.0.router.space(name) else { return };
        space.set_state(SpaceState::Parked, reason);
        space.note("error", format!("parked: {reason}"));
        self.audit().of_space(&space, "parked", reason);
        order(&space, Control::Attend).await;
    }
}

/// Gives all partitions an order and waits until all have answered.
pub async fn order(space: &Space, control: fn(oneshot::Sender<()>) -> Control) {
    let answers = space.partitions.iter().map(|partition| {
        let (sender, receiver) = oneshot::channel();
        partition.mailbox.push_control(control(sender));
        receiver
    });
    // An actor that is gone has nothing left to obey.
    join_all(answers).await;
}

impl Inner {
    /// What is parked waits for the settings, not for an order.
    fn granted(&self, name: &SpaceName) -> Result<Arc<Space>, Refusal> {
        let space = self.known(name.as_str())?;
        match space.state() {
            SpaceState::Parked => Err(Refusal::Unavailable { space: name.clone(), state: SpaceState::Parked.word() }),
            _ => Ok(space),
        }
    }

    /// The space of that name with as many partitions as the artifact wants; made if there is none. Its partitions can change
    /// only as long as there is nothing in them.
    async fn space_for(
        &self,
        name: &SpaceName,
        artifact: &Artifact,
        settings: &Arc<SpaceSettings>,
    ) -> Result<Arc<Space>, DeployError> {
        let wanted = artifact.descriptor().partitions;
        let allowed = settings.limits.partitions;
        if u64::from(wanted) > allowed {
            return Err(DeployError::TooManyPartitions { wanted, allowed });
        }
        if let Some(space) = self.router.space(name) {
            let from = space.partitions.len() as u32;
            if from == wanted {
                return Ok(space);
            }
            order(&space, Control::Count).await;
            if !space.is_empty() {
                return Err(DeployError::Partitions { from, to: wanted });
            }
            self.forget(&space);
        }
        Ok(self.settle(name, wanted, settings, PastSpace::default()))
    }

    /// Takes up what the store holds of a space. Until a version is deployed it does not serve, and what is sent to it waits.
    pub(super) fn take_up(&self, name: &SpaceName, past: PastSpace) {
        let known = past.parts.keys().last().map_or(1, |last| last + 1);
        let partitions = past.partitions.unwrap_or(known);
        let space = self.settle(name, partitions, &Arc::default(), past);
        space.set_state(SpaceState::Removed, "its file is not in the folder");
    }

    fn settle(&self, name: &SpaceName, partitions: u32, settings: &Arc<SpaceSettings>, past: PastSpace) -> Arc<Space> {
        let PastSpace { former, mut parts, .. } = past;
        let (numbers, keeps) = (self.partition_numbers(u64::from(partitions)), self.router.ledger.keeps_records());
        let memory = Arc::new(SpaceMemory::on(self.loading.memory().clone()));
        let origin = Origin { past: former, keeps, memory };
        let space = Arc::new(Space::new(name.clone(), numbers, &settings.limits, origin));
        for index in 0..space.partitions.len() {
            self.router.ledger.keep_for(space.partitions[index].mailbox.needs_from());
            let turn = Turn::new(self.router.clone(), space.clone(), index, settings.clone());
            let mut actor = Actor::new(self.router.clone(), space.clone(), index, turn);
            if let Some(part) = parts.remove(&(index as u32)) {
                actor.take_up(part);
            }
            self.executors.next().spawn(actor.run(), space.partitions[index].pace.clone());
        }
        self.router.update(|table| {
            table.insert(name.clone(), space.clone());
        });
        space
    }

    fn forget(&self, space: &Arc<Space>) {
        self.router.update(|table| {
            table.remove(&space.name);
        });
        for partition in &space.partitions {
            partition.mailbox.push_control(Control::Close);
        }
    }

    async fn swap_in(
        &self,
        space: &Arc<Space>,
        artifact: Artifact,
        settings: Arc<SpaceSettings>,
        way: Way,
    ) -> Result<Deployed, DeployError> {
        if let Some(missing) = settings.grants.missing(&space.name, artifact.descriptor()) {
            return Err(DeployError::Ungranted(missing.to_string()));
        }
        let former = space.former();
        let version = artifact.descriptor().version.clone();
        let begin = Instant::now();
        let candidates = self.candidates(space, &artifact, &settings).await?;
        let instantiate = begin.elapsed();
        let ordered_at = Instant::now();
        let access = Access::of(&space.name, artifact.descriptor(), &settings.grants);
        let terms = Terms { settings: settings.clone(), access: Arc::new(access) };
        let mut ordered = give_orders(space, candidates, &terms);
        let resting_since = self.rest(space, &mut ordered).await;
        let (barrier, at_rest) = (ordered_at.elapsed(), Instant::now());
        // Dropping the orders lets the old version go on.
        let migrations = migrations(space, former.as_ref(), &artifact, way)?;
        let mut tried = try_out(ordered, migrations, settings.limits.migrate_bytes).await?;
        let migrate = at_rest.elapsed();
        let probation = probation_of(space, &artifact, &settings, &mut tried).filter(|_| way == Way::Forward);
        let generation = former.map_or(1, |former| former.next_generation(artifact.digest()));
        let sequence = self.write_down(space, &artifact, generation, &tried);
        space.set_loaded(Loaded { artifact, settings, generation });
        space.probation.store(probation.clone());
        if space.state() != SpaceState::Stopped {
            space.set_state(SpaceState::Running, "");
        }
        self.router.update(|_| {});
        settle(tried, sequence, probation).await;
        let pause = resting_since.elapsed();
        self.router.gate.durable(sequence).await;
        Ok(Deployed { generation, version, pause, instantiate, barrier, migrate, checked: Checked::default() })
    }

    /// One record for all partitions: a deployment is there with all its migrations or not at all.
    fn write_down(&self, space: &Space, artifact: &Artifact, generation: u64, tried: &[Tried]) -> u64 {
        let ledger = &self.router.ledger;
        if !ledger.keeps_records() {
            return ledger.next_sequence();
        }
        let subscriptions = &artifact.descriptor().subscriptions;
        let record = Record::Deployed {
            space: space.name.as_str(),
            version: record::Version {
                version: &artifact.descriptor().version,
                digest: artifact.digest(),
                generation,
                partitions: space.partitions.len() as u32,
                subscriptions: subscriptions.iter().map(|heard| heard.pattern.as_str()).collect(),
            },
            migrated: tried.iter().map(|tried| tried.effects.record.as_slice()).collect(),
            time_ms: now_ms(),
        };
        Scribe::default().submit(ledger, &record)
    }

    /// An instance for each partition, beside those that serve.
    async fn candidates(
        &self,
        space: &Arc<Space>,
        artifact: &Artifact,
        settings: &Arc<SpaceSettings>,
    ) -> Result<Vec<Instance>, DeployError> {
        let mut candidates = Vec::new();
        for index in 0..space.partitions.len() {
            let vacant = Turn::new(self.router.clone(), space.clone(), index, settings.clone());
            let instance = artifact.instantiate(&settings.limits, &space.memory, vacant).await;
            candidates.push(instance.map_err(|(broken, _): (Broken, _)| DeployError::Instantiate(broken.to_string()))?);
        }
        Ok(candidates)
    }

    /// Waits until all partitions have finished their turns; those that take longer than `swap_wait` are cut short, and
    /// the new version handles their messages. Returns when the first one was at rest.
    async fn rest(&self, space: &Space, ordered: &mut [Ordered]) -> Instant {
        let deadline = (Instant::now() + self.swap_wait).into();
        let mut first = None;
        let mut late = false;
        for order in ordered.iter_mut() {
            if timeout_at(deadline, &mut order.at_rest).await.is_err() {
                if !std::mem::replace(&mut late, true) {
                    space.partitions.iter().for_each(|partition| partition.cancel_turn());
                }
                // A cancelled turn ends at once; an actor that is gone never answers.
                let _ = (&mut order.at_rest).await;
            }
            first.get_or_insert_with(Instant::now);
        }
        first.unwrap_or_else(Instant::now)
    }
}

fn give_orders(space: &Space, candidates: Vec<Instance>, terms: &Terms) -> Vec<Ordered> {
    let order = |(partition, candidate): (&Arc<super::space::Partition>, Instance)| {
        let (rest, at_rest) = oneshot::channel();
        let (go, all_at_rest) = oneshot::channel();
        let (outcome, tried) = oneshot::channel();
        let (settle, settled) = oneshot::channel();
        let (end, done) = oneshot::channel();
        let terms = terms.clone();
        partition.mailbox.push_control(Control::Swap(Box::new(SwapOrder {
            candidate,
            terms,
            at_rest: rest,
            all_at_rest,
            tried: outcome,
            settle: settled,
            done: end,
        })));
        Ordered { at_rest, all_at_rest: go, tried, settle, done }
    };
    space.partitions.iter().zip(candidates).map(order).collect()
}

/// What each partition does with its state. Only while all of them are at rest.
fn migrations(
    space: &Space,
    former: Option<&Former>,
    artifact: &Artifact,
    way: Way,
) -> Result<Vec<Migration>, DeployError> {
    let version = &artifact.descriptor().version;
    let all = |migration: Migration| Ok(vec![migration; space.partitions.len()]);
    match former {
        None => all(Migration::NewSpace),
        Some(former) if way == Way::Back => match way_back(space, former, version) {
            WayBack::CodeAlone => all(Migration::Unneeded),
            WayBack::TakeBack(undo) => Ok(undo.into_iter().map(Migration::TakeBack).collect()),
            WayBack::Barred { committed } => {
                let (from, to) = (former.version.clone(), version.clone());
                Err(DeployError::NoWayBack { from, to, committed })
            }
        },
        Some(former) if former.version == *version => all(Migration::Unneeded),
        Some(former) if !artifact.has_lifecycle() && is_older(version, &former.version) => {
            Err(DeployError::Older { version: version.clone(), state: former.version.clone() })
        }
        Some(former) => all(Migration::From(former.version.clone())),
    }
}

/// Without a probation the version that serves has been there since the start, and nothing is known of what it found.
fn way_back(space: &Space, former: &Former, version: &str) -> WayBack {
    match &*space.probation.load() {
        Some(probation) => probation.way_back(),
        None if former.version == version => WayBack::CodeAlone,
        None => WayBack::Barred { committed: 0 },
    }
}

/// The probation of what is swapped in: none for what nothing of this run was replaced by, and the same on for other settings.
fn probation_of(space: &Space, artifact: &Artifact, settings: &SpaceSettings, tried: &mut [Tried]) -> Watched {
    let loaded = space.loaded()?;
    if loaded.artifact.digest() == artifact.digest() {
        return space.probation.load_full();
    }
    let undo = tried.iter_mut().map(|tried| std::mem::take(&mut tried.effects.undo)).collect();
    let emitted = tried.iter().any(|tried| tried.effects.emitted > 0);
    Some(Arc::new(Probation::new(artifact.digest().to_owned(), settings.limits.probation_turns, undo, emitted)))
}

/// Lets all partitions try the new version. If one could not, dropping the rest undoes what the others did.
async fn try_out(
    ordered: Vec<Ordered>,
    migrations: Vec<Migration>,
    migrate_bytes: u64,
) -> Result<Vec<Tried>, DeployError> {
    let mut trying = Vec::new();
    for (order, migration) in ordered.into_iter().zip(migrations) {
        // Gone only when the host stops.
        let _ = order.all_at_rest.send(migration);
        trying.push((order.tried, order.settle, order.done));
    }
    let (mut tried, mut undone, mut failed) = (Vec::new(), Vec::new(), None);
    for (trying, settle, done) in trying {
        match trying.await {
            Ok(Ok(effects)) => tried.push(Tried { effects, settle, done }),
            Ok(Err(reason)) => {
                failed = Some(DeployError::Refused(reason));
                undone.push(done);
            }
            Err(_) => failed = Some(DeployError::Stopping),
        }
    }
    let bytes: u64 = tried.iter().map(|tried| tried.effects.bytes).sum();
    if bytes > migrate_bytes {
        failed.get_or_insert_with(|| DeployError::Refused(exceeds(bytes, migrate_bytes)));
    }
    let Some(error) = failed else { return Ok(tried) };
    // Dropping `settle` says that it is not to be.
    undone.extend(tried.into_iter().map(|tried| tried.done));
    join_all(undone).await;
    Err(error)
}

/// Tells all partitions to go on with the new version, and waits until they do.
async fn settle(tried: Vec<Tried>, sequence: u64, probation: Watched) {
    let mut first = 0;
    let mut dones = Vec::new();
    for Tried { effects, settle, done } in tried {
        // Gone only when the host stops.
        let _ = settle.send(Settled { sequence, first, probation: probation.clone() });
        first += effects.emitted;
        dones.push(done);
    }
    join_all(dones).await;
}
