//! Waiting until a system has come to rest: no message is on its way and no timer is set, in any space.
//!
//! Must not know what the system does; one with timers that repeat never rests. Fails when it goes on for long without
//! getting anywhere.

use crate::cli::client::Client;
use anyhow::{Context, Result, bail};
use std::time::{Duration, Instant};

/// How long nothing may be handled while something waits.
const STUCK_AFTER: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(30);

/// What the spaces have done and still have to do, all together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    pub turns: u64,
    waiting: u64,
    pub dead_letters: u64,
}

/// Answers what was done when nothing is left to do. One look is not enough, because the spaces are looked at one after the
/// other: two looks with no turn between them are.
pub async fn at_rest(client: &Client) -> Result<Work> {
    let (mut before, mut changed) = (work(client).await?, Instant::now());
    loop {
        tokio::time::sleep(POLL).await;
        let now = work(client).await?;
        if now == before && now.waiting == 0 {
            return Ok(now);
        }
        if now != before {
            (before, changed) = (now, Instant::now());
        } else if changed.elapsed() > STUCK_AFTER {
            bail!("{} messages and timers wait, and none is handled", now.waiting);
        }
    }
}

pub async fn work(client: &Client) -> Result<Work> {
    let answer = client.get("/v1/spaces").await?;
    let spaces = answer["spaces"].as_array().context("the host lists no spaces")?;
    let sum = |field: &str| -> Result<u64> {
        let figures = spaces.iter().map(|space| space["usage"][field].as_u64());
        figures.sum::<Option<u64>>().with_context(|| format!("the host tells no {field}"))
    };
    let waiting = sum("backlog_messages")? + sum("timers")? + sum("missed_events")?;
    Ok(Work { turns: sum("turns")?, waiting, dead_letters: sum("dead_letters")? })
}
