//! One live instance: a store with its bindings, disposable at any time.
//!
//! Calls end in an answer, which may be the guest's own failure, or in a `Broken`, after which the store is poisoned and
//! must be dropped; what the host kept in it comes back by `into_host`.

use super::budget::{Budget, FIRST_DEADLINE, Spent};
use super::host_api::{Abort, Guest, HostCalls, Wasi, WitFailure};
use super::limiter::Limiter;
use crate::words::{Failure, Limits};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wasmtime::component::{Component, ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Lower, TypedFunc};
use wasmtime::{Store, Trap};

/// How a call ended if not with an answer. The instance is of no further use.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Broken {
    #[error("trap: {0}")]
    Trap(String),
    #[error("CPU budget of {} ms exhausted", .0.as_millis())]
    Cpu(Duration),
    #[error("limit `{limit}` reached ({trap})")]
    Limit { limit: &'static str, trap: String },
    /// On the sync path only: the same call may succeed on a fiber.
    #[error("the call outlived its slice")]
    Slice,
    /// The host ended the turn.
    #[error("{0}")]
    Abort(Failure),
}

impl Broken {
    /// The limit that it ran into, or what else it is, in a word.
    pub fn cause(&self) -> &'static str {
        match self {
            Broken::Trap(_) => "trap",
            Broken::Cpu(_) => "cpu_per_turn_ms",
            Broken::Limit { limit, .. } => limit,
            Broken::Slice => "slice",
            Broken::Abort(_) => "aborted",
        }
    }
}

/// Which handler to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    Command,
    Event,
    Timer,
}

/// How calls into a component run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// On the executor's own stack: a third cheaper, for what never waits and ends within a slice.
    Sync,
    /// On a fiber: may wait, and gives way to others at each tick.
    Fiber,
}

impl Path {
    pub fn word(self) -> &'static str {
        match self {
            Path::Sync => "sync",
            Path::Fiber => "fiber",
        }
    }
}

/// The path of all instances of one component.
pub(super) struct PathChoice {
    pub may_wait: bool,
    /// Set when a call has outlived its slice.
    pub outlived_slice: AtomicBool,
}

impl PathChoice {
    pub fn path(&self) -> Path {
        let waits = self.may_wait || self.outlived_slice.load(Ordering::Relaxed);
        if waits { Path::Fiber } else { Path::Sync }
    }

    pub fn leave_sync(&self) {
        self.outlived_slice.store(true, Ordering::Relaxed);
    }
}

/// What instances of one component are made from.
pub(super) struct Source<H: 'static> {
    pub pre: InstancePre<Guest<H>>,
    pub exports: Exports,
    pub path: Arc<PathChoice>,
}

type Answer = Result<Bytes, Failure>;
type Handler<R> = TypedFunc<(Arc<str>, Bytes), (Result<R, WitFailure>,)>;
type Start = TypedFunc<(), (Result<(), WitFailure>,)>;
type Migrate = TypedFunc<(Option<String>,), (Result<(), WitFailure>,)>;

/// Where the handlers are in a component; looked up once.
pub(super) struct Exports {
    describe: ComponentExportIndex,
    command: ComponentExportIndex,
    event: ComponentExportIndex,
    timer: ComponentExportIndex,
    lifecycle: Option<(ComponentExportIndex, ComponentExportIndex)>,
}

impl Exports {
    pub fn find(component: &Component, has_lifecycle: bool) -> Result<Self, String> {
        let interface = |name: &str| {
            let name = format!("spacehost:space/{name}@1.0.0");
            component.get_export_index(None, &name).ok_or(format!("no export {name}"))
        };
        let function = |interface: &ComponentExportIndex, name: &str| {
            component.get_export_index(Some(interface), name).ok_or(format!("no export {name}"))
        };
        let handler = interface("handler")?;
        let lifecycle = match has_lifecycle {
            true => {
                let lifecycle = interface("lifecycle")?;
                Some((function(&lifecycle, "start")?, function(&lifecycle, "migrate")?))
            }
            false => None,
        };
        Ok(Exports {
            describe: function(&handler, "describe")?,
            command: function(&handler, "command")?,
            event: function(&handler, "event")?,
            timer: function(&handler, "timer")?,
            lifecycle,
        })
    }
}

