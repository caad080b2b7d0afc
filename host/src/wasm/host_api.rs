//! The imports of the contract, translated: WIT values in, a call on `HostCalls`, WIT values out.
//!
//! Nothing is decided here. Failures go to the guest as values; only an `Abort` ends the call.

use super::budget::Budget;
use super::limiter::Limiter;
use crate::words::Failure;
use bytes::Bytes;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// Key and headers that a message does not inherit.
#[derive(Debug, Default)]
pub struct Extras {
    pub key: Option<String>,
    pub headers: Vec<(String, String)>,
    pub timeout: Option<Duration>,
}

/// When a timer fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    Once(Duration),
    Every(Duration),
}

/// Some entries of the state in order, and the key to go on after.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    pub entries: Vec<(Vec<u8>, Bytes)>,
    pub next: Option<Vec<u8>>,
}

/// The host ends the turn; the failure says why. The guest does not run on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Abort(pub Failure);

/// What a guest can do, decided by the runtime. One value lives in each instance.
pub trait HostCalls: Send + 'static {
    fn publish(&mut self, topic: &str, body: Bytes, extras: Option<Extras>) -> Result<(), Failure>;
    fn send(&mut self, address: &str, body: Bytes, extras: Option<Extras>) -> Result<(), Failure>;
    fn request(
        &mut self,
        address: String,
        body: Bytes,
        extras: Option<Extras>,
    ) -> impl Future<Output = Result<Result<Bytes, Failure>, Abort>> + Send;

    fn get(&self, key: &[u8]) -> Option<Bytes>;
    fn set(&mut self, key: Vec<u8>, value: Bytes) -> Result<(), Failure>;
    fn delete(&mut self, key: &[u8]) -> Result<(), Failure>;
    fn scan(&self, prefix: &[u8], limit: u32, after: Option<&[u8]>) -> Page;

    fn set_timer(&mut self, name: String, body: Bytes, schedule: Schedule) -> Result<(), Failure>;
    fn cancel_timer(&mut self, name: &str) -> Result<(), Failure>;

    fn id(&self) -> String;
    fn source(&self) -> String;
    fn key(&self) -> Option<Arc<str>>;
    fn attempt(&self) -> u32;
    fn headers(&self) -> Vec<(String, String)>;
    fn now(&mut self) -> u64;
    fn random(&mut self) -> u64;
    fn space(&self) -> Arc<str>;
    fn partition(&self) -> u32;

    fn log(&mut self, level: &'static str, message: String);
    fn config(&self, name: &str) -> Option<String>;
    fn config_all(&self) -> String;
}

/// What wasmtime keeps for us in each store.
pub(super) struct Guest<H> {
    pub host: H,
    pub budget: Budget,
    pub limiter: Limiter,
    /// Only for components that import WASI.
    pub wasi: Option<Box<Wasi>>,
}

pub(super) struct Wasi {
    pub context: WasiCtx,
    pub table: ResourceTable,
    /// Since somebody last asked.
    pub clocks_read: Arc<AtomicBool>,
}

impl<H: HostCalls> WasiView for Guest<H> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // The linker offers WASI to every component, but only those that import it can call it.
        let wasi = self.wasi.get_or_insert_with(|| Box::new(Wasi::nothing_granted(0)));
        WasiCtxView { ctx: &mut wasi.context, table: &mut wasi.table }
    }
}

#[derive(Clone, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct WitFailure {
    pub code: String,
    pub message: String,
    pub retryable: bool,
}

impl From<Failure> for WitFailure {
    fn from(failure: Failure) -> Self {
        WitFailure { code: failure.code.into_owned(), message: failure.message, retryable: failure.retryable }
    }
}

impl From<WitFailure> for Failure {
    fn from(failure: WitFailure) -> Self {
        Failure { code: failure.code.into(), message: failure.message, retryable: failure.retryable }
    }
}

#[derive(Clone, ComponentType, Lower)]
#[component(record)]
struct WitPage {
    entries: Vec<(Vec<u8>, Bytes)>,
    next: Option<Vec<u8>>,
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "lifted from guests, never constructed here")]
enum WitLevel {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

impl WitLevel {
    fn word(self) -> &'static str {
        match self {
            WitLevel::Trace => "trace",
            WitLevel::Debug => "debug",
            WitLevel::Info => "info",
            WitLevel::Warn => "warn",
            WitLevel::Error => "error",
        }
    }
}

type Wit<T> = (Result<T, WitFailure>,);
type Headers = Vec<(String, String)>;
type Context<'a, H> = StoreContextMut<'a, Guest<H>>;

fn wit<T>(result: Result<T, Failure>) -> wasmtime::Result<Wit<T>> {
    Ok((result.map_err(WitFailure::from),))
}

fn extras(key: Option<String>, headers: Headers, timeout_ms: Option<u32>) -> Option<Extras> {
    let timeout = timeout_ms.map(|ms| Duration::from_millis(ms.into()));
    Some(Extras { key, headers, timeout })
}

pub(super) fn add_to_linker<H: HostCalls>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    add_messaging(linker)?;
    add_state(linker)?;
    add_timers(linker)?;
    add_context(linker)?;
    add_diagnostics(linker)
}

