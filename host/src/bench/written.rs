//! How many bytes are written for each byte of a body that is accepted: journal, tables and the zeros of new segments.
//!
//! By the kernel's count of what this process hands to the file system (`wchar`): `write_bytes` counts a whole large page
//! for each write into it. The reference is the journal alone, with groups of bare bodies. Fails as the runtime does, and
//! where the kernel does not count.

use super::report::{Figure, Report};
use super::{Guests, PathWanted, body};
use crate::runtime::api::Delivery;
use crate::runtime::{Runtime, RuntimeConfig};
use crate::store::journal::{Group, Journal, JournalConfig};
use crate::store::{Store, StoreConfig};
use anyhow::{Context, Result};
use std::time::Duration;

/// Clients that each wait for their answer.
const IN_FLIGHT: usize = 1_024;
/// Records of one group of the reference.
const GROUP: u64 = 1_000;
/// Several segments full, so that the zeros of the one that is begun weigh little.
const JOURNAL_BYTES: usize = 320 << 20;
/// What a record holds beside the body, about.
const AROUND_A_BODY: usize = 128;

pub async fn run(guests: &Guests) -> Result<Report> {
    let mut figures = Vec::new();
    for bytes in [64, 1024] {
        let reference = bare(bytes)?;
        for command in ["take", "keep"] {
            let measured = measure(guests, command, bytes).await?;
            let left = if command == "take" { "that leave no state" } else { "kept as state, 1,000 keys" };
            figures.push(Figure {
                what: format!("bodies of {bytes} bytes {left}"),
                unit: "bytes/byte",
                reference: Some(reference),
                reference_is: "bare journal, groups of 1,000 bodies",
                measured,
                goal: "-",
            });
        }
    }
    Ok(Report { bench: "written: bytes handed to the file system per byte accepted (wchar of /proc/self/io)", figures })
}

async fn measure(guests: &Guests, command: &'static str, bytes: usize) -> Result<f64> {
    let folder = super::folder_on_disk()?;
    let before = written()?;
    let store = Store::open(&folder.path().join("data"), &StoreConfig::default())?;
    let runtime = Runtime::start_on(RuntimeConfig::default(), store)?;
    runtime.open();
    let space = if command == "take" { "sink" } else { "link" };
    guests.deploy(&runtime, space, PathWanted::Sync).await?;
    let calls = JOURNAL_BYTES / (bytes + AROUND_A_BODY) / IN_FLIGHT;
    let client = |runtime: Runtime| async move {
        for _ in 0..calls {
            runtime.call(space, command, body(bytes), Delivery::default()).await?;
        }
        anyhow::Ok(())
    };
    let clients = (0..IN_FLIGHT).map(|_| tokio::spawn(client(runtime.clone())));
    for client in futures::future::join_all(clients).await {
        client??;
    }
    runtime.shutdown(Duration::from_secs(10)).await;
    Ok((written()? - before) as f64 / (calls * IN_FLIGHT * bytes) as f64)
}

/// Four segments full of bodies.
fn bare(bytes: usize) -> Result<f64> {
    let folder = super::folder_on_disk()?;
    let before = written()?;
    let (mut journal, _) = Journal::open(folder.path(), &JournalConfig::default())?;
    let (mut group, mut accepted, mut next) = (Group::default(), 0, 1);
    while journal.segments().count() <= 4 {
        (next..next + GROUP).for_each(|sequence| group.push(sequence, &body(bytes)));
        journal.append(&mut group)?;
        group.clear();
        (next, accepted) = (next + GROUP, accepted + GROUP * bytes as u64);
    }
    Ok((written()? - before) as f64 / accepted as f64)
}

/// What this process has handed to the file system; its sockets and pipes carry next to nothing here.
fn written() -> Result<u64> {
    let counts = std::fs::read_to_string("/proc/self/io").context("the kernel does not count what is written")?;
    let count = counts.lines().find_map(|line| line.strip_prefix("wchar: "));
    Ok(count.context("the kernel does not count what is written")?.parse()?)
}
