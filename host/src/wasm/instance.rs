//! One live instance: a store with its bindings, disposable at any time.
//!
//! Calls end in an answer, which may be the guest's own failure, or in a `Broken`, after which the store is poisoned and
//! must be dropped; what the host kept in it comes back by `into_host`.

use super::budget::{Budget, FIRST_DEADLINE, Spent, TICK};
use super::host_api::{Abort, Guest, HostCalls, Wasi, WitFailure};
use super::limiter::Limiter;
use super::output::Written;
use crate::words::{Failure, Limits};
use bytes::Bytes;
use futures::FutureExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
    /// A fault of the host's own, in a call that the guest made.
    #[error("the host panicked: {0}")]
    Panic(String),
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
            Broken::Panic(_) => "host-panic",
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
    host_calls: u64,
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
        limiter: Limiter,
        host: H,
        wasi_seed: Option<u64>,
    ) -> Result<Self, (Broken, H)> {
        let mut store = new_store(from.pre.engine(), limits, limiter, host, wasi_seed);
        let cpu = Duration::from_millis(limits.start_cpu_ms);
        let host_calls = limits.host_calls_per_turn;
        begin(&mut store, Allowed { cpu, host_calls }, true);
        let meter = store.data().budget.meter();
        let instance = contained(meter.metered(from.pre.instantiate_async(&mut store))).await;
        let bound = settle(&mut store, cpu, instance)
            .and_then(|instance| bind(&instance, &mut store, &from.exports).map_err(|e| classify(&mut store, &e, cpu)));
        match bound {
            Ok((describe, command, event, timer, lifecycle)) => {
                let path = from.path.clone();
                Ok(Instance { path, host_calls, store, describe, command, event, timer, lifecycle })
            }
            Err(broken) => Err((broken, store.into_data().host)),
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
    pub fn into_host(mut self) -> H {
        // Of a call that was cut short.
        tell_output(&mut self.store);
        self.store.into_data().host
    }

    /// Bytes of linear memory.
    pub fn memory(&self) -> u64 {
        self.store.data().limiter.memory()
    }

    /// Whether the guest has read a clock of WASI since this was last asked.
    pub fn took_time(&self) -> bool {
        let wasi = self.store.data().wasi.as_ref();
        wasi.is_some_and(|wasi| wasi.clocks_read.swap(false, Ordering::Relaxed))
    }

    /// Calls to the host that the last call has made.
    pub fn host_calls_made(&self) -> u64 {
        self.host_calls.saturating_sub(self.store.data().calls_left)
    }

    /// CPU time charged to the last call; zero for most, as it is counted in ticks.
    pub fn cpu_used(&self) -> Duration {
        self.store.data().budget.used()
    }

    pub(super) async fn describe(&mut self, limits: &Limits) -> Result<String, Broken> {
        let cpu = Duration::from_millis(limits.start_cpu_ms);
        let describe = self.describe;
        let allowed = self.allowed(cpu);
        let (text,) = call_fiber(&mut self.store, describe, (), allowed).await?;
        Ok(text)
    }

    /// Runs a handler on the caller's stack, for one slice at most.
    pub fn call_sync(&mut self, entry: Entry, name: Arc<str>, body: Bytes, cpu: Duration) -> Result<Answer, Broken> {
        let (allowed, params) = (self.allowed(cpu), (name, body));
        match entry {
            Entry::Command => call_sync(&mut self.store, self.command, params, allowed).map(body_answer),
            Entry::Event => call_sync(&mut self.store, self.event, params, allowed).map(empty_answer),
            Entry::Timer => call_sync(&mut self.store, self.timer, params, allowed).map(empty_answer),
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
        let (allowed, params) = (self.allowed(cpu), (name, body));
        match entry {
            Entry::Command => call_fiber(&mut self.store, self.command, params, allowed).await.map(body_answer),
            Entry::Event => call_fiber(&mut self.store, self.event, params, allowed).await.map(empty_answer),
            Entry::Timer => call_fiber(&mut self.store, self.timer, params, allowed).await.map(empty_answer),
        }
    }

    /// Tells a fresh instance that it is about to serve. Nothing to do where it exports no life cycle.
    pub async fn start(&mut self, cpu: Duration) -> Result<Result<(), Failure>, Broken> {
        let Some((start, _)) = self.lifecycle else { return Ok(Ok(())) };
        let allowed = self.allowed(cpu);
        let (result,) = call_fiber(&mut self.store, start, (), allowed).await?;
        Ok(result.map_err(Failure::from))
    }

    /// Lets the space set itself up (`None`) or change the state that `from` wrote.
    pub async fn migrate(&mut self, from: Option<String>, cpu: Duration) -> Result<Result<(), Failure>, Broken> {
        let Some((_, migrate)) = self.lifecycle else { return Ok(Ok(())) };
        let host_calls = self.host_calls.saturating_mul(MIGRATION_CALLS);
        let (result,) = call_fiber(&mut self.store, migrate, (from,), Allowed { cpu, host_calls }).await?;
        Ok(result.map_err(Failure::from))
    }

    fn allowed(&self, cpu: Duration) -> Allowed {
        Allowed { cpu, host_calls: self.host_calls }
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

/// A migration goes through the whole state.
const MIGRATION_CALLS: u64 = 10;

/// What one call into the guest may use.
#[derive(Clone, Copy)]
struct Allowed {
    cpu: Duration,
    host_calls: u64,
}

fn new_store<H: HostCalls>(
    engine: &wasmtime::Engine,
    limits: &Limits,
    limiter: Limiter,
    host: H,
    wasi_seed: Option<u64>,
) -> Store<Guest<H>> {
    let size = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    let handles = size(limits.handles);
    let wasi = wasi_seed.map(|seed| Box::new(Wasi::nothing_granted(seed, handles)));
    let mut store = Store::new(engine, Guest { host, budget: Budget::new(), limiter, calls_left: 0, wasi });
    store.limiter(|guest| &mut guest.limiter);
    store.set_hostcall_fuel(size(limits.hostcall_bytes));
    store.set_max_component_handles(handles);
    store.epoch_deadline_callback(|mut context| {
        let guest = context.data_mut();
        let next = guest.budget.tick()?;
        if guest.budget.used() >= 2 * TICK {
            guest.host.computes_on();
        }
        Ok(next)
    });
    store
}

fn begin<H>(store: &mut Store<Guest<H>>, allowed: Allowed, may_yield: bool) {
    let guest = store.data_mut();
    guest.budget.begin(allowed.cpu, may_yield);
    guest.calls_left = allowed.host_calls;
    // What an earlier call has run into has not ended this one.
    guest.limiter.take_hit();
    store.set_epoch_deadline(FIRST_DEADLINE);
}

fn call_sync<H, P, R>(
    store: &mut Store<Guest<H>>,
    function: TypedFunc<P, R>,
    params: P,
    allowed: Allowed,
) -> Result<R, Broken>
where
    H: HostCalls,
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    begin(store, allowed, false);
    let ended = catch_unwind(AssertUnwindSafe(|| function.call(&mut *store, params)));
    settle(store, allowed.cpu, ended)
}

async fn call_fiber<H, P, R>(
    store: &mut Store<Guest<H>>,
    function: TypedFunc<P, R>,
    params: P,
    allowed: Allowed,
) -> Result<R, Broken>
where
    H: HostCalls,
    P: ComponentNamedList + Lower + Send + Sync + 'static,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    begin(store, allowed, true);
    let meter = store.data().budget.meter();
    let ended = contained(meter.metered(function.call_async(&mut *store, params))).await;
    settle(store, allowed.cpu, ended)
}

/// A panic in the host ends the call and no more: the store is dropped after it, as after a trap. What the host keeps in the
/// store outlives it, so whoever calls from there leaves that whole at each place that can panic.
async fn contained<T>(call: impl Future<Output = T>) -> std::thread::Result<T> {
    AssertUnwindSafe(call).catch_unwind().await
}

/// How a call ended, after what it wrote has been told.
fn settle<H: HostCalls, R>(
    store: &mut Store<Guest<H>>,
    cpu: Duration,
    ended: std::thread::Result<wasmtime::Result<R>>,
) -> Result<R, Broken> {
    tell_output(store);
    match ended {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(classify(store, &error, cpu)),
        Err(panic) => Err(Broken::Panic(words_of(&*panic))),
    }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    super::host_api::cut(text.unwrap_or("for no reason given").replace('\n', " "), 200)
}

fn tell_output<H: HostCalls>(store: &mut Store<Guest<H>>) {
    let guest = store.data_mut();
    let Some(Written { lines, dropped }) = guest.wasi.as_ref().and_then(|wasi| wasi.output.take()) else { return };
    for (level, line) in lines {
        guest.host.log(level, line);
    }
    if dropped > 0 {
        guest.host.lines_dropped(dropped);
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
    match store.data_mut().limiter.take_hit().or_else(|| limit_behind(&trap)) {
        Some(limit) => Broken::Limit { limit, trap },
        None => Broken::Trap(trap),
    }
}

/// Limits that wasmtime keeps for us, by what it says when one is reached.
const KEPT_BY_WASMTIME: &[(&str, &str)] = &[
    ("fuel allocated for hostcalls", "hostcall_bytes"),
    ("store handle limit", "handles"),
    ("resource table has no free keys", "handles"),
    ("instance count too high", "core_instances"),
    ("memory count too high", "memories"),
    ("table count too high", "tables"),
];

fn limit_behind(trap: &str) -> Option<&'static str> {
    KEPT_BY_WASMTIME.iter().find(|(says, _)| trap.contains(says)).map(|(_, limit)| *limit)
}