pub struct Instance<H: 'static> {
    path: Arc<PathChoice>,
    store: Store<Guest<H>>,
    describe: TypedFunc<(), (String,)>,
    command: Handler<Bytes>,
    event: Handler<()>,
    timer: Handler<()>,
    lifecycle: Option<(Start, Migrate)>,
}

impl<H: HostCalls> Instance<H> {
    pub(super) async fn new(
        from: &Source<H>,
        limits: &Limits,
        host: H,
        wasi_seed: Option<u64>,
    ) -> Result<Self, (Broken, H)> {
        let wasi = wasi_seed.map(|seed| Box::new(Wasi::nothing_granted(seed)));
        let guest = Guest { host, budget: Budget::new(), limiter: Limiter::new(limits), wasi };
        let mut store = Store::new(from.pre.engine(), guest);
        store.limiter(|guest| &mut guest.limiter);
        store.set_hostcall_fuel(usize::try_from(limits.hostcall_bytes).unwrap_or(usize::MAX));
        store.epoch_deadline_callback(|mut context| Ok(context.data_mut().budget.tick()?));
        let cpu = Duration::from_millis(limits.start_cpu_ms);
        begin(&mut store, cpu, true);
        let instance = from.pre.instantiate_async(&mut store).await;
        match instance.and_then(|instance| bind(&instance, &mut store, &from.exports)) {
            Ok((describe, command, event, timer, lifecycle)) => {
                Ok(Instance { path: from.path.clone(), store, describe, command, event, timer, lifecycle })
            }
            Err(error) => {
                let broken = classify(&mut store, &error, cpu);
                Err((broken, store.into_data().host))
            }
        }
    }

    pub fn path(&self) -> Path {
        self.path.path()
    }

    /// A call needed more than a slice: the sync path is not for this component, in no instance.
    pub fn leave_sync_path(&self) {
        self.path.leave_sync();
    }

    pub fn host(&self) -> &H {
        &self.store.data().host
    }

    pub fn host_mut(&mut self) -> &mut H {
        &mut self.store.data_mut().host
    }

    /// Drops the instance and gives back what the host kept in it.
    pub fn into_host(self) -> H {
        self.store.into_data().host
    }

    /// Bytes of linear memory.
    pub fn memory(&self) -> usize {
        self.store.data().limiter.memory()
    }

    /// Whether the guest has read a clock of WASI since this was last asked.
    pub fn took_time(&self) -> bool {
        let wasi = self.store.data().wasi.as_ref();
        wasi.is_some_and(|wasi| wasi.clocks_read.swap(false, Ordering::Relaxed))
    }

    /// CPU time charged to the last call; zero for most, as it is counted in ticks.
    pub fn cpu_used(&self) -> Duration {
        self.store.data().budget.used()
    }

    pub(super) async fn describe(&mut self, limits: &Limits) -> Result<String, Broken> {
        let cpu = Duration::from_millis(limits.start_cpu_ms);
        let describe = self.describe;
        let (text,) = call_fiber(&mut self.store, describe, (), cpu).await?;
        Ok(text)
    }

    /// Runs a handler on the caller's stack, for one slice at most.
    pub fn call_sync(&mut self, entry: Entry, name: Arc<str>, body: Bytes, cpu: Duration) -> Result<Answer, Broken> {
        match entry {
            Entry::Command => call_sync(&mut self.store, self.command, (name, body), cpu).map(body_answer),
            Entry::Event => call_sync(&mut self.store, self.event, (name, body), cpu).map(empty_answer),
            Entry::Timer => call_sync(&mut self.store, self.timer, (name, body), cpu).map(empty_answer),
        }
    }

    /// Runs a handler on a fiber. Dropping the future cancels the call and poisons the instance.
    pub async fn call_fiber(
        &mut self,
        entry: Entry,
        name: Arc<str>,
        body: Bytes,
        cpu: Duration,
    ) -> Result<Answer, Broken> {
        match entry {
            Entry::Command => call_fiber(&mut self.store, self.command, (name, body), cpu).await.map(body_answer),
            Entry::Event => call_fiber(&mut self.store, self.event, (name, body), cpu).await.map(empty_answer),
            Entry::Timer => call_fiber(&mut self.store, self.timer, (name, body), cpu).await.map(empty_answer),
        }
    }

