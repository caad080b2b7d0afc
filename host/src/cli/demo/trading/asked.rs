//! The picture of the exchange as its spaces tell it, command by command.
//!
//! Owns which space is asked for what. Must not know what the answers should be. Fails when a space does not answer, or
//! answers something of another form.

use super::super::load::ask;
use super::input::Segment;
use super::picture::{Holding, Instrument, Picture, Seen, Trade};
use crate::cli::client::Client;
use anyhow::Result;
use serde_json::{Value, json};

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
        book: ask(client, "book/show", Some(name), &Value::Null).await?,
        trades: trades(client, name).await?,
        ticker: ask(client, "market/ticker", Some(name), &Value::Null).await?,
        bars: ask(client, "market/bars", Some(name), &Value::Null).await?,
    })
}

/// Page by page.
async fn trades(client: &Client, name: &str) -> Result<Vec<Trade>> {
    let mut trades: Vec<Trade> = Vec::new();
    loop {
        let after = trades.last().map_or(0, |trade| trade.number);
        let page: Vec<Trade> = ask(client, "execution/trades", Some(name), &json!({ "after": after })).await?;
        if page.is_empty() {
            return Ok(trades);
        }
        trades.extend(page);
    }
}

async fn seen(client: &Client, trader: &str) -> Result<Seen> {
    let balance = ask(client, "accounts/show", Some(trader), &Value::Null).await?;
    let mut seen = Seen { balance, risk: ask(client, "risk/show", Some(trader), &Value::Null).await? };
    // Of an instrument of which all his orders were refused, he has nothing.
    seen.risk.holdings.retain(|_, held| *held != Holding::default());
    Ok(seen)
}
