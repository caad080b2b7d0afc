//! Row 1 of the goals: A relays 64 bytes to B on one core, beside a bare loop of two calls and a channel; and what it costs
//! that turns and messages are measured, beside a host that does not.

use super::report::{Figure, Report, median};
use super::{Guests, PathWanted};
use crate::runtime::api::Delivery;
use crate::runtime::{Runtime, RuntimeConfig};
use crate::wasm::bare::BareLoop;
use crate::words::SpaceName;
use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;
/// Messages in one filling of the relay's mailbox: enough to make the start and end of a round small, and few enough to
/// stay in the cache as a steady stream would.
const CHUNK: u64 = 1_000;
const CHUNKS: u64 = 100;
/// Between two looks at how far the sink is: each takes the counter's cache line from the executor.
const LOOK_EVERY: Duration = Duration::from_micros(10);

pub async fn run(guests: &Guests) -> Result<Report> {
    let mut figures = Vec::new();
    for (path, goal) in [(PathWanted::Sync, "1.3 (accepted below 2)"), (PathWanted::Fiber, "1.5")] {
        figures.extend(measure(guests, path, goal).await?);
    }
    Ok(Report { bench: "hop: A relays 64 bytes to B, memory mode, one core", figures })
}

async fn measure(guests: &Guests, path: PathWanted, goal: &'static str) -> Result<[Figure; 2]> {
    let body = Bytes::from(vec![b'x'; 64]);
    let fibers = path == PathWanted::Fiber;
    let bare = BareLoop::new(&guests.bytes("relay")?, &guests.bytes("sink")?, fibers);
    let mut bare = bare.map_err(|error| anyhow!("{error:#}"))?;
    let (metered, unmetered) = (host(guests, path, true).await?, host(guests, path, false).await?);
    let messages = CHUNK * CHUNKS;
    let (mut ours, mut unmeasured, mut reference) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let took = bare.run(messages, &body).map_err(|error| anyhow!("{error:#}"))?;
        reference.push(took.as_nanos() as f64 / messages as f64);
        let (mut with, mut without) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..CHUNKS {
            with += relay_chunk(&metered, &body).await?;
            without += relay_chunk(&unmetered, &body).await?;
        }
        ours.push(with.as_nanos() as f64 / messages as f64);
        unmeasured.push(without.as_nanos() as f64 / messages as f64);
    }
    metered.shutdown(Duration::from_secs(1)).await;
    unmetered.shutdown(Duration::from_secs(1)).await;
    let path = if fibers { "fiber path" } else { "sync path" };
    let measured = median(ours);
    let figure = |what: String, reference, reference_is, goal| Figure {
        what,
        unit: "ns",
        reference: Some(reference),
        reference_is,
        measured,
        goal,
    };
    Ok([
        figure(format!("one hop, {path}"), median(reference), "bare loop of two calls and a channel", goal),
        figure(format!("metrics in it, {path}"), median(unmeasured), "the same hop, nothing measured", "1.05"),
    ])
}

async fn host(guests: &Guests, path: PathWanted, meters: bool) -> Result<Runtime> {
    let runtime = Runtime::start(RuntimeConfig { executors: 1, meters, ..RuntimeConfig::default() })?;
    for name in ["sink", "relay"] {
        guests.deploy(&runtime, name, path).await?;
    }
    Ok(runtime)
}

/// Fills the mailbox of the stopped relay, starts it, and waits until the sink has taken all.
async fn relay_chunk(runtime: &Runtime, body: &Bytes) -> Result<Duration> {
    let (relay, sink) = (SpaceName::parse("relay")?, SpaceName::parse("sink")?);
    let taken = || runtime.space(&sink).map(|status| status.usage.turns).context("the sink is gone");
    runtime.stop(&relay).await?;
    for _ in 0..CHUNK {
        runtime.publish("bench.hop", body.clone(), Delivery::default())?;
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