fn add_messaging<H: HostCalls>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    let mut messaging = linker.instance("spacehost:space/messaging@1.0.0")?;
    messaging.func_wrap("publish", |mut store: Context<H>, (topic, body): (String, Bytes)| {
        wit(store.data_mut().host.publish(&topic, body, None))
    })?;
    messaging.func_wrap("send", |mut store: Context<H>, (address, body): (String, Bytes)| {
        wit(store.data_mut().host.send(&address, body, None))
    })?;
    messaging.func_wrap_async("request", |store: Context<H>, (address, body): (String, Bytes)| {
        Box::new(request(store, address, body, None))
    })?;
    messaging.func_wrap(
        "publish-with",
        |mut store: Context<H>, (topic, body, key, headers): (String, Bytes, Option<String>, Headers)| {
            wit(store.data_mut().host.publish(&topic, body, extras(key, headers, None)))
        },
    )?;
    messaging.func_wrap(
        "send-with",
        |mut store: Context<H>, (address, body, key, headers): (String, Bytes, Option<String>, Headers)| {
            wit(store.data_mut().host.send(&address, body, extras(key, headers, None)))
        },
    )?;
    messaging.func_wrap_async(
        "request-with",
        |store: Context<H>,
         (address, body, key, headers, timeout): (String, Bytes, Option<String>, Headers, Option<u32>)| {
            Box::new(request(store, address, body, extras(key, headers, timeout)))
        },
    )
}

async fn request<H: HostCalls>(
    mut store: Context<'_, H>,
    address: String,
    body: Bytes,
    extras: Option<Extras>,
) -> wasmtime::Result<Wit<Bytes>> {
    let reply = store.data_mut().host.request(address, body, extras).await;
    // Ticks that passed while it waited are not the guest's.
    store.set_epoch_deadline(super::budget::FIRST_DEADLINE);
    wit(reply.map_err(wasmtime::Error::new)?)
}

fn add_state<H: HostCalls>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    let mut state = linker.instance("spacehost:space/state@1.0.0")?;
    state.func_wrap("get", |store: Context<H>, (key,): (Vec<u8>,)| Ok((store.data().host.get(&key),)))?;
    state.func_wrap("set", |mut store: Context<H>, (key, value): (Vec<u8>, Bytes)| {
        wit(store.data_mut().host.set(key, value))
    })?;
    state.func_wrap("delete", |mut store: Context<H>, (key,): (Vec<u8>,)| wit(store.data_mut().host.delete(&key)))?;
    state.func_wrap("scan", |store: Context<H>, (prefix, limit, after): (Vec<u8>, u32, Option<Vec<u8>>)| {
        let Page { entries, next } = store.data().host.scan(&prefix, limit, after.as_deref());
        Ok((WitPage { entries, next },))
    })
}

fn add_timers<H: HostCalls>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    let mut timers = linker.instance("spacehost:space/timers@1.0.0")?;
    timers.func_wrap("set", |mut store: Context<H>, (name, body, ms): (String, Bytes, u64)| {
        wit(store.data_mut().host.set_timer(name, body, Schedule::Once(Duration::from_millis(ms))))
    })?;
    timers.func_wrap("set-interval", |mut store: Context<H>, (name, body, ms): (String, Bytes, u64)| {
        wit(store.data_mut().host.set_timer(name, body, Schedule::Every(Duration::from_millis(ms))))
    })?;
    timers
        .func_wrap("cancel", |mut store: Context<H>, (name,): (String,)| wit(store.data_mut().host.cancel_timer(&name)))
}

fn add_context<H: HostCalls>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    let mut context = linker.instance("spacehost:space/context@1.0.0")?;
    context.func_wrap("id", |store: Context<H>, (): ()| Ok((store.data().host.id(),)))?;
    context.func_wrap("source", |store: Context<H>, (): ()| Ok((store.data().host.source(),)))?;
    context.func_wrap("key", |store: Context<H>, (): ()| Ok((store.data().host.key(),)))?;
    context.func_wrap("attempt", |store: Context<H>, (): ()| Ok((store.data().host.attempt(),)))?;
    context.func_wrap("headers", |store: Context<H>, (): ()| Ok((store.data().host.headers(),)))?;
    context.func_wrap("now", |mut store: Context<H>, (): ()| Ok((store.data_mut().host.now(),)))?;
    context.func_wrap("random", |mut store: Context<H>, (): ()| Ok((store.data_mut().host.random(),)))?;
    context.func_wrap("space", |store: Context<H>, (): ()| Ok((store.data().host.space(),)))?;
    context.func_wrap("partition", |store: Context<H>, (): ()| Ok((store.data().host.partition(),)))
}

fn add_diagnostics<H: HostCalls>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    let mut log = linker.instance("spacehost:space/log@1.0.0")?;
    log.func_wrap("log", |mut store: Context<H>, (level, message): (WitLevel, String)| {
        store.data_mut().host.log(level.word(), message);
        Ok(())
    })?;
    let mut config = linker.instance("spacehost:space/config@1.0.0")?;
    config.func_wrap("get", |store: Context<H>, (name,): (String,)| Ok((store.data().host.config(&name),)))?;
    config.func_wrap("all", |store: Context<H>, (): ()| Ok((store.data().host.config_all(),)))?;
    // Types only; a component whose toolchain keeps the import gets an empty instance.
    linker.instance("spacehost:space/types@1.0.0")?;
    Ok(())
}
