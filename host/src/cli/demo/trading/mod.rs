//! The traffic of the trading demo: a day of orders out of a seed, over HTTP, one client for each segment of the market; and
//! what the exchange has made of it beside what a plain reference makes of the same.
//!
//! Must not know how the spaces match or reckon. Fails when a command fails, when the exchange does not come to rest, when
//! an answer or anything at the end is another one than the reference's, or when the past does not repeat itself.

mod asked;
mod dice;
mod input;
mod picture;
mod reference;

use super::Summary;
use super::compared::{Row, compare};
use super::load::{Load, Step, command};
use super::rest::at_rest;
use super::trouble::Trouble;
use crate::cli::child::ChildHost;
use crate::cli::client::Client;
use anyhow::{Context, Result, bail};
use input::{SEGMENTS, Segment, What};
use picture::{Answer, Picture, Tally};
use reference::Exchange;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const SEED: u64 = 20_260_105;
/// The spaces that decide something; their turns of the past are tried again.
const DECIDING: [&str; 2] = ["book", "risk"];

/// What the reference makes of the input.
struct Expected {
    /// For each segment, action by action.
    answers: Vec<Vec<Answer>>,
    picture: Picture,
    breaches: u64,
    /// The shares of all orders that enter.
    shares: u64,
}

/// What was found in the answers.
#[derive(Default)]
struct Found {
    alike: AtomicU64,
    crossed: AtomicU64,
}

pub async fn replay(host: &mut ChildHost, trouble: Trouble) -> Result<Summary> {
    let segments = input::segments(SEED);
    let expected = expected(&segments);
    let client = host.client.clone();
    open_accounts(&client, &segments).await?;
    let actions = segments.iter().map(|segment| segment.actions.len() as u64).sum();
    let (load, found) = (Load::new(&client, actions, "actions")?, Found::default());
    let clients = segments.iter().zip(&expected.answers);
    let trading = load.run(clients, async |(segment, answers)| trade(&load, segment, answers, &found).await);
    let ((), came_to) = tokio::try_join!(trading, trouble.make(host, &load))?;
    let figures = load.figures();
    // The answers came when the orders had met; settling follows by itself, a second later.
    let work = at_rest(&client).await?;
    let seen = asked::picture(&client, &segments).await?;
    let mut rows = progress_rows(&seen, &expected, &found, actions);
    rows.extend(end_rows(&seen, &expected));
    rows.push(Row::new("messages set aside", work.dead_letters, 0));
    let mut lines = compare(&rows, "THE REFERENCE")?;
    lines.push(format!("all books, trades, tickers, bars, accounts and exposures together: {}", all(&seen)));
    for space in DECIDING {
        lines.push(tried_again(host, space).await?);
    }
    lines.push(format!("{SEGMENTS} segments of the market, each with a client of its own"));
    lines.push(figures.to_string());
    lines.extend(came_to);
    Ok(Summary { lines, figures: Some(figures), next: next() })
}

fn expected(segments: &[Segment]) -> Expected {
    let mut expected = Expected { answers: Vec::new(), picture: Picture::default(), breaches: 0, shares: 0 };
    for segment in segments {
        let mut exchange = Exchange::new(segment);
        let answers: Vec<_> = segment.actions.iter().map(|action| exchange.act(action)).collect();
        let entered =
            segment.actions.iter().zip(&answers).filter_map(|(action, answer)| match (&action.what, answer) {
                (What::Place(order), Answer::Placed { outcome: picture::Outcome::Entered, .. }) => Some(order.quantity),
                _ => None,
            });
        expected.shares += entered.sum::<u64>();
        expected.breaches += exchange.breaches;
        exchange.show(&mut expected.picture);
        expected.answers.push(answers);
    }
    expected
}

async fn open_accounts(client: &Client, segments: &[Segment]) -> Result<()> {
    for trader in segments.iter().flat_map(|segment| &segment.traders) {
        let key = [("spacehost-key", trader.name.as_str())];
        command(client, "risk/set-limits", &key, &json!(trader.limits)).await?;
    }
    Ok(())
}

/// One client: a segment's actions in order, each after the answer to the one before.
async fn trade(load: &Load<'_>, segment: &Segment, answers: &[Answer], found: &Found) -> Result<()> {
    for (number, (action, expected)) in segment.actions.iter().zip(answers).enumerate() {
        let (to, body) = match &action.what {
            What::Place(order) => ("book/place", json!(order)),
            What::Cancel(cancel) => ("book/cancel", json!(cancel)),
        };
        let (key, id) = (action.instrument.as_str(), format!("{}/{number}", segment.instruments[0]));
        let answer = load.once(Step { to, key: Some(key), id: &id, body: &body }).await?;
        let answer: Answer = serde_json::from_slice(&answer).with_context(|| format!("the answer to {to}"))?;
        found.alike.fetch_add(u64::from(answer == *expected), Relaxed);
        found.crossed.fetch_add(u64::from(answer.quote().is_crossed()), Relaxed);
        load.advance().await;
    }
    Ok(())
}

