//! What attackers cost their neighbours: commands per second and their 99th percentile, without and with the attack, in
//! turns.
//!
//! The neighbours' clients keep the host as busy as they can, so whatever the attackers get, they take from somebody. An
//! attacker's next command follows its last at once; one that rests after faults is asked again when it serves.

use super::report::{Figure, Report};
use super::{Guests, PathWanted, settings};
use crate::runtime::api::Delivery;
use crate::runtime::{Artifact, Runtime, RuntimeConfig};
use crate::words::SpaceName;
use anyhow::{Result, ensure};
use bytes::Bytes;
use futures::future::join_all;
use hdrhistogram::Histogram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const NEIGHBOURS: usize = 4;
/// Commands in flight at each neighbour.
const CLIENTS: usize = 4;
const MANY: usize = 100;
const ATTACKS: [&str; 6] = ["spin", "memory", "calls", "events", "logs", "trap"];
const PHASE: Duration = Duration::from_millis(500);
/// How long an attacker that is refused waits before it tries again: what is measured is what the spaces cost, and not a flood of
/// refusals to their clients.
const REFUSED: Duration = Duration::from_millis(50);

pub async fn run(guests: &Guests, duration: Duration) -> Result<Report> {
    let runtime = Runtime::start(RuntimeConfig::default())?;
    let sink = guests.deploy(&runtime, "sink", PathWanted::Sync).await?;
    for index in 0..NEIGHBOURS {
        runtime.deploy(&name("good", index)?, sink.clone(), settings()).await?;
    }
    let attacker = runtime.load(&guests.bytes("attacker")?, &settings())?;
    // Nobody attacks: by how much two such figures differ here anyway.
    let mut figures = Vec::from(measure(&runtime, &attacker, ("nobody", 0), duration).await?);
    for attack in ATTACKS {
        figures.extend(measure(&runtime, &attacker, (attack, 1), duration).await?);
    }
    figures.extend(measure(&runtime, &attacker, ("each kind", MANY), duration).await?);
    runtime.shutdown(Duration::from_secs(1)).await;
    Ok(Report { bench: "hostile: what attackers cost their neighbours, who keep both cores busy", figures })
}

/// What the neighbours' clients saw in all phases of one kind.
struct Seen {
    latency: Histogram<u64>,
    commands: u64,
    time: Duration,
}

async fn measure(
    runtime: &Runtime,
    attacker: &Artifact,
    (attack, count): (&str, usize),
    duration: Duration,
) -> Result<[Figure; 3]> {
    for index in 0..count {
        runtime.deploy(&name("attacker", index)?, attacker.clone(), settings()).await?;
    }
    let (mut quiet, mut attacked) = (Seen::new()?, Seen::new()?);
    for _ in 0..(duration.as_millis() / (2 * PHASE).as_millis()).max(1) {
        quiet.add(runtime).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let attackers = (0..count).map(|index| {
            let kind = if count == 1 { attack } else { ATTACKS[index % ATTACKS.len()] };
            tokio::spawn(keep_attacking(runtime.clone(), index, kind.to_owned(), stop.clone()))
        });
        let attackers: Vec<_> = attackers.collect();
        attacked.add(runtime).await?;
        stop.store(true, Ordering::Relaxed);
        for attacker in join_all(attackers).await {
            attacker??;
        }
    }
    for index in 0..count {
        runtime.remove(&name("attacker", index)?, Duration::ZERO).await;
    }
    let who = format!("{count} x {attack}");
    let figure = |what, unit, of: &dyn Fn(&Seen) -> f64, goal| Figure {
        what: format!("{who}: {what}"),
        unit,
        reference: Some(of(&quiet)),
        reference_is: "without the attack",
        measured: of(&attacked),
        goal,
    };
    Ok([
        figure("neighbours' commands", "1/s", &|seen| seen.commands as f64 / seen.time.as_secs_f64(), "0.98x"),
        figure("their p99", "us", &|seen| seen.latency.value_at_quantile(0.99) as f64 / 1e3, "1.5x"),
        figure("their p99.9", "us", &|seen| seen.latency.value_at_quantile(0.999) as f64 / 1e3, "-"),
    ])
}

impl Seen {
    fn new() -> Result<Self> {
        Ok(Seen { latency: Histogram::new(3)?, commands: 0, time: Duration::ZERO })
    }

    /// One phase.
    async fn add(&mut self, runtime: &Runtime) -> Result<()> {
        let begun = Instant::now();
        let clients = (0..NEIGHBOURS * CLIENTS).map(|client| {
            let space = format!("good-{}", client % NEIGHBOURS);
            tokio::spawn(ask(runtime.clone(), space, begun + PHASE))
        });
        for client in join_all(clients).await {
            let latency = client??;
            self.commands += latency.len();
            self.latency.add(latency)?;
        }
        self.time += begun.elapsed();
        Ok(())
    }
}

async fn ask(runtime: Runtime, space: String, until: Instant) -> Result<Histogram<u64>> {
    let mut latency = Histogram::new(3)?;
    let body = Bytes::from_static(b"\"neighbour\"");
    while Instant::now() < until {
        let begun = Instant::now();
        let reply = runtime.call(&space, "echo", body.clone(), Delivery::default()).await?;
        ensure!(reply == body, "a neighbour was answered wrongly");
        latency.record(begun.elapsed().as_nanos() as u64)?;
    }
    Ok(latency)
}

/// Anew in each phase, also if it has been quarantined for the last.
async fn keep_attacking(runtime: Runtime, index: usize, kind: String, stop: Arc<AtomicBool>) -> Result<()> {
    let (space, body) = (name("attacker", index)?, Bytes::from(format!("\"{kind}\"")));
    runtime.resume(&space).await?;
    while !stop.load(Ordering::Relaxed) {
        let attacked = runtime.call(space.as_str(), "attack", body.clone(), Delivery::default()).await;
        if attacked.is_err() {
            tokio::time::sleep(REFUSED).await;
        }
    }
    Ok(())
}

fn name(kind: &str, index: usize) -> Result<SpaceName> {
    Ok(SpaceName::parse(&format!("{kind}-{index}"))?)
}
