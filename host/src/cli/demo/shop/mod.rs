//! The traffic of the shop demo: every purchase of a real file, over HTTP, each customer's in order, and the shop's own sums
//! beside the file's.
//!
//! Must not know how the spaces reckon: it tells them titles and counts, and asks for totals. Fails when a command fails,
//! when the shop does not come to an end, or when the two sums are not the same.

mod purchases;

use super::Summary;
use super::compared::{Row, compare};
use super::load::{AT_ONCE, Load, Step, command};
use super::trouble::Trouble;
use crate::cli::child::ChildHost;
use crate::cli::client::Client;
use anyhow::{Context, Result};
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

pub async fn replay(host: &mut ChildHost, folder: &Path, trouble: Trouble) -> Result<Summary> {
    let file = folder.join("data/cdnow-sample.txt");
    let text = std::fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
    let purchases = purchases::read(&text).with_context(|| format!("{} is not as expected", file.display()))?;
    let expected = Sums::of(&purchases);
    let client = host.client.clone();
    let titles = stock(&client, &purchases).await?;
    let load = Load::new(&client, purchases.len() as u64, "purchases")?;
    let customers = purchases::by_customer(purchases);
    let shopping = load.run(customers, async |purchases| visit(&load, &purchases).await);
    let ((), came_to) = tokio::try_join!(shopping, trouble.make(host, &load))?;
    let figures = load.figures();
    let counted = at_rest(&client, &expected).await?;
    let mut lines = compare(&rows(&counted, &expected), "THE FILE")?;
    lines.push(format!("{titles} titles on sale, {AT_ONCE} customers at once"));
    lines.push(figures.to_string());
    lines.extend(came_to);
    Ok(Summary { lines, figures: Some(figures), next: next() })
}

/// One customer's purchases, one after the other.
async fn visit(load: &Load<'_>, purchases: &[Purchase]) -> Result<()> {
    for (number, purchase) in purchases.iter().enumerate() {
        let made = buy(load, number, purchase).await;
        made.with_context(|| format!("the purchase of customer {} on {}", purchase.customer, purchase.day))?;
        load.advance().await;
    }
    Ok(())
}

/// Fills a cart and buys it.
async fn buy(load: &Load<'_>, number: usize, purchase: &Purchase) -> Result<()> {
    let key = Some(purchase.customer.as_str());
    let id = |what: &str| format!("{}/{number}/{what}", purchase.customer);
    for (cents, count) in purchase.prices() {
        let body = json!({ "title": title(cents), "count": count });
        load.once(Step { to: "cart/add", key, id: &id(&title(cents)), body: &body }).await?;
    }
    let day = json!({ "day": purchase.day });
    load.once(Step { to: "cart/checkout", key, id: &id("checkout"), body: &day }).await?;
    Ok(())
}

/// How a CD of that price is called.
fn title(cents: u64) -> String {
    format!("cd-{cents}")
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

fn rows(counted: &Totals, expected: &Sums) -> [Row; 6] {
    [
        Row::new("purchases", counted.orders, expected.purchases),
        Row::new("customers", counted.customers, expected.customers),
        Row::new("CDs", counted.cds, expected.cds),
        Row::new("paid", dollars(counted.cents), dollars(expected.cents)),
        Row::new("settled payments", counted.settled_payments, expected.purchases),
        Row::new("settled", dollars(counted.settled_cents), dollars(expected.cents)),
    ]
}

fn dollars(cents: u64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests;
