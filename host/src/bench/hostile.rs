//! What attackers cost their neighbours: commands per second and the high percentiles of all their latencies, without and with
//! the attack, in many pairs of short phases. What counts is the median of the pairs' ratios: the two phases of a pair see the same
//! machine, and a disturbance from outside spoils a few pairs. Which of the two comes first changes, and how far the pairs
//! differ says how far the median is to be trusted.
//!
//! On a machine that others share, that is not far. So the same is also measured by the clocks of the threads, which no neighbour of
//! the machine disturbs: of the CPU time that the neighbours wanted, how much the attackers took. Not in it is what these do to
//! caches, and what they compute while nobody else wants the core. Before the first pair comes a phase in which the host gets to
//! know them: what that takes is a figure of its own.
//!
//! The neighbours' clients keep the host as busy as they can, so whatever the attackers get, they take from somebody. An
//! attacker's next command follows its last at once; one that rests after faults is asked again when it serves.

use super::report::{Figure, Report, median};
use super::{Guests, PathWanted, process_cpu, settings};
use crate::cli::bench::Attack;
use crate::runtime::api::Delivery;
use crate::runtime::{Artifact, LaneTimes, Runtime, RuntimeConfig};
use crate::words::SpaceName;
use anyhow::{Result, ensure};
use bytes::Bytes;
use clap::ValueEnum;
use futures::future::join_all;
use hdrhistogram::Histogram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const NEIGHBOURS: usize = 4;
/// Commands in flight at each neighbour.
const CLIENTS: usize = 4;
const MANY: usize = 100;
const KINDS: [&str; 6] = ["spin", "memory", "calls", "events", "logs", "trap"];
const PHASE: Duration = Duration::from_millis(500);
/// How long an attacker that is refused waits before it tries again: what is measured is what the spaces cost, and not a flood of
/// refusals to their clients.
const REFUSED: Duration = Duration::from_millis(50);

pub async fn run(guests: &Guests, only: Option<Attack>, duration: Duration) -> Result<Report> {
    let runtime = Runtime::start(RuntimeConfig { lane_cpu: true, ..RuntimeConfig::default() })?;
    let sink = guests.deploy(&runtime, "sink", PathWanted::Sync).await?;
    for index in 0..NEIGHBOURS {
        runtime.deploy(&name("good", index)?, sink.clone(), settings()).await?;
    }
    let attacker = runtime.load(&guests.bytes("attacker")?, &settings())?;
    let mut figures = Vec::new();
    for attack in Attack::value_variants().iter().filter(|attack| only.is_none_or(|only| only == **attack)) {
        figures.extend(measure(&runtime, &attacker, kinds(*attack), duration).await?);
    }
    runtime.shutdown(Duration::from_secs(1)).await;
    Ok(Report { bench: "hostile: what attackers cost their neighbours, who keep both cores busy", figures })
}

/// What each attacker does, and what all of them are called.
fn kinds(attack: Attack) -> (Vec<&'static str>, &'static str) {
    match attack {
        Attack::Nobody => (vec![], "nobody"),
        Attack::Spin => (vec!["spin"], "1 x spin"),
        Attack::Memory => (vec!["memory"], "1 x memory"),
        Attack::Calls => (vec!["calls"], "1 x calls"),
        Attack::Events => (vec!["events"], "1 x events"),
        Attack::Logs => (vec!["logs"], "1 x logs"),
        Attack::Trap => (vec!["trap"], "1 x trap"),
        Attack::Hundred => (KINDS.into_iter().cycle().take(MANY).collect(), "100 x each kind"),
    }
}

/// What the neighbours' clients saw in all phases of one kind.
struct Seen {
    latency: Histogram<u64>,
    /// Of each phase: commands per second, and the 99th percentile of the latencies in nanoseconds.
    rates: Vec<f64>,
    p99s: Vec<f64>,
}

