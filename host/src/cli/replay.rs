//! `replay`: tries a new version on the past of a space, with the host that runs or on its data folder.
//!
//! Must not know how a replay goes. Without a host it works on a private copy, because opening a data folder changes it.
//! Fails when something differs, so that scripts see it.

use super::client::Client;
use super::connect::HostArgs;
use super::failure::Failure;
use super::output;
use super::style::{Style, printable};
use crate::http::access::read_folder;
use crate::reload::{read_host_settings, read_space_settings};
use crate::runtime::replay::{Bounds, Replayed};
use crate::runtime::{Place, Runtime, RuntimeConfig};
use crate::store::ledger::Retention;
use crate::store::{Store, StoreConfig, copy};
use crate::words::{SpaceName, SpaceSettings};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// On a data folder nobody else waits.
const TIME: Duration = Duration::from_secs(600);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The space
    space: SpaceName,
    /// The new version, a .wasm file. It is only tried, never put to service
    #[arg(long, value_name = "FILE")]
    with: PathBuf,
    /// How many messages, from the last one back
    #[arg(short = 'n', long, default_value_t = 100)]
    last: usize,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// The operator's settings, for a data folder on which no host runs
    #[arg(long, default_value = "spacehost.toml", value_name = "FILE")]
    settings: PathBuf,
    #[command(flatten)]
    host: HostArgs,
}

pub async fn replay(args: Args) -> Result<()> {
    let component = std::fs::read(&args.with).with_context(|| format!("could not read {}", args.with.display()))?;
    let replayed = match by_host(&args, component.clone()).await {
        Err(error) if is_unreachable(&error) && args.host.url.is_none() => {
            match args.host.data.join("journal").exists() {
                true => on_folder(&args, component).await?,
                false => return Err(error),
            }
        }
        answered => answered?,
    };
    match args.json {
        true => output::json(&replayed)?,
        false => show(&replayed)?,
    }
    match replayed.different {
        0 => Ok(()),
        _ => bail!("{} does not do the same with the messages of the past", args.with.display()),
    }
}

async fn by_host(args: &Args, component: Vec<u8>) -> Result<Replayed> {
    let path = format!("/v1/spaces/{}/replay?last={}", args.space, args.last);
    let answer = Client::new(&args.host.find()?)?.post(&path, component, &[]).await?;
    serde_json::from_slice(&answer).context("the host's answer is no replay")
}

fn is_unreachable(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Failure::Unreachable { .. }))
}

/// On a copy of the data folder, with a runtime in which no turn begins.
async fn on_folder(args: &Args, component: Vec<u8>) -> Result<Replayed> {
    let data = &args.host.data;
    eprintln!("no host runs on {}: the new version is tried on a private copy of it", data.display());
    let settings = settings(args, data)?;
    let private =
        tempfile::tempdir().context("could not make a temporary folder: set TMPDIR to where there is room")?;
    copy(data, private.path())
        .with_context(|| format!("could not copy {} into {}", data.display(), private.path().display()))?;
    // Nothing of the past is retired while it is read.
    let retention = Retention { bytes: u64::MAX, age: Duration::MAX };
    let store = Store::open(private.path(), &StoreConfig { retention, ..StoreConfig::default() })?;
    let config = RuntimeConfig { executors: 1, compiler: Place::apart(), ..RuntimeConfig::default() };
    let runtime = Runtime::start_on(config, store)?;
    let replayed = on_runtime(&runtime, args, component, settings).await;
    runtime.shutdown(Duration::ZERO).await;
    replayed
}

async fn on_runtime(runtime: &Runtime, args: &Args, component: Vec<u8>, settings: SpaceSettings) -> Result<Replayed> {
    let (loader, limits) = (runtime.clone(), settings.clone());
    let loaded = tokio::task::spawn_blocking(move || loader.load(&component, &limits)).await?;
    let artifact = loaded.with_context(|| format!("{} is no space that this host can run", args.with.display()))?;
    let bounds = Bounds { messages: args.last, time: TIME };
    Ok(runtime.replay(&args.space, &artifact, &settings, bounds).await?)
}

/// Those that the host would give the space.
fn settings(args: &Args, data: &Path) -> Result<SpaceSettings> {
    let host = read_host_settings(&args.settings)?;
    match read_folder(data) {
        Some(folder) => read_space_settings(&host, &args.space, &folder),
        None => Ok(host.space(&args.space)),
    }
}

fn show(replayed: &Replayed) -> Result<()> {
    for line in lines(replayed, Style::of_stdout()) {
        output::line(line)?;
    }
    Ok(())
}

/// What was recorded in red, what the candidate does in green.
fn lines(replayed: &Replayed, style: Style) -> Vec<String> {
    let coloured = |line: &str| {
        let line = printable(line);
        match line.trim_start() {
            text if text.starts_with("- ") => style.bad(&line),
            text if text.starts_with("+ ") => style.good(&line),
            _ => line,
        }
    };
    replayed.to_string().lines().map(coloured).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::replay::{Told, Verdict};

    #[test]
    fn the_counts_come_first_and_then_the_difference() {
        let told = |lines| Told {
            message: "7-0".into(),
            sequence: 9,
            partition: 0,
            kind: "command".into(),
            name: "run".into(),
            lines,
        };
        let mut replayed = Replayed::default();
        replayed.count(Verdict::Different(vec!["- reply 1".into(), "+ reply 2".into()]), told);
        assert_eq!(
            lines(&replayed, Style::plain()),
            [
                "1 recorded message: 0 the same, 1 different, 0 not comparable, 0 not tried",
                "message 7-0: command `run` (turn 9, partition 0)",
                "  - reply 1",
                "  + reply 2"
            ]
        );
    }
}
