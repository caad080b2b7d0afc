//! A chain of ten spaces in durable mode, beside one space: what the output gate promises is one wait for the disk, not ten.
//!
//! Each turn of the chain writes state, so each one is a record that the answer rests on. Fails as the runtime does.

use super::report::{Figure, Report};
use super::{Guests, body, settings};
use crate::runtime::api::{Delivery, Heard};
use crate::runtime::{Listener, Runtime, RuntimeConfig};
use crate::store::{Store, StoreConfig};
use crate::words::{Pattern, SpaceName};
use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use serde_json::Value;
use std::time::{Duration, Instant};

const SPACES: usize = 10;
const ROUNDS: usize = 500;
/// Rounds that only warm caches.
const IGNORED: usize = 20;

/// How a chain is gone through.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Each space asks the next and waits; the client waits for the first one's reply.
    Requests,
    /// Each space sends to the next; a listener outside hears what the last one tells.
    Sends,
}

/// On one core, where no hop wakes another thread, and spread over all.
pub async fn run(guests: &Guests) -> Result<Report> {
    let all = RuntimeConfig::default();
    let mut figures = on(guests, RuntimeConfig { executors: 1, ..all.clone() }).await?;
    figures.extend(on(guests, all).await?);
    Ok(Report { bench: "chain: a command whose effects run through ten spaces, durable, one in flight", figures })
}

async fn on(guests: &Guests, config: RuntimeConfig) -> Result<Vec<Figure>> {
    let folder = super::folder_on_disk()?;
    let store = Store::open(&folder.path().join("data"), &StoreConfig::default())?;
    let executors = config.executors;
    let runtime = Runtime::start_on(config, store)?;
    runtime.open();
    link(guests, &runtime, "alone", None).await?;
    for number in 0..SPACES {
        let next = (number + 1 < SPACES).then(|| format!("link-{}", number + 1));
        link(guests, &runtime, &format!("link-{number}"), next).await?;
    }
    let mut figures = Vec::new();
    for way in [Way::Requests, Way::Sends] {
        for figure in measure(&runtime, way).await? {
            figures.push(Figure { what: format!("{} ({executors} executors)", figure.what), ..figure });
        }
    }
    runtime.shutdown(Duration::from_secs(10)).await;
    Ok(figures)
}

async fn link(guests: &Guests, runtime: &Runtime, name: &str, next: Option<String>) -> Result<()> {
    let mut settings = settings();
    settings.config.extend(next.map(|next| ("next".to_owned(), Value::from(next))));
    let artifact = runtime.load(&guests.bytes("link")?, &settings)?;
    runtime.deploy(&SpaceName::parse(name)?, artifact, settings).await?;
    Ok(())
}

async fn measure(runtime: &Runtime, way: Way) -> Result<[Figure; 2]> {
    let mut listener = runtime.listen(Pattern::parse("bench.passed")?);
    let (mut ten, mut one) = (Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?);
    for round in 0..ROUNDS + IGNORED {
        for (first, latency) in [("alone", &mut one), ("link-0", &mut ten)] {
            let begin = Instant::now();
            go_through(runtime, way, first, &mut listener).await?;
            if round >= IGNORED {
                latency.record(begin.elapsed().as_nanos() as u64)?;
            }
        }
    }
    let figure = |quantile, name, goal| Figure {
        what: format!("{SPACES} spaces by {way:?}, {name}").to_lowercase(),
        unit: "ns",
        reference: Some(one.value_at_quantile(quantile) as f64),
        reference_is: "one space, same quantile",
        measured: ten.value_at_quantile(quantile) as f64,
        goal,
    };
    Ok([figure(0.5, "p50", "ratio 2"), figure(0.99, "p99", "-")])
}

async fn go_through(runtime: &Runtime, way: Way, first: &str, listener: &mut Listener) -> Result<()> {
    match way {
        Way::Requests => drop(runtime.call(first, "ask", body(64), Delivery::default()).await?),
        Way::Sends => {
            runtime.send(first, "pass", body(64), Delivery::default())?;
            let Some(Heard::Event(_)) = listener.next().await else { bail!("the event did not come") };
        }
    }
    Ok(())
}
