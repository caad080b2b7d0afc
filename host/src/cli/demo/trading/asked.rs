//! The picture of the exchange as its spaces tell it, command by command.
//!
//! Owns which space is asked for what. Must not know what the answers should be. Fails when a space does not answer, answers
//! something else than it should, or when nothing moves for long and not all is settled.

use super::super::load::command;
use super::input::Segment;
use super::picture::{Holding, Instrument, Picture, Seen, Trade};
use crate::cli::client::Client;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long the spaces may go on without settling anything before the demo gives up.
const STUCK_AFTER: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
struct Progress {
    trades: u64,
    unsettled: u64,
}

/// Returns when all trades are settled. All else has happened before the last order was answered, but settling follows by
/// itself, a second later.
pub async fn at_rest(client: &Client, expected: &Picture) -> Result<()> {
    let (mut before, mut changed) = (Vec::new(), Instant::now());
    loop {
        let mut now = Vec::new();
        for (name, instrument) in &expected.instruments {
            let Progress { trades, unsettled } = ask(client, "execution/progress", name, &Value::Null).await?;
            now.push((instrument.trades.len() as u64 - trades.min(instrument.trades.len() as u64), unsettled));
        }
        if now.iter().all(|waiting| *waiting == (0, 0)) {
            return Ok(());
        }
        if changed.elapsed() > STUCK_AFTER {
            bail!("nothing is settled any more, and of each instrument there wait (trades, postings): {now:?}");
        }
        if now != before {
            (before, changed) = (now, Instant::now());
        }
        tokio::time::sleep(POLL).await;
    }
}

pub async fn picture(client: &Client, segments: &[Segment]) -> Result<Picture> {
    let mut picture = Picture::default();
    for name in segments.iter().flat_map(|segment| &segment.instruments) {
        picture.instruments.insert(name.clone(), instrument(client, name).await?);
    }
    for trader in segments.iter().flat_map(|segment| &segment.traders) {
        picture.traders.insert(trader.name.clone(), seen(client, &trader.name).await?);
    }
    Ok(picture)
}

async fn instrument(client: &Client, name: &str) -> Result<Instrument> {
    Ok(Instrument {
        book: ask(client, "book/show", name, &Value::Null).await?,
        trades: trades(client, name).await?,
        ticker: ask(client, "market/ticker", name, &Value::Null).await?,
        bars: ask(client, "market/bars", name, &Value::Null).await?,
    })
}

/// Page by page.
async fn trades(client: &Client, name: &str) -> Result<Vec<Trade>> {
    let mut trades: Vec<Trade> = Vec::new();
    loop {
        let after = trades.last().map_or(0, |trade| trade.number);
        let page: Vec<Trade> = ask(client, "execution/trades", name, &json!({ "after": after })).await?;
        if page.is_empty() {
            return Ok(trades);
        }
        trades.extend(page);
    }
}

async fn seen(client: &Client, trader: &str) -> Result<Seen> {
    let balance = ask(client, "accounts/show", trader, &Value::Null).await?;
    let mut seen = Seen { balance, risk: ask(client, "risk/show", trader, &Value::Null).await? };
    // Of an instrument of which all his orders were refused, he has nothing.
    seen.risk.holdings.retain(|_, held| *held != Holding::default());
    Ok(seen)
}

async fn ask<T: DeserializeOwned>(client: &Client, address: &str, key: &str, body: &Value) -> Result<T> {
    let answer = command(client, address, &[("spacehost-key", key)], body).await?;
    serde_json::from_slice(&answer).with_context(|| format!("the answer of {address} for {key}"))
}
