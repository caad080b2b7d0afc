//! The customers of the shop demo: many at once, each one's purchases in order, each command done once.
//!
//! Owns how far they have come, and the repetition of commands: whatever becomes of the host, a command is sent again under
//! its Idempotency-Key until it is answered. Must not know why a host is gone. Fails when a command is refused for good, or
//! when nobody has answered it for long.

use super::purchases::{self, Purchase};
use crate::cli::client::{Client, may_pass};
use crate::cli::progress::counting;
use anyhow::{Context, Result};
use futures::{TryStreamExt, stream};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How many customers shop at the same time; each one waits for each answer.
pub const AT_ONCE: usize = 32;
/// How long a command is repeated.
const PATIENCE: Duration = Duration::from_secs(60);
const AGAIN_AFTER: Duration = Duration::from_millis(20);

pub struct Shopping<'a> {
    client: &'a Client,
    bar: ProgressBar,
    all: u64,
    purchases: AtomicU64,
    commands: AtomicU64,
    repeated: AtomicU64,
    half_way: Notify,
}

impl<'a> Shopping<'a> {
    pub fn new(client: &'a Client, all: u64) -> Self {
        let (purchases, commands, repeated) = Default::default();
        let (bar, half_way) = (counting(all, "purchases"), Notify::new());
        Shopping { client, bar, all, purchases, commands, repeated, half_way }
    }

    /// All customers buy all that they have bought.
    pub async fn buy(&self, purchases: Vec<Purchase>) -> Result<()> {
        let customers = purchases::by_customer(purchases).into_iter().map(anyhow::Ok);
        let visits = stream::iter(customers).try_for_each_concurrent(AT_ONCE, |purchases| self.visit(purchases));
        let result = visits.await;
        self.bar.finish_and_clear();
        result
    }

    /// Returns when half of the purchases are made, and answers how many are.
    pub async fn half_way(&self) -> u64 {
        self.half_way.notified().await;
        self.purchases.load(Ordering::Relaxed)
    }

    /// How many were answered.
    pub fn commands(&self) -> u64 {
        self.commands.load(Ordering::Relaxed)
    }

    /// How many of them were sent more than once.
    pub fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// One customer's purchases, one after the other.
    async fn visit(&self, purchases: Vec<Purchase>) -> Result<()> {
        for (number, purchase) in purchases.iter().enumerate() {
            let made = self.purchase(number, purchase).await;
            made.with_context(|| format!("the purchase of customer {} on {}", purchase.customer, purchase.day))?;
            self.bar.inc(1);
            if self.purchases.fetch_add(1, Ordering::Relaxed) + 1 == self.all.div_ceil(2) {
                self.half_way.notify_one();
            }
        }
        Ok(())
    }

    /// Fills a cart and buys it.
    async fn purchase(&self, number: usize, purchase: &Purchase) -> Result<()> {
        let name = |what: &str| format!("{}/{number}/{what}", purchase.customer);
        for (cents, count) in purchase.prices() {
            let body = json!({ "title": title(cents), "count": count });
            self.once("cart/add", purchase, &name(&title(cents)), &body).await?;
        }
        self.once("cart/checkout", purchase, &name("checkout"), &json!({ "day": purchase.day })).await
    }

    /// Sends a command until it is answered. It has its effects once, because its key is the same each time.
    async fn once(&self, address: &str, purchase: &Purchase, key: &str, body: &Value) -> Result<()> {
        let headers = [("spacehost-key", purchase.customer.as_str()), ("idempotency-key", key)];
        let (first, mut times) = (Instant::now(), 0);
        loop {
            times += 1;
            match command(self.client, address, &headers, body).await {
                Err(error) if may_pass(&error) && first.elapsed() < PATIENCE => tokio::time::sleep(AGAIN_AFTER).await,
                answered => {
                    self.commands.fetch_add(1, Ordering::Relaxed);
                    self.repeated.fetch_add(u64::from(times > 1), Ordering::Relaxed);
                    return answered.map(drop);
                }
            }
        }
    }
}

/// How a CD of that price is called.
pub fn title(cents: u64) -> String {
    format!("cd-{cents}")
}

/// Sends a command and waits for its reply.
pub async fn command(client: &Client, address: &str, headers: &[(&str, &str)], body: &Value) -> Result<Vec<u8>> {
    let (space, name) = address.split_once('/').context("an address is space/command")?;
    client.post(&format!("/v1/spaces/{space}/commands/{name}"), serde_json::to_vec(body)?, headers).await
}