async fn measure(
    runtime: &Runtime,
    attacker: &Artifact,
    (kinds, who): (Vec<&'static str>, &str),
    duration: Duration,
) -> Result<Vec<Figure>> {
    let attackers = (0..kinds.len()).map(|index| name("attacker", index)).collect::<Result<Vec<_>>>()?;
    for name in &attackers {
        runtime.deploy(name, attacker.clone(), settings()).await?;
    }
    let (mut quiet, mut attacked) = (Seen::new()?, Seen::new()?);
    let onset = attack(runtime, &attackers, &kinds, &mut Seen::new()?).await?;
    let mut cpu = Cpu::default();
    for pair in 0..(duration.as_millis() / (2 * PHASE).as_millis()).max(1) {
        if pair % 2 == 0 {
            quiet.add(runtime).await?;
        }
        cpu.add(attack(runtime, &attackers, &kinds, &mut attacked).await?);
        if pair % 2 == 1 {
            quiet.add(runtime).await?;
        }
    }
    for name in &attackers {
        runtime.remove(name, Duration::ZERO).await;
    }
    let ratios = |of: fn(&Seen) -> &[f64]| -> Vec<f64> {
        of(&attacked).iter().zip(of(&quiet)).map(|(attacked, quiet)| attacked / quiet).collect()
    };
    let (rates, p99s) = (ratios(|seen| &seen.rates), ratios(|seen| &seen.p99s));
    let figure = |what, unit, of: &dyn Fn(&Seen) -> f64, goal| Figure {
        what: format!("{who}: {what}"),
        unit,
        reference: Some(of(&quiet)),
        reference_is: "without the attack",
        measured: of(&attacked),
        goal,
    };
    let alone = |what, unit, measured, goal| Figure {
        what: format!("{who}: {what}"),
        unit,
        reference: None,
        reference_is: "-",
        measured,
        goal,
    };
    let mut figures = vec![
        figure("neighbours' commands", "1/s", &|seen| median(seen.rates.clone()), "-"),
        alone("median of the pairs' ratios", "x", median(rates.clone()), "0.98x"),
        alone("its standard error", "x", error_of_median(&rates), "-"),
        alone("taken of the neighbours' CPU", "%", 100.0 * cpu.taken.as_secs_f64() / cpu.wanted.as_secs_f64(), "2 %"),
        figure("their p99", "us", &|seen| seen.latency.value_at_quantile(0.99) as f64 / 1e3, "1.5x"),
        alone("median of the pairs' ratios of p99", "x", median(p99s.clone()), "1.5x"),
        alone("its standard error", "x", error_of_median(&p99s), "-"),
        figure("their p99.9", "us", &|seen| seen.latency.value_at_quantile(0.999) as f64 / 1e3, "-"),
    ];
    if !attackers.is_empty() {
        let each = onset.taken.as_secs_f64() * 1e3 / attackers.len() as f64;
        figures.push(alone("CPU until an attacker is known as such", "ms", each, "-"));
    }
    Ok(figures)
}

/// The CPU time that somebody else wanted, too: of all threads but the slow ones.
#[derive(Default)]
struct Cpu {
    wanted: Duration,
    /// What the attackers got of it.
    taken: Duration,
}

impl Cpu {
    /// So far.
    fn read(runtime: &Runtime, attackers: &[SpaceName]) -> Self {
        let times = attackers.iter().map(|name| runtime.lane_times(name));
        let LaneTimes { fast, slow } = times.sum();
        Cpu { wanted: process_cpu().saturating_sub(slow), taken: fast }
    }

    fn since(self, before: Cpu) -> Self {
        Cpu { wanted: self.wanted.saturating_sub(before.wanted), taken: self.taken.saturating_sub(before.taken) }
    }

    fn add(&mut self, other: Cpu) {
        self.wanted += other.wanted;
        self.taken += other.taken;
    }
}

/// One phase with the attack. An attacker's turn in hand may take longer than that.
async fn attack(
    runtime: &Runtime,
    attackers: &[SpaceName],
    kinds: &[&'static str],
    attacked: &mut Seen,
) -> Result<Cpu> {
    let stop = Arc::new(AtomicBool::new(false));
    let before = Cpu::read(runtime, attackers);
    let attack = |(name, kind): (&SpaceName, &&'static str)| {
        tokio::spawn(keep_attacking(runtime.clone(), name.clone(), kind, stop.clone()))
    };
    let attacks: Vec<_> = attackers.iter().zip(kinds).map(attack).collect();
    attacked.add(runtime).await?;
    let cpu = Cpu::read(runtime, attackers).since(before);
    stop.store(true, Ordering::Relaxed);
    for attack in join_all(attacks).await {
        attack??;
    }
    Ok(cpu)
}

/// From the middle half of the values, so that a few wild ones do not count, as if the rest were normally distributed.
fn error_of_median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quarter = |part: usize| sorted[(sorted.len() - 1) * part / 4];
    let deviation = (quarter(3) - quarter(1)) / 1.349;
    1.253 * deviation / (sorted.len() as f64).sqrt()
}

impl Seen {
    fn new() -> Result<Self> {
        Ok(Seen { latency: Histogram::new(3)?, rates: Vec::new(), p99s: Vec::new() })
    }

    /// One phase.
    async fn add(&mut self, runtime: &Runtime) -> Result<()> {
        let begun = Instant::now();
        let clients = (0..NEIGHBOURS * CLIENTS).map(|client| {
            let space = format!("good-{}", client % NEIGHBOURS);
            tokio::spawn(ask(runtime.clone(), space, begun + PHASE))
        });
        let mut latency = Histogram::<u64>::new(3)?;
        for client in join_all(clients).await {
            latency.add(client??)?;
        }
        self.rates.push(latency.len() as f64 / begun.elapsed().as_secs_f64());
        self.p99s.push(latency.value_at_quantile(0.99) as f64);
        self.latency.add(latency)?;
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
async fn keep_attacking(runtime: Runtime, space: SpaceName, kind: &'static str, stop: Arc<AtomicBool>) -> Result<()> {
    let body = Bytes::from(format!("\"{kind}\""));
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
