//! What the daemon says about itself, on standard error.
//!
//! Owns the tracing subscriber of the process: `SPACEHOST_LOG` chooses levels (such as `info` or `spacehost=debug`),
//! `SPACEHOST_LOG_FORMAT=json` gives one JSON object per line. Must not know who logs. Fails on settings that cannot be
//! read.

use anyhow::{Context, Result, anyhow, bail};
use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

const FILTER: &str = "SPACEHOST_LOG";
const FORMAT: &str = "SPACEHOST_LOG_FORMAT";

/// Starts it, with `usual` where the environment names no filter. Once per process.
pub fn start(usual: &str) -> Result<()> {
    let filter = match std::env::var(FILTER) {
        Ok(given) => {
            EnvFilter::try_new(&given).with_context(|| format!("{FILTER}={given} is no filter of log levels"))?
        }
        // The database tells of its own housekeeping at this level; only what goes wrong there is of interest.
        Err(_) => EnvFilter::new(format!("{usual},fjall=warn,lsm_tree=warn")),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let colours = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let started = match std::env::var(FORMAT).as_deref() {
        Ok("json") => lines.json().finish().try_init(),
        Ok("text") | Err(_) => lines.with_ansi(colours).with_target(false).finish().try_init(),
        Ok(other) => bail!("{FORMAT}={other} is not understood: it may be `text` or `json`"),
    };
    started.map_err(|error| anyhow!("could not start the log: {error}"))
}
