//! The traffic of the shop demo: every purchase of a real file, over HTTP, each customer's in order, and what has become of the
//! orders beside what a plain reckoning of the same file comes to.
//!
//! Must not know how the spaces reckon: it tells them titles and counts, and asks for totals and events. Fails when a command
//! fails, when the shop does not come to rest, or when any number of the two is not the same.

mod baskets;
mod expected;
mod purchases;
mod seen;

use super::compared::{Row, compare};
use super::load::{AT_ONCE, Load, Step, ask, command};
use super::past::Past;
use super::rest::at_rest;
use super::trouble::Trouble;
use super::{SETTINGS, Summary, text};
use crate::cli::child::ChildHost;
use crate::cli::client::Client;
use anyhow::{Context, Result};
use baskets::{Basket, Supply};
use expected::{Expected, Outcome, Sums};
use seen::Seen;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The shop's sums, from `ledger/totals`.
#[derive(Debug, Default, PartialEq, Deserialize)]
struct Totals {
    customers: u64,
    paid: Sums,
    declined: Sums,
    out_of_stock: Sums,
    settled_payments: u64,
    settled_cents: u64,
}

pub async fn replay(host: &mut ChildHost, folder: &Path, trouble: Trouble) -> Result<Summary> {
    let limit = card_limit_cents(&folder.join(SETTINGS))?;
    let baskets = baskets::of(&purchases(&folder.join("data/cdnow-sample.txt"))?, limit);
    let supplies = baskets::supplies(&baskets);
    let expected = expected::of(&baskets, &supplies, limit);
    let client = host.client.clone();
    let past = Past::begin(&client).await?;
    stock(&client, &supplies).await?;
    let load = Load::new(&client, baskets.len() as u64, "purchases")?;
    let customers = baskets::by_customer(&baskets);
    let shopping = load.run(customers, async |baskets| visit(&load, &baskets).await);
    let ((), came_to) = tokio::try_join!(shopping, trouble.make(host, &load))?;
    let figures = load.figures();
    // The answers came when the orders were placed. The rest follows by itself, and settling a second later.
    let work = at_rest(&client).await?;
    let totals = ask(&client, "ledger/totals", None, &Value::Null).await?;
    let mut seen = Seen::default();
    let events = past.read(&client, |topic, data| seen.look(topic, data)).await?;
    let mut rows = order_rows(&totals, &expected);
    rows.extend(event_rows(&seen, &expected, &supplies));
    rows.push(Row::new("messages set aside", work.dead_letters, 0));
    let mut lines = compare(&rows, "THE FILE")?;
    lines.push(format!("{} titles, {AT_ONCE} customers at once, {events} events", supplies.len()));
    lines.push(figures.to_string());
    lines.extend(came_to);
    Ok(Summary { lines, figures: Some(figures), next: next() })
}

fn purchases(file: &Path) -> Result<Vec<purchases::Purchase>> {
    purchases::read(&text(file)?).with_context(|| format!("{} is not as expected", file.display()))
}

/// What the operator has set, so that spaces and demo are told the same.
fn card_limit_cents(file: &Path) -> Result<u64> {
    let settings: toml::Value =
        toml::from_str(&text(file)?).with_context(|| format!("{} is no TOML", file.display()))?;
    let limit =
        ["spaces", "payments", "config", "card_limit_cents"].iter().try_fold(&settings, |at, name| at.get(name));
    let limit = limit.and_then(toml::Value::as_integer).and_then(|limit| u64::try_from(limit).ok());
    limit.with_context(|| format!("{} sets no card_limit_cents for payments", file.display()))
}

/// One customer's purchases, one after the other.
async fn visit(load: &Load<'_>, baskets: &[&Basket]) -> Result<()> {
    for (number, basket) in baskets.iter().enumerate() {
        let bought = buy(load, number, basket).await;
        bought.with_context(|| format!("the purchase of customer {} on {}", basket.customer, basket.day))?;
        load.advance().await;
    }
    Ok(())
}

/// Fills a cart and buys it.
async fn buy(load: &Load<'_>, number: usize, basket: &Basket) -> Result<()> {
    let key = Some(basket.customer.as_str());
    let id = |what: &str| format!("{}/{number}/{what}", basket.customer);
    for line in &basket.lines {
        let body = json!({ "title": line.title, "count": line.count });
        load.once(Step { to: "cart/add", key, id: &id(&line.title), body: &body }).await?;
    }
    let day = json!({ "day": basket.day });
    load.once(Step { to: "cart/checkout", key, id: &id("checkout"), body: &day }).await?;
    Ok(())
}