fn progress_rows(seen: &Picture, expected: &Expected, found: &Found, actions: u64) -> Vec<Row> {
    let tally = |what, of: fn(&Tally) -> u64| {
        let sum = |picture: &Picture| picture.sum(|instrument| of(&instrument.book.tally));
        Row::new(what, sum(seen), sum(&expected.picture))
    };
    vec![
        Row::new("answers as they should be", found.alike.load(Relaxed), actions),
        Row::new("answers with a crossed book", found.crossed.load(Relaxed), 0),
        tally("orders entered", |tally| tally.entered),
        tally("orders rejected", |tally| tally.rejected),
        tally("orders cancelled", |tally| tally.cancelled),
        tally("closed before meeting their own trader", |tally| tally.self_cancelled),
    ]
}

fn end_rows(seen: &Picture, expected: &Expected) -> Vec<Row> {
    let both = |what, of: &dyn Fn(&Picture) -> String| Row::new(what, of(seen), of(&expected.picture));
    vec![
        both("trades", &|all| all.sum(|one| one.trades.len() as u64).to_string()),
        both("shares traded", &|all| all.sum(|one| one.ticker.volume).to_string()),
        both("cents traded", &|all| all.sum(|one| one.trades.iter().map(picture::Trade::cents).sum()).to_string()),
        Row::new("shares traded twice, open and closed", shares(seen), expected.shares),
        both("open orders", &|all| all.sum(|one| one.resting().count() as u64).to_string()),
        both("books", &|all| all.digest(|all| all.instruments.values().map(|one| &one.book).collect())),
        both("trades, one by one", &|all| all.digest(|all| all.instruments.values().map(|one| &one.trades).collect())),
        both("tickers", &|all| all.digest(|all| all.instruments.values().map(|one| &one.ticker).collect())),
        both("bars", &|all| all.digest(|all| all.instruments.values().map(|one| &one.bars).collect())),
        Row::new("cash of all traders together", seen.cash(), 0),
        Row::new("instruments with shares too many or too few", seen.out_of_balance(), 0),
        both("accounts", &|all| all.digest(|all| all.traders.values().map(|one| &one.balance).collect())),
        both("exposures, and the most there ever were", &|all| {
            all.digest(|all| all.traders.values().map(|one| &one.risk).collect())
        }),
        Row::new("traders ever beyond a limit", seen.ever_beyond(), expected.breaches),
    ]
}

/// What has become of the shares of all orders: each trade has taken them from two.
fn shares(seen: &Picture) -> u64 {
    seen.sum(|one| {
        let open: u64 = one.resting().map(|order| order.quantity).sum();
        2 * one.ticker.volume + open + one.book.tally.closed_shares
    })
}

fn all(seen: &Picture) -> String {
    seen.digest(|all| {
        let instruments = all.instruments.values().map(|one| json!([one.book, one.trades, one.ticker, one.bars]));
        instruments.chain(all.traders.values().map(|one| json!([one.balance, one.risk]))).collect()
    })
}

/// Tries the last turns of a space on the component that it runs.
async fn tried_again(host: &ChildHost, space: &str) -> Result<String> {
    let file = host.spaces().join(space).with_extension("wasm");
    let component = std::fs::read(&file).with_context(|| format!("could not read {}", file.display()))?;
    let answer = host.client.post(&format!("/v1/spaces/{space}/replay?last=100"), component, &[]).await?;
    let replayed: Value = serde_json::from_slice(&answer).context("the host's answer is no replay")?;
    let (same, different) = (&replayed["same"], &replayed["different"]);
    if *different != 0 || *same == 0 {
        bail!("the last turns of `{space}` do not repeat themselves: {replayed}");
    }
    Ok(format!("{same} of the last turns of `{space}`, tried again: all the same"))
}

fn next() -> Vec<String> {
    let commands = [
        "call book show --key stock-0-0",
        "call market ticker --key stock-0-0",
        "call accounts show --key trader-0-0",
        "call risk show --key trader-0-0",
        "tail 'book.>' &",
        r#"call risk set-limits '{"credit_cents": 1000000, "position": 100}' --key ada"#,
        r#"call book place '{"trader": "ada", "number": 1, "side": "buy", "price": 6000, "quantity": 10}' --key stock-0-0"#,
    ];
    commands.map(str::to_owned).into()
}

#[cfg(test)]
mod tests;
