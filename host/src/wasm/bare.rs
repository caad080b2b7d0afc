//! The reference of the hop bench: two components called in a bare loop, with a tokio channel between them. No limits, no
//! turns, no routing, nothing kept: what is left is what wasmtime itself costs.

use bytes::Bytes;
use futures::executor::block_on;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use wasmtime::component::{Component, ComponentNamedList, Lift, Linker, TypedFunc};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, StoreContextMut, UpdateDeadline,
};

use super::code::{self, Code};
use super::compile::{Compiler, Place};
use super::engine::EngineConfig;
use super::host_api::WitFailure;

type Handler<R> = TypedFunc<(&'static str, Bytes), (Result<R, WitFailure>,)>;

struct Guest {
    sent: Option<mpsc::Sender<Bytes>>,
}

/// `sink` as code, on an engine such as a host's: what compiling it, and starting from its code, cost by themselves.
pub struct BareCode {
    engine: super::engine::Engine,
    code: Code,
}

impl BareCode {
    pub fn compile(sink: &[u8], config: &EngineConfig) -> wasmtime::Result<(Self, Duration)> {
        let engine = super::engine::Engine::new(config)?;
        let begin = Instant::now();
        let code = Compiler::new(Place::Here).compile(&engine, sink)?;
        Ok((BareCode { engine, code }, begin.elapsed()))
    }

    /// From the code to the first reply.
    pub fn start(&self) -> wasmtime::Result<Duration> {
        let begin = Instant::now();
        let component = code::adopt(&self.engine, &self.code)?;
        let (mut store, take) = start::<Bytes>(self.engine.wasmtime(), &component, "command", None)?;
        store.set_epoch_deadline(1);
        take.call(&mut store, ("take", Bytes::new()))?.0.map_err(refused)?;
        Ok(begin.elapsed())
    }
}

/// `relay` and `sink`, ready to be called in turn.
pub struct BareLoop {
    engine: Engine,
    relay: (Store<Guest>, Handler<()>),
    sink: (Store<Guest>, Handler<Bytes>),
    between: mpsc::Receiver<Bytes>,
    fibers: bool,
}

impl BareLoop {
    /// With `fibers`, calls are asynchronous and epochs are checked, as a host needs it whose guests may wait.
    pub fn new(relay: &[u8], sink: &[u8], fibers: bool) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config
            .concurrency_support(false)
            .epoch_interruption(fibers)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::new()));
        let engine = Engine::new(&config)?;
        let (sender, between) = mpsc::channel(1_024);
        // The same handlers that the host is measured with.
        let relay = instantiate(&engine, relay, "event", Some(sender))?;
        let sink = instantiate(&engine, sink, "command", None)?;
        Ok(BareLoop { engine, relay, sink, between, fibers })
    }

    /// Sends messages through both, one after the other.
    pub fn run(&mut self, messages: u64, body: &Bytes) -> wasmtime::Result<Duration> {
        let begin = Instant::now();
        match self.fibers {
            false => self.run_sync(messages, body)?,
            true => block_on(self.run_fibers(messages, body))?,
        }
        self.engine.increment_epoch();
        Ok(begin.elapsed())
    }

    fn run_sync(&mut self, messages: u64, body: &Bytes) -> wasmtime::Result<()> {
        for _ in 0..messages {
            self.relay.1.call(&mut self.relay.0, ("bench.hop", body.clone()))?.0.map_err(refused)?;
            let sent = self.between.try_recv()?;
            self.sink.1.call(&mut self.sink.0, ("take", sent))?.0.map_err(refused)?;
        }
        Ok(())
    }

    async fn run_fibers(&mut self, messages: u64, body: &Bytes) -> wasmtime::Result<()> {
        for _ in 0..messages {
            self.relay.1.call_async(&mut self.relay.0, ("bench.hop", body.clone())).await?.0.map_err(refused)?;
            let sent = self.between.try_recv()?;
            self.sink.1.call_async(&mut self.sink.0, ("take", sent)).await?.0.map_err(refused)?;
        }
        Ok(())
    }
}

fn refused(failure: WitFailure) -> wasmtime::Error {
    wasmtime::Error::msg(failure.message)
}

fn instantiate<R>(
    engine: &Engine,
    bytes: &[u8],
    handler: &str,
    sent: Option<mpsc::Sender<Bytes>>,
) -> wasmtime::Result<(Store<Guest>, Handler<R>)>
where
    (Result<R, WitFailure>,): ComponentNamedList + Lift,
{
    start(engine, &Component::from_binary(engine, bytes)?, handler, sent)
}

fn start<R>(
    engine: &Engine,
    component: &Component,
    handler: &str,
    sent: Option<mpsc::Sender<Bytes>>,
) -> wasmtime::Result<(Store<Guest>, Handler<R>)>
where
    (Result<R, WitFailure>,): ComponentNamedList + Lift,
{
    let mut linker = Linker::<Guest>::new(engine);
    linker.instance("spacehost:space/messaging@1.0.0")?.func_wrap(
        "send",
        |store: StoreContextMut<Guest>, (_address, body): (String, Bytes)| {
            if let Some(sent) = &store.data().sent {
                sent.try_send(body)?;
            }
            Ok((Ok::<(), WitFailure>(()),))
        },
    )?;
    linker.define_unknown_imports_as_traps(component)?;
    let mut store = Store::new(engine, Guest { sent });
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
    let instance = linker.instantiate(&mut store, component)?;
    let missing = || wasmtime::Error::msg("the component exports no handler");
    let interface = instance.get_export_index(&mut store, None, "spacehost:space/handler@1.0.0").ok_or_else(missing)?;
    let handler = instance.get_export_index(&mut store, Some(&interface), handler).ok_or_else(missing)?;
    let handler = instance.get_typed_func(&mut store, handler)?;
    Ok((store, handler))
}
