//! Row 1 of the goals: A relays 64 bytes to B on one core, beside a bare loop of two calls and a channel; what it costs that
//! turns and messages are measured, beside a host that does not; and that traces of some are sent away meanwhile.

use super::report::{Figure, Report, median};
use super::{Guests, PathWanted, small_host};
use crate::runtime::api::Delivery;
use crate::runtime::{Runtime, RuntimeConfig, traces};
use crate::telemetry::{Exporter, TraceExport};
use crate::wasm::bare::BareLoop;
use crate::words::SpaceName;
use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use std::collections::HashMap;
use std::future::IntoFuture;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const ROUNDS: usize = 7;
/// Messages in one filling of the relay's mailbox: enough to make the start and end of a round small, and few enough to
/// stay in the cache as a steady stream would.
const CHUNK: u64 = 1_000;
const CHUNKS: u64 = 100;
/// Between two looks at how far the sink is: each takes the counter's cache line from the executor.
const LOOK_EVERY: Duration = Duration::from_micros(10);

/// The share of messages that are followed, in the figure that tells what that costs.
const SAMPLE: f64 = 0.01;

pub async fn run(guests: &Guests) -> Result<Report> {
    let mut figures = Vec::new();
    for (path, goal) in [(PathWanted::Sync, "1.3 (accepted below 2)"), (PathWanted::Fiber, "1.5")] {
        figures.extend(measure(guests, path, goal).await?);
    }
    Ok(Report { bench: "hop: A relays 64 bytes to B, memory mode, one core", figures })
}

/// Hosts that do the same but for one thing, driven in turns.
struct Hosts {
    /// As everybody runs it.
    usual: Runtime,
    unmetered: Runtime,
    traced: Runtime,
}

impl Hosts {
    async fn start(guests: &Guests, path: PathWanted) -> Result<Self> {
        let one = || RuntimeConfig { executors: 1, ..small_host() };
        Ok(Hosts {
            usual: relaying(guests, path, one()).await?,
            unmetered: relaying(guests, path, RuntimeConfig { meters: false, ..one() }).await?,
            traced: relaying(guests, path, RuntimeConfig { traces: Some(SAMPLE), ..one() }).await?,
        })
    }

    /// The time that each has taken for so many chunks.
    async fn relay(&self, chunks: u64, body: &Bytes) -> Result<[Duration; 3]> {
        let mut took = [Duration::ZERO; 3];
        for _ in 0..chunks {
            for (took, host) in took.iter_mut().zip([&self.usual, &self.unmetered, &self.traced]) {
                *took += relay_chunk(host, body).await?;
            }
        }
        Ok(took)
    }

    async fn shutdown(self) {
        for host in [self.usual, self.unmetered, self.traced] {
            host.shutdown(Duration::from_secs(1)).await;
        }
    }
}

/// A host of one core with relay and sink.
async fn relaying(guests: &Guests, path: PathWanted, config: RuntimeConfig) -> Result<Runtime> {
    let runtime = Runtime::start(config)?;
    for name in ["sink", "relay"] {
        guests.deploy(&runtime, name, path).await?;
    }
    Ok(runtime)
}

/// A hop beside the bare loop, beside one without metrics, and one with traces beside it.
async fn measure(guests: &Guests, path: PathWanted, goal: &'static str) -> Result<[Figure; 3]> {
    let body = Bytes::from(vec![b'x'; 64]);
    let fibers = path == PathWanted::Fiber;
    let bare = BareLoop::new(&guests.bytes("relay")?, &guests.bytes("sink")?, fibers);
    let mut bare = bare.map_err(|error| anyhow!("{error:#}"))?;
    let hosts = Hosts::start(guests, path).await?;
    let exporter = Exporter::start(&to_a_receiver().await?, &hosts.traced)?;
    let messages = CHUNK * CHUNKS;
    let (mut reference, mut ours) = (Vec::new(), [const { Vec::new() }; 3]);
    for _ in 0..ROUNDS {
        let took = bare.run(messages, &body).map_err(|error| anyhow!("{error:#}"))?;
        reference.push(took.as_nanos() as f64 / messages as f64);
        for (ours, took) in ours.iter_mut().zip(hosts.relay(CHUNKS, &body).await?) {
            ours.push(took.as_nanos() as f64 / messages as f64);
        }
    }
    let dropped = hosts.traced.traces().lost().dropped;
    hosts.shutdown().await;
    if let Some(exporter) = exporter {
        exporter.finish().await;
    }
    let [usual, unmetered, traced] = ours.map(median);
    let way = if fibers { "fiber path" } else { "sync path" };
    let figure = |what: String, measured, reference, reference_is, goal| Figure {
        what,
        unit: "ns",
        reference: Some(reference),
        reference_is,
        measured,
        goal,
    };
    let traced_too = format!("the same, 1 % traced ({dropped} spans dropped)");
    Ok([
        figure(format!("one hop, {way}"), usual, median(reference), "bare loop of two calls and a channel", goal),
        figure("metrics in it".to_owned(), usual, unmetered, "the same hop, nothing measured", "below 1.05"),
        figure(traced_too, traced, usual, "the hop without traces", "below 1.05"),
    ])
}

/// Spans are sent as they would be, to somebody who takes them all and looks at none.
async fn to_a_receiver() -> Result<TraceExport> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}/v1/traces", listener.local_addr()?);
    let receiver = axum::Router::new().fallback(async |_: Bytes| {});
    // Ends with the process.
    tokio::spawn(axum::serve(listener, receiver).into_future());
    Ok(TraceExport { endpoint, sample: SAMPLE, service_name: "bench".to_owned(), headers: HashMap::new() })
}

/// Fills the mailbox of the stopped relay, starts it, and waits until the sink has taken all.
async fn relay_chunk(runtime: &Runtime, body: &Bytes) -> Result<Duration> {
    let (relay, sink) = (SpaceName::parse("relay")?, SpaceName::parse("sink")?);
    let taken = || runtime.space(&sink).map(|status| status.usage.turns).context("the sink is gone");
    runtime.stop(&relay).await?;
    for _ in 0..CHUNK {
        let headers = runtime.traces().begin().and_then(traces::headers);
        runtime.publish("bench.hop", body.clone(), Delivery { headers, ..Delivery::default() })?;
    }
    let until = taken()? + CHUNK;
    let begin = Instant::now();
    runtime.resume(&relay).await?;
    while taken()? < until {
        // Spinning, because a sleep would overshoot by more than ten hops take.
        let looked = Instant::now();
        while looked.elapsed() < LOOK_EVERY {
            std::hint::spin_loop();
        }
    }
    Ok(begin.elapsed())
}