    /// Tells a fresh instance that it is about to serve. Nothing to do where it exports no life cycle.
    pub async fn start(&mut self, cpu: Duration) -> Result<Result<(), Failure>, Broken> {
        let Some((start, _)) = self.lifecycle else { return Ok(Ok(())) };
        let (result,) = call_fiber(&mut self.store, start, (), cpu).await?;
        Ok(result.map_err(Failure::from))
    }

    /// Lets the space set itself up (`None`) or change the state that `from` wrote.
    pub async fn migrate(&mut self, from: Option<String>, cpu: Duration) -> Result<Result<(), Failure>, Broken> {
        let Some((_, migrate)) = self.lifecycle else { return Ok(Ok(())) };
        let (result,) = call_fiber(&mut self.store, migrate, (from,), cpu).await?;
        Ok(result.map_err(Failure::from))
    }
}

fn body_answer((answer,): (Result<Bytes, WitFailure>,)) -> Answer {
    answer.map_err(Failure::from)
}

fn empty_answer((answer,): (Result<(), WitFailure>,)) -> Answer {
    answer.map(|()| Bytes::new()).map_err(Failure::from)
}

type Bound = (TypedFunc<(), (String,)>, Handler<Bytes>, Handler<()>, Handler<()>, Option<(Start, Migrate)>);

fn bind<H>(
    instance: &wasmtime::component::Instance,
    store: &mut Store<Guest<H>>,
    exports: &Exports,
) -> wasmtime::Result<Bound> {
    let lifecycle = match &exports.lifecycle {
        Some((start, migrate)) => {
            Some((instance.get_typed_func(&mut *store, start)?, instance.get_typed_func(&mut *store, migrate)?))
        }
        None => None,
    };
    Ok((
        instance.get_typed_func(&mut *store, exports.describe)?,
        instance.get_typed_func(&mut *store, exports.command)?,
        instance.get_typed_func(&mut *store, exports.event)?,
        instance.get_typed_func(&mut *store, exports.timer)?,
        lifecycle,
    ))
}

fn begin<H>(store: &mut Store<Guest<H>>, cpu: Duration, may_yield: bool) {
    store.data_mut().budget.begin(cpu, may_yield);
    store.set_epoch_deadline(FIRST_DEADLINE);
}

fn call_sync<H, P, R>(
    store: &mut Store<Guest<H>>,
    function: TypedFunc<P, R>,
    params: P,
    cpu: Duration,
) -> Result<R, Broken>
where
    H: HostCalls,
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    begin(store, cpu, false);
    function.call(&mut *store, params).map_err(|error| classify(store, &error, cpu))
}

async fn call_fiber<H, P, R>(
    store: &mut Store<Guest<H>>,
    function: TypedFunc<P, R>,
    params: P,
    cpu: Duration,
) -> Result<R, Broken>
where
    H: HostCalls,
    P: ComponentNamedList + Lower + Send + Sync + 'static,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    begin(store, cpu, true);
    match function.call_async(&mut *store, params).await {
        Ok(answer) => Ok(answer),
        Err(error) => Err(classify(store, &error, cpu)),
    }
}

/// What ended the call, from the most specific cause to the least.
fn classify<H>(store: &mut Store<Guest<H>>, error: &wasmtime::Error, cpu: Duration) -> Broken {
    if let Some(abort) = error.downcast_ref::<Abort>() {
        return Broken::Abort(abort.0.clone());
    }
    match error.downcast_ref::<Spent>() {
        Some(Spent::Budget) => return Broken::Cpu(cpu),
        Some(Spent::Slice) => return Broken::Slice,
        None => {}
    }
    let trap = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
        None => super::one_line(error),
    };
    match store.data_mut().limiter.take_hit() {
        Some(limit) => Broken::Limit { limit, trap },
        None => Broken::Trap(trap),
    }
}
