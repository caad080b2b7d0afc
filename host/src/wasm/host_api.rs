//! The imports of the contract, translated: WIT values in, a call on `HostCalls`, WIT values out.
//!
//! Nothing is decided here. Failures go to the guest as values; only an `Abort` ends the call.

use super::budget::Budget;
use super::limiter::Limiter;
use super::output::Output;
use crate::words::Failure;
use bytes::Bytes;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Poll;
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
    /// A tick has found the guest computing, for longer than most calls take in all.
    fn computes_on(&mut self) {}

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
    fn scan_back(&self, prefix: &[u8], limit: u32, before: Option<&[u8]>) -> Page;

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
    /// Lines that were written but not kept.
    fn lines_dropped(&mut self, lines: u64);
    fn config(&self, name: &str) -> Option<String>;
    fn config_all(&self) -> String;
}

/// What wasmtime keeps for us in each store.
pub(super) struct Guest<H> {
    pub host: H,
    pub budget: Budget,
    pub limiter: Limiter,
    /// Calls to the host that the call in hand may still make.
    pub calls_left: u64,
    /// Only for components that import WASI.
    pub wasi: Option<Box<Wasi>>,
}

pub(super) struct Wasi {
    pub context: WasiCtx,
    pub table: ResourceTable,
    /// Since somebody last asked.
    pub clocks_read: Arc<AtomicBool>,
    pub output: Output,
}

/// Of a component whose imports say that it does not need any.
const NO_HANDLES: usize = 0;

impl<H: HostCalls> WasiView for Guest<H> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // The linker offers WASI to every component, but only those that import it can call it.
        let wasi = self.wasi.get_or_insert_with(|| Box::new(Wasi::nothing_granted(0, NO_HANDLES)));
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
    /// It may be kept for long, and many times over, so it is no place for much.
    fn from(failure: WitFailure) -> Self {
        const LONGEST_CODE: usize = 64;
        const LONGEST_MESSAGE: usize = 4_096;
        let (code, message) = (cut(failure.code, LONGEST_CODE), cut(failure.message, LONGEST_MESSAGE));
        Failure { code: code.into(), message, retryable: failure.retryable }
    }
}

/// At a character, and without the room that a longer text took.
pub(super) fn cut(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest));
        text.push('…');
        text.shrink_to_fit();
    }
    text
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

impl<H> Guest<H> {
    /// The host, for one call more.
    fn called(&mut self) -> wasmtime::Result<&mut H> {
        match self.calls_left.checked_sub(1) {
            Some(left) => self.calls_left = left,
            None => {
                self.limiter.note_hit("host_calls_per_turn");
                wasmtime::bail!("too many calls to the host");
            }
        }
        Ok(&mut self.host)
    }
}

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
        wit(store.data_mut().called()?.publish(&topic, body, None))
    })?;
    messaging.func_wrap("send", |mut store: Context<H>, (address, body): (String, Bytes)| {
        wit(store.data_mut().called()?.send(&address, body, None))
    })?;
    messaging.func_wrap_async("request", |store: Context<H>, (address, body): (String, Bytes)| {
        Box::new(request(store, address, body, None))
    })?;
    messaging.func_wrap(
        "publish-with",
        |mut store: Context<H>, (topic, body, key, headers): (String, Bytes, Option<String>, Headers)| {
            wit(store.data_mut().called()?.publish(&topic, body, extras(key, headers, None)))
        },
    )?;
    messaging.func_wrap(
        "send-with",
        |mut store: Context<H>, (address, body, key, headers): (String, Bytes, Option<String>, Headers)| {
            wit(store.data_mut().called()?.send(&address, body, extras(key, headers, None)))
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
    let (reply, waited) = waiting(store.data_mut().called()?.request(address, body, extras)).await;
    // Ticks that passed while it waited are not the guest's. One that floods the host with requests that fail at once is
    // found at it like any other.
    if waited {
        store.set_epoch_deadline(super::budget::NEXT_DEADLINE);
    }
    wit(reply.map_err(wasmtime::Error::new)?)
}

/// What a call gave, and whether it had to wait for it.
async fn waiting<F: Future>(call: F) -> (F::Output, bool) {
    let mut call = pin!(call);
    match poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await {
        Poll::Ready(given) => (given, false),
        Poll::Pending => (call.await, true),
    }
}

fn add_state<H: HostCalls>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    let mut state = linker.instance("spacehost:space/state@1.0.0")?;
    state.func_wrap("get", |mut store: Context<H>, (key,): (Vec<u8>,)| Ok((store.data_mut().called()?.get(&key),)))?;
    state.func_wrap("set", |mut store: Context<H>, (key, value): (Vec<u8>, Bytes)| {
        wit(store.data_mut().called()?.set(key, value))
    })?;
    state.func_wrap("delete", |mut store: Context<H>, (key,): (Vec<u8>,)| {
        wit(store.data_mut().called()?.delete(&key))
    })?;
    state.func_wrap("scan", |mut store: Context<H>, (prefix, limit, after): (Vec<u8>, u32, Option<Vec<u8>>)| {
        let Page { entries, next } = store.data_mut().called()?.scan(&prefix, limit, after.as_deref());
        Ok((WitPage { entries, next },))
    })?;
    state.func_wrap("scan-back", |mut store: Context<H>, (prefix, limit, before): (Vec<u8>, u32, Option<Vec<u8>>)| {
        let Page { entries, next } = store.data_mut().called()?.scan_back(&prefix, limit, before.as_deref());
        Ok((WitPage { entries, next },))
    })
}

