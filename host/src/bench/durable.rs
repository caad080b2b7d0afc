//! Durable rows of the goals: turns acknowledged from disk, many in flight and one at a time, beside the bare journal on
//! the same disk in the same run; and what a start on the result costs.

use super::report::{Figure, Report, median};
use super::{Guests, PathWanted};
use crate::runtime::api::Delivery;
use crate::runtime::{Runtime, RuntimeConfig};
use crate::store::journal::{Group, Journal, JournalConfig};
use crate::store::{Store, StoreConfig};
use anyhow::Result;
use bytes::Bytes;
use hdrhistogram::Histogram;
use std::path::Path;
use std::time::{Duration, Instant};

/// Clients that each wait for their answer.
const IN_FLIGHT: usize = 4_096;
/// Records of one group of the bare log.
const GROUP: u64 = 1_000;
const RECORD: usize = 128;
const ALONE: u32 = 500;

pub async fn run(guests: &Guests, duration: Duration) -> Result<Report> {
    let folder = super::folder_on_disk()?;
    let data = folder.path().join("data");
    let store = Store::open(&data, &StoreConfig::default())?;
    let runtime = Runtime::start_on(RuntimeConfig::default(), store)?;
    runtime.open();
    guests.deploy(&runtime, "sink", PathWanted::Sync).await?;
    let mut figures = alone(&runtime, &folder.path().join("bare")).await?;
    figures.extend(together(&runtime, &folder.path().join("log"), duration).await?);
    runtime.shutdown(Duration::from_secs(10)).await;
    drop(runtime);
    figures.push(start(&data)?);
    Ok(Report { bench: "durable: turns whose answer waits for the disk, without HTTP", figures })
}

/// One command at a time, interleaved with one append at a time.
async fn alone(runtime: &Runtime, bare: &Path) -> Result<Vec<Figure>> {
    let (mut journal, _) = Journal::open(bare, &JournalConfig::default())?;
    let (mut ours, mut reference) = (Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?);
    for round in 0..u64::from(ALONE) {
        let begin = Instant::now();
        runtime.call("sink", "take", body(), Delivery::default()).await?;
        ours.record(begin.elapsed().as_nanos() as u64)?;
        let begin = Instant::now();
        append(&mut journal, round + 1, 1)?;
        reference.record(begin.elapsed().as_nanos() as u64)?;
    }
    let figure = |what: &str, quantile, goal| Figure {
        what: what.to_owned(),
        unit: "ns",
        reference: Some(reference.value_at_quantile(quantile) as f64),
        reference_is: "append and fdatasync of 128 bytes, same quantile",
        measured: ours.value_at_quantile(quantile) as f64,
        goal,
    };
    Ok(vec![figure("durable command, one in flight, p50", 0.5, "ratio 1.5"), figure("durable command, p99", 0.99, "-")])
}

/// Many clients at once, and then the bare log.
async fn together(runtime: &Runtime, log: &Path, duration: Duration) -> Result<Vec<Figure>> {
    let until = Instant::now() + duration;
    let clients = (0..IN_FLIGHT).map(|_| tokio::spawn(client(runtime.clone(), until)));
    let begin = Instant::now();
    let mut waits = Histogram::<u64>::new(3)?;
    for client in futures::future::join_all(clients).await {
        for wait in client?? {
            waits.record(wait)?;
        }
    }
    let rate = waits.len() as f64 / begin.elapsed().as_secs_f64();
    let rates: Vec<f64> = bare_log(log, duration / 2)?;
    let of = |what: &str, unit, measured, reference, goal| Figure {
        what: what.to_owned(),
        unit,
        reference,
        reference_is: "bare journal, groups of 1,000 records of 128 bytes",
        measured,
        goal,
    };
    Ok(vec![
        of("durable turns, 4,096 in flight", "1/s", rate, Some(median(rates)), "300000 (accepted from 150000)"),
        of("their acknowledgement, p99", "ns", waits.value_at_quantile(0.99) as f64, None, "10000000"),
    ])
}

async fn client(runtime: Runtime, until: Instant) -> Result<Vec<u64>> {
    let mut waits = Vec::new();
    while Instant::now() < until {
        let begin = Instant::now();
        runtime.call("sink", "take", body(), Delivery::default()).await?;
        waits.push(begin.elapsed().as_nanos() as u64);
    }
    Ok(waits)
}

/// Records per second, in rounds of a hundred groups.
fn bare_log(folder: &Path, duration: Duration) -> Result<Vec<f64>> {
    let (mut journal, _) = Journal::open(folder, &JournalConfig::default())?;
    let (mut rates, mut next, begin) = (Vec::new(), 1, Instant::now());
    while begin.elapsed() < duration {
        let round = Instant::now();
        for _ in 0..100 {
            append(&mut journal, next, GROUP)?;
            next += GROUP;
        }
        rates.push(100.0 * GROUP as f64 / round.elapsed().as_secs_f64());
    }
    Ok(rates)
}

fn append(journal: &mut Journal, first: u64, records: u64) -> Result<()> {
    let mut group = Group::default();
    for sequence in first..first + records {
        group.push(sequence, &[b'x'; RECORD]);
    }
    Ok(journal.append(&mut group)?)
}

fn body() -> Bytes {
    Bytes::from_static(&[b'x'; 64])
}

/// Opening the folder again, in time per byte of its journal.
fn start(data: &Path) -> Result<Figure> {
    let journal: u64 = std::fs::read_dir(data.join("journal"))?
        .map(|entry| Ok(entry?.metadata()?.len()))
        .sum::<std::io::Result<u64>>()?;
    let begin = Instant::now();
    let store = Store::open(data, &StoreConfig::default())?;
    let took = begin.elapsed();
    store.ledger.close();
    if let Some(keeper) = &store.keeper {
        keeper.close();
    }
    Ok(Figure {
        what: format!("start on a journal of {} MiB, per GiB", journal >> 20),
        unit: "ms",
        reference: None,
        reference_is: "",
        measured: took.as_secs_f64() * 1_000.0 / (journal as f64 / (1u64 << 30) as f64),
        goal: "2000",
    })
}
