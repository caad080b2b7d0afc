//! Spacehost: a WebAssembly plugin host for sandboxed spaces.
//!
//! The list of modules, from the edges down, and the one place that wires them: [`Host`]. Everything else gets what it
//! needs handed in. Starting fails when the address is taken, the data folder cannot be written or a part cannot start.

// The one place that has a reason to is `wasm/code.rs`.
#![deny(unsafe_code)]

pub mod bench;
pub mod cli;
pub mod cloud_event;
pub mod http;
pub mod reload;
pub mod runtime;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod wasm;
pub mod webhooks;
pub mod words;

use anyhow::{Context, Result, anyhow};
use http::access::{self, Announcement, Token};
use reload::{ReloadConfig, Reloads};
use runtime::audit::PERIOD;
use runtime::{Place, Runtime, RuntimeConfig, WINDOW_STEP};
use shutdown::Shutdown;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use store::{Store, StoreConfig};
use telemetry::{Exporter, TraceExport};
use tokio::net::TcpListener;
use webhooks::Webhooks;
use words::AllowedNames;

/// How long turns in hand may take at shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// What one host is started with.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// The drop folder.
    pub spaces: PathBuf,
    /// Where the host keeps what is its own.
    pub data: PathBuf,
    pub listen: SocketAddr,
    /// Threads that run guests.
    pub executors: usize,
    /// What clients may call the host besides its address.
    pub names: AllowedNames,
    /// `spacehost.toml`; it need not exist.
    pub settings: Option<PathBuf>,
    /// All messaging is granted to all spaces.
    pub development: bool,
    /// How long a reload waits for a turn in hand.
    pub swap_wait: Duration,
    /// What the memories of all instances may have together; none: a share of the machine's.
    pub memory_bytes: Option<u64>,
    /// Idempotency-Keys that are kept at a time.
    pub idempotency_keys: usize,
    /// No disk: nothing outlives the process.
    pub memory: bool,
    /// The journal's segments and retention.
    pub store: StoreConfig,
    /// Where traces are sent; none: nothing is traced.
    pub traces: Option<TraceExport>,
    /// Where components are compiled. `Place::apart` is for programs that begin with `runtime::serve_if_asked`.
    pub compiler: Place,
}

/// Runs a host until `shutdown`, and returns when all it had taken in is done.
pub async fn run(config: RunConfig, shutdown: Shutdown) -> Result<()> {
    Host::start(config).await?.serve(shutdown).await
}

/// A host that has started and listens.
pub struct Host {
    listener: TcpListener,
    address: SocketAddr,
    token: Token,
    names: AllowedNames,
    idempotency_keys: usize,
    runtime: Runtime,
    reloads: Reloads,
    webhooks: Webhooks,
    announcement: Announcement,
    exporter: Option<Exporter>,
}

impl Host {
    /// Listens first: whoever starts a second host by mistake learns it before anything is touched.
    pub async fn start(config: RunConfig) -> Result<Host> {
        let listener = listen(config.listen).await?;
        let address = listener.local_addr()?;
        let token = access::load_or_create_token(&config.data)?;
        let RunConfig { executors, swap_wait, settings, development, compiler, names, traces, .. } = config;
        let store = if config.memory { Store::in_memory() } else { Store::open(&config.data, &config.store)? };
        let sample = traces.as_ref().map(|traces| traces.sample);
        let mut settled = RuntimeConfig { executors, swap_wait, compiler, traces: sample, ..RuntimeConfig::default() };
        if let Some(bytes) = config.memory_bytes {
            settled.engine.memory_bytes = bytes;
        }
        let runtime = Runtime::start_on(settled, store)?;
        let exporter = traces.as_ref().map(|traces| Exporter::start(traces, &runtime)).transpose()?.flatten();
        let (dir, file) = (config.spaces.clone(), settings.clone());
        // Its task ends with `shutdown`, below.
        let (reloads, _task) = Reloads::spawn(ReloadConfig { runtime: runtime.clone(), dir, settings, development })?;
        // Before any turn: a webhook that is new hears of all that happens from here on.
        let webhooks = Webhooks::start(runtime.clone(), reloads.settings(), file.as_deref());
        open_when_loaded(&runtime, &reloads);
        keep_telling(&runtime);
        let announcement = Announcement::write(&config.data, address, &config.spaces)?;
        let idempotency_keys = config.idempotency_keys;
        Ok(Host {
            listener,
            address,
            token,
            names,
            idempotency_keys,
            runtime,
            reloads,
            webhooks,
            announcement,
            exporter,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Serves until `shutdown`. Then, in this order: nothing more is taken in, requests and turns in hand are finished,
    /// all threads end.
    /// A failed disk ends it at once, because nothing it did from then on could be relied on.
    pub async fn serve(self, shutdown: Shutdown) -> Result<()> {
        let reloads = self.reloads.clone();
        let (runtime, orders, webhooks) = (self.runtime.clone(), self.reloads, self.webhooks.clone());
        let (token, names, idempotency_keys) = (self.token, self.names, self.idempotency_keys);
        let state = http::AppState { runtime, reloads: orders, webhooks, token, names, idempotency_keys };
        let served = tokio::select! {
            served = http::serve(self.listener, state, shutdown) => served,
            reason = self.runtime.failed() => return Err(anyhow!("the data folder has failed: {reason}")),
        };
        drop(self.announcement);
        // A swap in hand may wait for a disk that is full: what is not durable then has not happened.
        let _ = tokio::time::timeout(GRACE, reloads.shutdown()).await;
        // Before the ledger closes; what turns publish from here on is posted after the next start.
        self.webhooks.finish().await;
        self.runtime.shutdown(GRACE).await;
        if let Some(exporter) = self.exporter {
            exporter.finish().await;
        }
        served
    }
}

/// Turns begin when all that lay in the folder at the start serves or was refused: until then an event could miss its
/// subscribers.
fn open_when_loaded(runtime: &Runtime, reloads: &Reloads) {
    let (runtime, reloads) = (runtime.clone(), reloads.clone());
    tokio::spawn(async move {
        reloads.wait_first_scan().await;
        runtime.open();
    });
}

/// What the audit trail has only counted is told each second, and the windows of latencies move on. Ends with the runtime that it serves.
fn keep_telling(runtime: &Runtime) {
    let runtime = runtime.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(PERIOD);
        let mut rolled = Instant::now();
        while !runtime.is_stopping() {
            ticks.tick().await;
            runtime.audit().tell();
            if rolled.elapsed() >= WINDOW_STEP {
                runtime.roll_windows();
                rolled = Instant::now();
            }
        }
    });
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("could not listen on {address}. Is another host running? `--listen 127.0.0.1:0` takes any free port")
    })
}