fn add_timers<H: HostCalls>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    let mut timers = linker.instance("spacehost:space/timers@1.0.0")?;
    timers.func_wrap("set", |mut store: Context<H>, (name, body, ms): (String, Bytes, u64)| {
        wit(store.data_mut().called()?.set_timer(name, body, Schedule::Once(Duration::from_millis(ms))))
    })?;
    timers.func_wrap("set-interval", |mut store: Context<H>, (name, body, ms): (String, Bytes, u64)| {
        wit(store.data_mut().called()?.set_timer(name, body, Schedule::Every(Duration::from_millis(ms))))
    })?;
    timers.func_wrap("cancel", |mut store: Context<H>, (name,): (String,)| {
        wit(store.data_mut().called()?.cancel_timer(&name))
    })
}

fn add_context<H: HostCalls>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    let mut context = linker.instance("spacehost:space/context@1.0.0")?;
    context.func_wrap("id", |mut store: Context<H>, (): ()| Ok((store.data_mut().called()?.id(),)))?;
    context.func_wrap("source", |mut store: Context<H>, (): ()| Ok((store.data_mut().called()?.source(),)))?;
    context.func_wrap("key", |mut store: Context<H>, (): ()| Ok((store.data_mut().called()?.key(),)))?;
    context.func_wrap("attempt", |mut store: Context<H>, (): ()| Ok((store.data_mut().called()?.attempt(),)))?;
    context.func_wrap("headers", |mut store: Context<H>, (): ()| Ok((store.data_mut().called()?.headers(),)))?;
    context.func_wrap("now", |mut store: Context<H>, (): ()| Ok((store.data_mut().called()?.now(),)))?;
    context.func_wrap("random", |mut store: Context<H>, (): ()| Ok((store.data_mut().called()?.random(),)))?;
    context.func_wrap("space", |mut store: Context<H>, (): ()| Ok((store.data_mut().called()?.space(),)))?;
    context.func_wrap("partition", |mut store: Context<H>, (): ()| Ok((store.data_mut().called()?.partition(),)))
}

fn add_diagnostics<H: HostCalls>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    let mut log = linker.instance("spacehost:space/log@1.0.0")?;
    log.func_wrap("log", |mut store: Context<H>, (level, message): (WitLevel, String)| {
        store.data_mut().called()?.log(level.word(), message);
        Ok(())
    })?;
    let mut config = linker.instance("spacehost:space/config@1.0.0")?;
    config.func_wrap("get", |mut store: Context<H>, (name,): (String,)| {
        Ok((store.data_mut().called()?.config(&name),))
    })?;
    config.func_wrap("all", |mut store: Context<H>, (): ()| Ok((store.data_mut().called()?.config_all(),)))?;
    // Types only; a component whose toolchain keeps the import gets an empty instance.
    linker.instance("spacehost:space/types@1.0.0")?;
    Ok(())
}
