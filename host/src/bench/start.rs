//! Start rows of the goals: from a component to its first reply, new and known, beside compiling and starting it without a
//! host; and a host that starts on a thousand known components.

use super::report::{Figure, Report, median};
use super::{Guests, settings};
use crate::reload::{ReloadConfig, Reloads};
use crate::runtime::api::Delivery;
use crate::runtime::{Place, Runtime, RuntimeConfig};
use crate::store::{Cache, Store, StoreConfig};
use crate::wasm::EngineConfig;
use crate::wasm::bare::BareCode;
use crate::words::SpaceName;
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use std::path::Path;
use std::time::{Duration, Instant};

const FRESH: usize = 20;
const KNOWN: usize = 200;
const SPACES: usize = 1_000;
const RESTARTS: usize = 3;
/// Several engines are alive at once, and each reserves address space for its instances.
const INSTANCES: EngineConfig = EngineConfig { max_instances: 2_000, memory_bytes: u64::MAX };

pub async fn run(guests: &Guests) -> Result<Report> {
    // In the folder where it is typed: temporary ones may be in memory.
    let folder = tempfile::Builder::new().prefix("spacehost-bench-").tempdir_in(".")?;
    let sink = guests.bytes("sink")?;
    let (bare, _) = bare(&sink)?;
    let mut figures = Vec::new();
    for (name, disk) in [("in memory mode", Disk::CacheOnly), ("durable", Disk::All)] {
        figures.extend(alone(&sink, &bare, (open(&folder.path().join(name), disk)?, name)).await?);
    }
    figures.push(together(&sink, &bare, folder.path()).await?);
    Ok(Report { bench: "start: from a component to its first reply", figures })
}

fn bare(bytes: &[u8]) -> Result<(BareCode, Duration)> {
    BareCode::compile(bytes, &INSTANCES).map_err(|error| anyhow::anyhow!("{error:#}"))
}

fn start_bare(bare: &BareCode) -> Result<Duration> {
    bare.start().map_err(|error| anyhow::anyhow!("{error:#}"))
}

/// The same component with other bytes: a custom section more, which no code comes from.
fn copy(bytes: &[u8], number: usize) -> Vec<u8> {
    let text = format!("{number:010}");
    let name = b"copy";
    let section =
        [&[0, (1 + name.len() + text.len()) as u8, name.len() as u8], name.as_slice(), text.as_bytes()].concat();
    [bytes, &section].concat()
}

/// What a host keeps.
#[derive(Clone, Copy)]
enum Disk {
    /// Without waiting for the disk a deployment shows what loading costs. No host is started so.
    CacheOnly,
    All,
}

fn open(data: &Path, disk: Disk) -> Result<Runtime> {
    let config = StoreConfig::default();
    let store = match disk {
        Disk::CacheOnly => Store { cache: Some(Cache::open(data, config.cache_bytes)?), ..Store::in_memory() },
        Disk::All => Store::open(data, &config)?,
    };
    let config = RuntimeConfig { engine: INSTANCES, compiler: Place::apart(), ..RuntimeConfig::default() };
    Runtime::start_on(config, store)
}

/// One component after the other: each is new to the host first, and known afterwards.
async fn alone(sink: &[u8], bare: &BareCode, (runtime, mode): (Runtime, &str)) -> Result<Vec<Figure>> {
    runtime.open();
    let (mut compile, mut fresh) = (Vec::new(), Vec::new());
    for number in 0..FRESH {
        compile.push(self::bare(sink)?.1);
        fresh.push(first_reply(&runtime, &copy(sink, number), &format!("fresh-{number}")).await?);
    }
    let (mut bare_start, mut known) = (Vec::new(), Vec::new());
    for number in 0..KNOWN {
        bare_start.push(start_bare(bare)?);
        known.push(first_reply(&runtime, &copy(sink, number % FRESH), &format!("known-{number}")).await?);
    }
    let loads = runtime.loads();
    ensure!((loads.compiled, loads.known) == (FRESH as u64, KNOWN as u64), "not as it is meant: {loads:?}");
    runtime.shutdown(Duration::from_secs(10)).await;
    let kib = sink.len() >> 10;
    Ok(vec![
        figure(format!("new component, {kib} KiB, {mode}"), fresh, (compile, "compiling alone"), "ratio 2"),
        figure(format!("known component, {mode}"), known, (bare_start, "code to first reply, bare"), "ratio 3"),
    ])
}

async fn first_reply(runtime: &Runtime, bytes: &[u8], name: &str) -> Result<Duration> {
    let begin = Instant::now();
    let artifact = runtime.load(bytes, &settings())?;
    runtime.deploy(&SpaceName::parse(name)?, artifact, settings()).await?;
    runtime.call(name, "take", Bytes::new(), Delivery::default()).await?;
    Ok(begin.elapsed())
}

/// A host as `run` makes it, without HTTP, over a folder of components that it has seen before.
async fn together(sink: &[u8], bare: &BareCode, folder: &Path) -> Result<Figure> {
    let (dir, data) = (folder.join("spaces"), folder.join("data"));
    std::fs::create_dir(&dir)?;
    for number in 0..SPACES {
        std::fs::write(dir.join(format!("s{number}.wasm")), copy(sink, number))?;
    }
    start_host(&dir, &data).await.context("the first start, which compiles all")?;
    let (mut bare_start, mut known) = (Vec::new(), Vec::new());
    for _ in 0..RESTARTS {
        bare_start.push((0..SPACES).map(|_| start_bare(bare)).sum::<Result<Duration>>()?);
        known.push(start_host(&dir, &data).await?);
    }
    let reference = (bare_start, "as many from code to first reply, bare, in turn");
    Ok(figure(format!("{SPACES} known components ready"), known, reference, "1000"))
}

async fn start_host(dir: &Path, data: &Path) -> Result<Duration> {
    let begin = Instant::now();
    let runtime = open(data, Disk::All)?;
    let config = ReloadConfig { runtime: runtime.clone(), dir: dir.to_owned(), settings: None, development: true };
    let (reloads, _task) = Reloads::spawn(config)?;
    reloads.wait_first_scan().await;
    let ready = begin.elapsed();
    ensure!(runtime.spaces().len() == SPACES, "only {} spaces serve", runtime.spaces().len());
    reloads.shutdown().await;
    runtime.shutdown(Duration::from_secs(10)).await;
    Ok(ready)
}

fn figure(
    what: String,
    measured: Vec<Duration>,
    reference: (Vec<Duration>, &'static str),
    goal: &'static str,
) -> Figure {
    let middle = |times: Vec<Duration>| median(times.iter().map(|time| time.as_secs_f64() * 1e3).collect());
    Figure {
        what,
        unit: "ms",
        reference: Some(middle(reference.0)),
        reference_is: reference.1,
        measured: middle(measured),
        goal,
    }
}
