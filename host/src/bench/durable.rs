//! Durable rows of the goals: turns acknowledged from disk, many in flight and one at a time, beside the bare journal on
//! the same disk in the same run; and what a start on the result costs.
//!
//! With so many in flight that the disk is always busy, an acknowledgement takes as long as all that are in flight take, so
//! there are two numbers of clients. Time on the CPU is measured beside the clock's, because other programs take only the latter.

use super::report::{Figure, Report, median};
use super::{Guests, PathWanted, process_cpu, small_host};
use crate::runtime::Runtime;
use crate::runtime::api::Delivery;
use crate::store::journal::{Group, Journal, JournalConfig};
use crate::store::{Store, StoreConfig};
use anyhow::Result;
use bytes::Bytes;
use hdrhistogram::Histogram;
use std::path::Path;
use std::time::{Duration, Instant};

/// Clients that each wait for their answer.
const IN_FLIGHT: [usize; 2] = [1_024, 4_096];
/// Records of one group of the bare log.
const GROUP: u64 = 1_000;
const RECORD: usize = 128;
const ALONE: u32 = 500;

pub async fn run(guests: &Guests, duration: Duration) -> Result<Report> {
    let folder = super::folder_on_disk()?;
    let data = folder.path().join("data");
    let store = Store::open(&data, &StoreConfig::default())?;
    let runtime = Runtime::start_on(small_host(), store)?;
    runtime.open();
    guests.deploy(&runtime, "sink", PathWanted::Sync).await?;
    let mut figures = alone(&runtime, &folder.path().join("bare")).await?;
    let memory = Runtime::start(small_host())?;
    guests.deploy(&memory, "sink", PathWanted::Sync).await?;
    for clients in IN_FLIGHT {
        let log = folder.path().join(format!("log-{clients}"));
        figures.extend(together([&runtime, &memory], clients, &log, duration).await?);
    }
    memory.shutdown(Duration::from_secs(1)).await;
    runtime.shutdown(Duration::from_secs(10)).await;
    drop((memory, runtime));
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

/// What many clients at once have seen.
struct Load {
    waits: Histogram<u64>,
    per_second: f64,
    /// Nanoseconds of all threads of this process, the clients' part included.
    cpu_per_turn: f64,
}

/// Many clients at once: of the durable host, of one in memory, and then the bare log.
async fn together(hosts: [&Runtime; 2], clients: usize, log: &Path, duration: Duration) -> Result<Vec<Figure>> {
    let [durable, memory] = [load(hosts[0], clients, duration).await?, load(hosts[1], clients, duration / 2).await?];
    let bare = median(bare_log(log, duration / 2)?);
    let figure = |what: &str, unit, measured, (reference, reference_is), goal| Figure {
        what: format!("{what}, {clients} in flight"),
        unit,
        reference: Some(reference),
        reference_is,
        measured,
        goal,
    };
    let p99 = |load: &Load| load.waits.value_at_quantile(0.99) as f64;
    let (log, same) = ("bare journal, groups of 1,000 records of 128 bytes", "the same in memory mode");
    let goal = "300000 (accepted from 150000)";
    Ok(vec![
        figure("durable turns", "1/s", durable.per_second, (bare, log), goal),
        figure("durable turns", "1/s", durable.per_second, (memory.per_second, same), "-"),
        figure("CPU per turn", "ns", durable.cpu_per_turn, (memory.cpu_per_turn, same), "-"),
        figure("acknowledgement, p99", "ns", p99(&durable), (p99(&memory), same), "10000000"),
    ])
}

async fn load(runtime: &Runtime, clients: usize, duration: Duration) -> Result<Load> {
    let (begin, cpu) = (Instant::now(), process_cpu());
    let clients = (0..clients).map(|_| tokio::spawn(client(runtime.clone(), begin + duration)));
    let mut waits = Histogram::<u64>::new(3)?;
    for client in futures::future::join_all(clients).await {
        for wait in client?? {
            waits.record(wait)?;
        }
    }
    let turns = waits.len() as f64;
    let cpu_per_turn = (process_cpu() - cpu).as_nanos() as f64 / turns;
    Ok(Load { per_second: turns / begin.elapsed().as_secs_f64(), waits, cpu_per_turn })
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
