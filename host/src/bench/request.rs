//! Row 2 of the goals: a request and its reply inside the host, idle.

use super::report::{Figure, Report};
use super::{Guests, PathWanted};
use crate::runtime::api::Delivery;
use crate::runtime::{Runtime, RuntimeConfig};
use anyhow::{Result, anyhow};
use bytes::Bytes;
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

const TURNS: u32 = 3_000;
/// Requests that the asking space makes in one turn.
const REQUESTS: u64 = 100;

pub async fn run(guests: &Guests) -> Result<Report> {
    let runtime = Runtime::start(RuntimeConfig { executors: 1, ..RuntimeConfig::default() })?;
    guests.deploy(&runtime, "sink", PathWanted::Sync).await?;
    guests.deploy(&runtime, "asker", PathWanted::Fiber).await?;
    let body = Bytes::from(vec![b'x'; 64]);
    let mut bare = crate::wasm::bare::BareLoop::new(&guests.bytes("relay")?, &guests.bytes("sink")?, false)
        .map_err(|error| anyhow!("{error:#}"))?;
    let mut each = Histogram::<u64>::new(3)?;
    let mut reference = Vec::new();
    for turn in 0..TURNS {
        let begin = Instant::now();
        runtime.call("asker", "ask-often", body.clone(), Delivery::default()).await?;
        each.record(begin.elapsed().as_nanos() as u64 / REQUESTS)?;
        if turn % 10 == 0 {
            let took = bare.run(REQUESTS, &body).map_err(|error| anyhow!("{error:#}"))?;
            reference.push(took.as_nanos() as f64 / REQUESTS as f64);
        }
    }
    runtime.shutdown(Duration::from_secs(1)).await;
    let reference = Some(super::report::median(reference));
    let figure = |what: &str, quantile, goal| Figure {
        what: what.to_owned(),
        unit: "ns",
        reference,
        reference_is: "bare loop of two calls and a channel, median",
        measured: each.value_at_quantile(quantile) as f64,
        goal,
    };
    let figures = vec![
        figure("request and reply, p50 (mean of each 100)", 0.5, "3000"),
        figure("request and reply, p99 (mean of each 100)", 0.99, "50000"),
    ];
    Ok(Report { bench: "request: a request and its reply between two spaces, idle", figures })
}
