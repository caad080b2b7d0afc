//! A start on a journal of 1 GiB, beside a plain read of the same bytes: with tables that are up to date, as after a clean end
//! or a crash, and with tables that hold nothing of it.
//!
//! The journal is written straight, without a runtime: turns that each replace one of a hundred thousand values. Fails as
//! the store does.

use super::report::{Figure, Report, median};
use crate::store::journal::{Group, Journal, JournalConfig};
use crate::store::record::{Consumed, Kind, Message, MessageId, Outcome, Place, Record, Sender, Turn, Write};
use crate::store::{Store, StoreConfig};
use anyhow::{Context, Result};
use rustix::fs::{Advice, fadvise};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

const BYTES: u64 = 1 << 30;
const GROUP: u64 = 1_000;
const KEYS: u64 = 100_000;
const ROUNDS: usize = 3;
const BODY: &[u8] = &[b'x'; 64];

/// Whether the files are in the machine's memory when they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cache {
    /// As after a crash of the process.
    Warm,
    /// As after a loss of power.
    Cold,
}

pub fn run() -> Result<Report> {
    let folder = super::folder_on_disk()?;
    let data = folder.path().join("data");
    let journal = data.join("journal");
    let records = write_journal(&journal)?;
    // The first start finds no tables, and leaves them up to date.
    let figure = |what: String, reference: Option<f64>, measured, goal| Figure {
        what,
        unit: "ms",
        reference,
        reference_is: "a plain read of the same bytes",
        measured,
        goal,
    };
    prepare(&journal, Cache::Warm)?;
    let (read, behind) = (read_all(&journal)?, open(&data)?);
    let mut figures = Vec::new();
    for cache in [Cache::Warm, Cache::Cold] {
        let (reference, measured) = up_to_date(&data, &journal, cache)?;
        let what =
            format!("start on 1 GiB, tables up to date, cache {}", if cache == Cache::Warm { "warm" } else { "cold" });
        figures.push(figure(what, Some(reference), measured, "2000"));
    }
    figures.push(figure(format!("start on 1 GiB, no tables: {records} turns"), Some(read), behind, "-"));
    Ok(Report { bench: "recovery: a start on a journal of 1 GiB", figures })
}

/// Medians of plain reads and starts that take turns.
fn up_to_date(data: &Path, journal: &Path, cache: Cache) -> Result<(f64, f64)> {
    let (mut reads, mut starts) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        prepare(journal, cache)?;
        reads.push(read_all(journal)?);
        prepare(journal, cache)?;
        starts.push(open(data)?);
    }
    Ok((median(reads), median(starts)))
}

/// Milliseconds until the store could serve; it is closed again, and its tables are up to date then.
fn open(data: &Path) -> Result<f64> {
    let begin = Instant::now();
    let store = Store::open(data, &StoreConfig::default())?;
    let took = begin.elapsed();
    store.ledger.close();
    if let Some(keeper) = &store.keeper {
        keeper.close();
    }
    Ok(took.as_secs_f64() * 1e3)
}

fn write_journal(folder: &Path) -> Result<u64> {
    let (mut journal, _) = Journal::open(folder, &JournalConfig::default())?;
    let (mut group, mut encoded, mut written, mut next) = (Group::default(), Vec::new(), 0, 1);
    while written < BYTES {
        for sequence in next..next + GROUP {
            encoded.clear();
            encoded = turn(sequence, &(sequence % KEYS).to_be_bytes()).encode(encoded);
            group.push(sequence, &encoded);
        }
        journal.append(&mut group)?;
        written += group.len_bytes() as u64;
        next += GROUP;
        group.clear();
    }
    Ok(next - 1)
}

/// A client's command that has replaced one value.
fn turn(sequence: u64, key: &[u8]) -> Record<'_> {
    let message = Message {
        sender: Sender::Client(1),
        kind: Kind::Command,
        name: "keep",
        body: BODY,
        key: None,
        headers: Vec::new(),
        hops: 0,
        tracked: false,
        idempotency: None,
    };
    let id = MessageId { sequence: 0, ordinal: sequence };
    Record::Turn(Turn {
        place: Place { space: "bench", partition: 0 },
        message: Consumed::Direct { id, message, request: None },
        attempt: 1,
        outcome: Outcome::Done(b""),
        now_ms: None,
        time_ms: 1_750_000_000_000,
        writes: vec![Write { key, value: Some(BODY) }],
        emitted: Vec::new(),
        timers: Vec::new(),
        requests: Vec::new(),
        refused: Vec::new(),
        refused_more: 0,
        former: Vec::new(),
        depends_on: sequence - 1,
    })
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    listed.collect::<std::io::Result<_>>().context("could not list the journal")
}

/// Milliseconds for all files.
fn read_all(folder: &Path) -> Result<f64> {
    let mut buffer = vec![0; 1 << 20];
    let begin = Instant::now();
    for path in files(folder)? {
        let mut file = File::open(path)?;
        while file.read(&mut buffer)? > 0 {}
    }
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}

fn prepare(folder: &Path, cache: Cache) -> Result<()> {
    match cache {
        Cache::Warm => drop(read_all(folder)?),
        Cache::Cold => {
            for path in files(folder)? {
                fadvise(&File::open(path)?, 0, None, Advice::DontNeed)?;
            }
        }
    }
    Ok(())
}
