//! `run`: the daemon in the foreground.
//!
//! Must not know how a host works. Fails as the host fails to start, and with a usage error for what can never work.

use super::failure::Failure;
use super::output;
use super::signals::{shutdown_on_signal, shutdown_on_signal_or_end_of_input};
use crate::http::{IDEMPOTENCY_KEYS, access::token_file};
use crate::reload::read_host_settings;
use crate::runtime::{Place, RuntimeConfig};
use crate::store::StoreConfig;
use crate::telemetry::{self, LogFormat, TraceExport};
use crate::words::JournalSettings;
use crate::{Host, RunConfig};
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

const SPACES: &str = "spaces";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of .wasm files
    #[arg(default_value = SPACES)]
    dir: PathBuf,
    /// Where to listen; port 0 takes any free one [default: 127.0.0.1:7070]
    #[arg(long, env = "SPACEHOST_LISTEN")]
    listen: Option<SocketAddr>,
    /// Where the host keeps its token and data [default: spacehost-data]
    #[arg(long, value_name = "DIR", env = "SPACEHOST_DATA")]
    data: Option<PathBuf>,
    /// The operator's settings; the command line goes before them
    #[arg(long, default_value = "spacehost.toml", value_name = "FILE")]
    settings: PathBuf,
    /// Threads that run spaces; default: one per core
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    executors: Option<u16>,
    /// Keep everything in memory: faster, and nothing outlives the process
    #[arg(long)]
    memory: bool,
    /// Go on without what a damaged data folder cannot give back; what is set aside and lost is logged
    #[arg(long, conflicts_with = "memory")]
    accept_loss: bool,
    /// For development: grants all spaces all messaging, and refuses addresses other than loopback
    #[arg(long)]
    dev: bool,
    /// How the host's log looks: for people, or one JSON object per line [default: pretty]
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// End when standard input does, too: for a program that starts the host as its child
    #[arg(long)]
    until_input_ends: bool,
}

pub async fn run(args: Args) -> Result<()> {
    telemetry::start("info", args.log_format)?;
    let shutdown = if args.until_input_ends { shutdown_on_signal_or_end_of_input()? } else { shutdown_on_signal()? };
    prepare(&args.dir)?;
    let dev = args.dev;
    let config = configure(args)?;
    if dev && !config.listen.ip().is_loopback() {
        let refused =
            format!("--dev is for this machine alone, so it does not listen on {}: use 127.0.0.1", config.listen);
        return Err(Failure::usage(refused));
    }
    let started = started(&config);
    let host = Host::start(config).await?;
    output::line(started(host.address()))?;
    host.serve(shutdown).await
}

/// The command line goes before the file, and the file before the defaults.
fn configure(args: Args) -> Result<RunConfig> {
    let file = read_host_settings(&args.settings)?;
    let traces = TraceExport::read(&file.traces, |name| std::env::var(name).ok())?;
    let defaults = RuntimeConfig::default();
    Ok(RunConfig {
        spaces: args.dir,
        data: args.data.or(file.data).unwrap_or_else(|| "spacehost-data".into()),
        listen: args.listen.or(file.listen).unwrap_or_else(default_address),
        executors: args.executors.map(usize::from).or(file.executors).unwrap_or(defaults.executors),
        names: file.names,
        settings: Some(args.settings),
        development: args.dev,
        swap_wait: file.swap_wait.unwrap_or(defaults.swap_wait),
        memory_bytes: file.memory_bytes,
        idempotency_keys: file.idempotency_keys.unwrap_or(IDEMPOTENCY_KEYS),
        memory: args.memory,
        store: StoreConfig { accept_loss: args.accept_loss, ..store_config(&file.journal) },
        compiler: Place::apart(),
        traces,
    })
}

/// What the file leaves out is as the store has it.
fn store_config(file: &JournalSettings) -> StoreConfig {
    let mut config = StoreConfig::default();
    config.segment_bytes = file.segment_bytes.unwrap_or(config.segment_bytes);
    config.retention.bytes = file.retention_bytes.unwrap_or(config.retention.bytes);
    config.retention.age = file.retention_age.unwrap_or(config.retention.age);
    config
}

/// The usual folder is made; another one that is not there is more likely a slip of the pen.
fn prepare(folder: &Path) -> Result<()> {
    if folder == Path::new(SPACES) {
        std::fs::create_dir_all(folder).with_context(|| format!("could not create the folder {}", folder.display()))?;
    }
    if folder.is_dir() {
        return Ok(());
    }
    Err(Failure::usage(format!("there is no folder {}: create it, then start again", folder.display())))
}

/// The line that says where everything is, once the address is known.
fn started(config: &RunConfig) -> impl FnOnce(SocketAddr) -> String + use<> {
    let (spaces, token) = (config.spaces.display().to_string(), token_file(&config.data).display().to_string());
    move |address| {
        format!("spacehost listens on http://{address} (dashboard and API), watches {spaces}, token in {token}")
    }
}

pub fn default_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7070))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::AllowedNames;
    use std::time::Duration;

    #[test]
    fn the_first_line_says_where_everything_is() {
        let config = RunConfig {
            spaces: "spaces".into(),
            data: "d".into(),
            listen: default_address(),
            executors: 1,
            names: AllowedNames::default(),
            settings: None,
            development: false,
            swap_wait: Duration::ZERO,
            memory_bytes: None,
            idempotency_keys: IDEMPOTENCY_KEYS,
            memory: true,
            store: StoreConfig::default(),
            compiler: Place::Here,
            traces: None,
        };
        let line = started(&config)(default_address());
        assert_eq!(
            line,
            "spacehost listens on http://127.0.0.1:7070 (dashboard and API), watches spaces, token in d/token"
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_a_usage_error() {
        let error = prepare(Path::new("/no/such/folder")).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Failure::Usage(_))));
    }
}
