//! The traffic of the shop demo: every purchase of a real file, over HTTP, half-way the host's sudden end, and the shop's
//! own sums beside the file's.
//!
//! Must not know how the spaces reckon: it tells them titles and counts, and asks for totals. Fails when a command fails,
//! when the shop does not come to an end, or when the two sums are not the same.

mod customers;
mod purchases;

use super::Summary;
use crate::cli::child::ChildHost;
use crate::cli::client::Client;
use crate::cli::table::Table;
use anyhow::{Context, Result, bail};
use customers::{AT_ONCE, Shopping, command, title};
use purchases::{Purchase, Sums};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long the spaces may go on without any new sum before the demo gives up.
const STUCK_AFTER: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// The shop's sums, from `ledger/totals`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct Totals {
    orders: u64,
    customers: u64,
    cds: u64,
    cents: u64,
    settled_payments: u64,
    settled_cents: u64,
}

/// What the host's end half-way came to.
struct Outage {
    purchases: u64,
    took: Duration,
}

pub async fn replay(host: &mut ChildHost, folder: &Path, kill: bool) -> Result<Summary> {
    let file = folder.join("data/cdnow-sample.txt");
    let text = std::fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
    let purchases = purchases::read(&text).with_context(|| format!("{} is not as expected", file.display()))?;
    let expected = Sums::of(&purchases);
    let client = host.client.clone();
    let titles = stock(&client, &purchases).await?;
    let started = Instant::now();
    let shopping = Shopping::new(&client, purchases.len() as u64);
    let ((), outage) = tokio::try_join!(shopping.buy(purchases), outage(host, &shopping, kill))?;
    let seconds = started.elapsed().as_secs_f64();
    let counted = at_rest(&client, &expected).await?;
    let mut lines = compare(&counted, &expected)?;
    lines.push(format!("{titles} titles on sale, {AT_ONCE} customers at once"));
    let commands = shopping.commands();
    lines.push(format!("{commands} commands over HTTP in {seconds:.1} s: {:.0}/s", commands as f64 / seconds));
    lines.extend(outage.map(|outage| told(&outage, shopping.repeated())));
    Ok(Summary { lines, next: next() })
}

/// Kills the host when half of the purchases are made, and starts it again.
async fn outage(host: &mut ChildHost, shopping: &Shopping<'_>, kill: bool) -> Result<Option<Outage>> {
    if !kill {
        return Ok(None);
    }
    let purchases = shopping.half_way().await;
    let killed = Instant::now();
    host.kill().await?;
    host.start_again().await?;
    Ok(Some(Outage { purchases, took: killed.elapsed() }))
}

fn told(outage: &Outage, repeated: u64) -> String {
    let Outage { purchases, took } = outage;
    let seconds = took.as_secs_f64();
    format!(
        "the host was killed after {purchases} purchases and back after {seconds:.1} s; {repeated} commands were repeated"
    )
}

fn next() -> Vec<String> {
    let commands =
        ["call ledger totals", "call orders list --key 00004", "call payments paid --key 00004", "tail 'orders.*' &"];
    let more = [r#"call cart add '{"title": "cd-1499", "count": 2}' --key ada"#, "call cart checkout --key ada"];
    commands.into_iter().chain(more).map(str::to_owned).collect()
}

/// Puts a title on sale for each price that the purchases need; answers how many.
async fn stock(client: &Client, purchases: &[Purchase]) -> Result<usize> {
    let prices: BTreeSet<u64> = purchases.iter().flat_map(Purchase::prices).map(|(cents, _)| cents).collect();
    let titles: Vec<Value> = prices.iter().map(|cents| json!({ "title": title(*cents), "cents": cents })).collect();
    command(client, "catalog/stock", &[], &json!(titles)).await?;
    Ok(prices.len())
}

/// The sums when all is paid and settled, or when nothing has changed for long. The answers above came when the orders
/// were placed; payment follows by itself, and settling a second later.
async fn at_rest(client: &Client, expected: &Sums) -> Result<Totals> {
    let (mut before, mut changed) = (Totals::default(), Instant::now());
    loop {
        let now: Totals = serde_json::from_slice(&command(client, "ledger/totals", &[], &Value::Null).await?)?;
        let complete = now.orders >= expected.purchases && now.settled_payments >= expected.purchases;
        if complete || changed.elapsed() > STUCK_AFTER {
            return Ok(now);
        }
        if now != before {
            (before, changed) = (now, Instant::now());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The two sums side by side; a failure when they are not the same.
fn compare(counted: &Totals, expected: &Sums) -> Result<Vec<String>> {
    let rows = [
        ("purchases", counted.orders.to_string(), expected.purchases.to_string()),
        ("customers", counted.customers.to_string(), expected.customers.to_string()),
        ("CDs", counted.cds.to_string(), expected.cds.to_string()),
        ("paid", dollars(counted.cents), dollars(expected.cents)),
        ("settled payments", counted.settled_payments.to_string(), expected.purchases.to_string()),
        ("settled", dollars(counted.settled_cents), dollars(expected.cents)),
    ];
    let agree = rows.iter().all(|(_, spaces, file)| spaces == file);
    let mut table = Table::new(&["", "THE SPACES", "THE FILE", ""]);
    for (what, spaces, file) in rows {
        let verdict = if spaces == file { "the same" } else { "DIFFERENT" };
        table.row(vec![what.to_owned(), spaces, file, verdict.to_owned()]);
    }
    let lines = table.lines(|_, _, cell| cell);
    if !agree {
        bail!("the spaces have counted something else than the file says:\n{}", lines.join("\n"));
    }
    Ok(lines)
}

fn dollars(cents: u64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests;
