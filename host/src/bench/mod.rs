//! `spacehost bench`: figures beside their references, measured in one run on one machine.
//!
//! An edge: it builds the spaces of `plugins/bench`, drives the runtime through its handle and prints. Reference and figure
//! are interleaved, so that a machine that changes its speed changes both. Nothing here asserts.

mod chain;
mod durable;
mod hop;
mod hostile;
mod http;
mod listeners;
mod recovery;
mod report;
mod request;
mod served;
mod start;
mod swap;
mod systems;
mod written;

use crate::cli::bench::{BenchArgs, Which};
use crate::cli::demo;
use crate::runtime::{Artifact, Runtime, RuntimeConfig};
use crate::wasm::EngineConfig;
use crate::words::{Grants, SpaceName, SpaceSettings};
use anyhow::{Context, Result};
use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use spacehost_build::Request;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// The compiled spaces that the benches use: relay, sink, asker, link and attacker.
struct Guests {
    folder: PathBuf,
}

impl Guests {
    fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.folder.join(format!("{name}.wasm"));
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    async fn deploy(&self, runtime: &Runtime, name: &str, path: PathWanted) -> Result<Artifact> {
        let artifact = runtime.load(&self.bytes(name)?, &settings())?;
        if path == PathWanted::Fiber {
            artifact.leave_sync_path();
        }
        runtime.deploy(&SpaceName::parse(name)?, artifact.clone(), settings()).await?;
        Ok(artifact)
    }
}

/// What this process has used so far.
fn process_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Which way calls go, for spaces that could go either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PathWanted {
    Sync,
    Fiber,
}

fn settings() -> SpaceSettings {
    SpaceSettings { grants: Grants::all(), ..SpaceSettings::default() }
}

/// A host for benches that have several in one process: each reserves address space for all its instances, and the usual number
/// of them twice or three times is more than a process has.
fn small_host() -> RuntimeConfig {
    let engine = EngineConfig { max_instances: 100, ..EngineConfig::default() };
    RuntimeConfig { engine, ..RuntimeConfig::default() }
}

/// A body of that many bytes, which is also a JSON string.
fn body(bytes: usize) -> Bytes {
    let mut body = vec![b'x'; bytes];
    if let [first, .., last] = &mut body[..] {
        (*first, *last) = (b'"', b'"');
    }
    Bytes::from(body)
}

/// A folder where the command is typed: those for temporary files may be in memory.
fn folder_on_disk() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("spacehost-bench-").tempdir_in(".")?)
}

/// The command `spacehost bench`.
pub fn run(args: BenchArgs) -> Result<()> {
    // Outlives the run: without `--guests` the spaces are built into it.
    let built = tempfile::tempdir()?;
    let folder = match &args.guests {
        Some(folder) => folder.clone(),
        None => {
            demo::build(&Request::new(demo::plugins()?.join("bench")).into_dir(built.path()))?;
            built.path().to_owned()
        }
    };
    let guests = Guests { folder };
    let duration = Duration::from_secs(args.seconds.max(1));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        match args.which {
            Which::Hop => hop::run(&guests).await,
            Which::Request => request::run(&guests).await,
            Which::Swap => swap::run(&guests).await,
            Which::Http => http::run(&guests, 1, duration).await,
            Which::HttpLoad => http::run(&guests, 32, duration).await,
            Which::Durable => durable::run(&guests, duration).await,
            Which::Chain => chain::run(&guests).await,
            Which::Recovery => recovery::run(),
            Which::Written => written::run(&guests).await,
            Which::Start => start::run(&guests).await,
            Which::Hostile => hostile::run(&guests, args.attack, duration).await,
            Which::Systems => systems::run().await,
            Which::Listeners => listeners::run(duration).await,
        }
    })?;
    report.print(args.json)
}
