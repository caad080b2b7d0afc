//! The pause of a swap without migration, under a steady load.

use super::report::{Figure, Report};
use super::{Guests, PathWanted, settings};
use crate::runtime::api::Delivery;
use crate::runtime::{Runtime, RuntimeConfig};
use crate::words::SpaceName;
use anyhow::Result;
use bytes::Bytes;
use hdrhistogram::Histogram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SWAPS: u32 = 1_000;
const BETWEEN: Duration = Duration::from_millis(3);
/// 10,000 messages a second: ten in each millisecond.
const BURST: u64 = 10;

pub async fn run(guests: &Guests) -> Result<Report> {
    let runtime = Runtime::start(RuntimeConfig::default())?;
    let artifact = guests.deploy(&runtime, "sink", PathWanted::Sync).await?;
    let sink = SpaceName::parse("sink")?;
    let stop = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicU64::new(0));
    let load = tokio::spawn(load(runtime.clone(), stop.clone(), sent.clone()));
    let (mut pauses, mut instantiate) = (Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?);
    for _ in 0..SWAPS {
        tokio::time::sleep(BETWEEN).await;
        let deployed = runtime.deploy(&sink, artifact.clone(), settings()).await?;
        pauses.record(deployed.pause.as_nanos() as u64)?;
        instantiate.record(deployed.instantiate.as_nanos() as u64)?;
    }
    stop.store(true, Ordering::Relaxed);
    load.await??;
    let sent = sent.load(Ordering::Relaxed);
    let until = Instant::now() + Duration::from_secs(10);
    let handled = || runtime.space(&sink).map_or(0, |status| status.usage.turns);
    while handled() < sent && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let lost = sent - handled().min(sent);
    runtime.shutdown(Duration::from_secs(1)).await;
    let figure = |what: &str, quantile, goal| Figure {
        what: what.to_owned(),
        unit: "ns",
        reference: Some(instantiate.value_at_quantile(quantile) as f64),
        reference_is: "instantiation, same quantile",
        measured: pauses.value_at_quantile(quantile) as f64,
        goal,
    };
    let mut figures = vec![
        figure("pause of a swap, p50", 0.5, "-"),
        figure("pause of a swap, p99", 0.99, "1000000"),
        figure("pause of a swap, longest", 1.0, "-"),
    ];
    let count = |what: &str, measured, goal| Figure {
        what: what.to_owned(),
        unit: "messages",
        reference: None,
        reference_is: "",
        measured,
        goal,
    };
    figures.push(count("sent meanwhile", sent as f64, "-"));
    figures.push(count("lost", lost as f64, "0"));
    Ok(Report { bench: "swap: 1,000 reloads of a space under 10,000 messages/s", figures })
}

async fn load(runtime: Runtime, stop: Arc<AtomicBool>, sent: Arc<AtomicU64>) -> Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        for _ in 0..BURST {
            runtime.send("sink", "take", Bytes::from_static(b"x"), Delivery::default())?;
            sent.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