/// Puts all titles on sale, and as many CDs of each into stock as there are.
async fn stock(client: &Client, supplies: &BTreeMap<String, Supply>) -> Result<()> {
    let offers = supplies.iter().map(|(title, supply)| json!({ "title": title, "cents": supply.cents }));
    command(client, "catalog/offer", &[], &offers.collect()).await?;
    let load = Load::new(client, supplies.len() as u64, "titles")?;
    let supply = async |(title, supply): (&String, &Supply)| {
        let (id, body) = (format!("supply/{title}"), json!(supply.count));
        load.once(Step { to: "inventory/supply", key: Some(title), id: &id, body: &body }).await?;
        load.advance().await;
        Ok(())
    };
    load.run(supplies, supply).await
}

/// What the ledger has added up.
fn order_rows(totals: &Totals, expected: &Expected) -> Vec<Row> {
    let all = [totals.paid, totals.declined, totals.out_of_stock].into_iter().sum();
    let mut rows = vec![Row::new("customers", totals.customers, expected.customers)];
    rows.extend(sum_rows(["orders", "CDs", "dollars"], all, expected.all()));
    rows.extend(sum_rows(["orders paid", "CDs paid", "dollars paid"], totals.paid, expected.paid));
    let declined = ["orders declined", "CDs declined", "dollars declined"];
    rows.extend(sum_rows(declined, totals.declined, expected.declined));
    let out_of_stock = ["orders out of stock", "CDs out of stock", "dollars out of stock"];
    rows.extend(sum_rows(out_of_stock, totals.out_of_stock, expected.out_of_stock));
    rows.push(Row::new("payments settled", totals.settled_payments, expected.paid.orders));
    rows.push(Row::new("dollars settled", dollars(totals.settled_cents), dollars(expected.paid.cents)));
    rows
}

fn sum_rows([orders, cds, cents]: [&'static str; 3], of: Sums, expected: Sums) -> [Row; 3] {
    [
        Row::new(orders, of.orders, expected.orders),
        Row::new(cds, of.cds, expected.cds),
        Row::new(cents, dollars(of.cents), dollars(expected.cents)),
    ]
}

/// What the events tell, step by step.
fn event_rows(seen: &Seen, expected: &Expected, supplies: &BTreeMap<String, Supply>) -> Vec<Row> {
    let sum = |of: fn(&seen::Stock) -> i64| seen.stocks.values().map(of).sum::<i64>();
    let came_in: u64 = supplies.values().map(|supply| supply.count).sum();
    let as_left =
        |(title, left): &(&String, &u64)| seen.stocks.get(*title).is_some_and(|stock| stock.left == **left as i64);
    let alike = |(id, outcome): &(&(String, u32), &Outcome)| seen.outcomes.get(*id) == Some(*outcome);
    let [paid, declined, out_of_stock] = seen.notices;
    vec![
        Row::new(
            "orders outside the sale, one by one",
            expected.outcomes.iter().filter(alike).count(),
            expected.outcomes.len(),
        ),
        Row::new("orders that ended twice", seen.ended_again, 0),
        Row::new("CDs that came in", sum(|stock| stock.came_in), came_in),
        Row::new("CDs sold", sum(|stock| stock.sold), expected.paid.cds),
        Row::new("CDs left", sum(|stock| stock.left), came_in - expected.paid.cds),
        Row::new("CDs still set aside", sum(|stock| stock.held), 0),
        Row::new("titles of which as many are left", expected.left.iter().filter(as_left).count(), expected.left.len()),
        Row::new("steps of stock", seen.steps, expected.steps),
        Row::new("steps to below zero, or that do not add up", seen.wrong, 0),
        Row::new("orders refused a title, for want of it", seen.refused, expected.out_of_stock.orders),
        Row::new("refused though enough was left", seen.needless, 0),
        Row::new("customers told of an order paid", paid, expected.paid.orders),
        Row::new("customers told of an order declined", declined, expected.declined.orders),
        Row::new("customers told of an order out of stock", out_of_stock, expected.out_of_stock.orders),
        Row::new("told twice, too early, or something else", seen.misplaced, 0),
    ]
}

fn dollars(cents: u64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

fn next() -> Vec<String> {
    let commands = [
        "call ledger totals",
        "call orders list --key 00004",
        "call notifications inbox --key 00004",
        "tail 'orders.*' &",
        "call inventory supply 10 --key cd-1499",
        r#"call cart add '{"title": "cd-1499", "count": 2}' --key ada"#,
        "call cart checkout --key ada",
    ];
    commands.map(str::to_owned).into()
}

#[cfg(test)]
mod tests;
