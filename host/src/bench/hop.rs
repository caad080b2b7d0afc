//! Row 1 of the goals: A relays 64 bytes to B on one core, beside a bare loop of two calls and a channel.

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
        figures.push(measure(guests, path, goal).await?);
    }
    Ok(Report { bench: "hop: A relays 64 bytes to B, memory mode, one core", figures })
}

async fn measure(guests: &Guests, path: PathWanted, goal: &'static str) -> Result<Figure> {
    let body = Bytes::from(vec![b'x'; 64]);
    let fibers = path == PathWanted::Fiber;
    let bare = BareLoop::new(&guests.bytes("relay")?, &guests.bytes("sink")?, fibers);
    let mut bare = bare.map_err(|error| anyhow!("{error:#}"))?;
    let runtime = Runtime::start(RuntimeConfig { executors: 1, ..RuntimeConfig::default() })?;
    for name in ["sink", "relay"] {
        guests.deploy(&runtime, name, path).await?;
    }
    let messages = CHUNK * CHUNKS;
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let took = bare.run(messages, &body).map_err(|error| anyhow!("{error:#}"))?;
        reference.push(took.as_nanos() as f64 / messages as f64);
        let mut took = Duration::ZERO;
        for _ in 0..CHUNKS {
            took += relay_chunk(&runtime, &body).await?;
        }
        ours.push(took.as_nanos() as f64 / messages as f64);
    }
    runtime.shutdown(Duration::from_secs(1)).await;
    Ok(Figure {
        what: format!("one hop, {}", if fibers { "fiber path" } else { "sync path" }),
        unit: "ns",
        reference: Some(median(reference)),
        reference_is: "bare loop of two calls and a channel",
        measured: median(ours),
        goal,
    })
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
