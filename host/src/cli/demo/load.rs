//! The load of a demo: many clients at once, each one's steps in order, each step done once.
//!
//! Owns how far the input is through, how fast it goes, what was sent and how long it took; whatever becomes of the host, a command is sent
//! again under its Idempotency-Key until it is answered. Must not know why a host is gone, nor what a step is for. Fails
//! when a command is refused for good, or when nobody has answered it for long.

use super::pace::Pace;
use crate::cli::client::{Client, may_pass};
use crate::cli::progress::counting;
use anyhow::{Context, Result};
use futures::{TryStreamExt, stream};
use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How many clients there are at the same time; each one waits for each answer.
pub const AT_ONCE: usize = 32;
/// How long a command is repeated.
const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_US: u64 = 600_000_000;
const AGAIN_AFTER: Duration = Duration::from_millis(20);

pub struct Load<'a> {
    client: &'a Client,
    bar: ProgressBar,
    /// How much input there is, and how much of it is through.
    all: u64,
    what: &'static str,
    done: watch::Sender<u64>,
    pace: Pace,
    /// In microseconds, from the first attempt to the answer.
    latencies: Mutex<Histogram<u64>>,
    repeated: AtomicU64,
    started: Instant,
}

/// A command that is done once, however often it is sent.
pub struct Step<'a> {
    /// `space/command`.
    pub to: &'a str,
    /// The partition key, if the space has partitions.
    pub key: Option<&'a str>,
    /// Names it among all steps of the load.
    pub id: &'a str,
    pub body: &'a Value,
}

/// What a load came to.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub commands: u64,
    /// Of them, how many were sent more than once.
    pub repeated: u64,
    pub took: Duration,
    pub p50: Duration,
    pub p99: Duration,
}

impl<'a> Load<'a> {
    /// Of so much input, counted in `what`.
    pub fn new(client: &'a Client, all: u64, what: &'static str) -> Result<Self> {
        let latencies = Mutex::new(Histogram::new_with_bounds(1, LONGEST_US, 3)?);
        let (bar, done, pace) = (counting(all, what), watch::Sender::new(0), Pace::new());
        Ok(Load { client, bar, all, what, done, pace, latencies, repeated: AtomicU64::new(0), started: Instant::now() })
    }

    pub fn what(&self) -> &'static str {
        self.what
    }

    /// Lets all clients do what they have to, many at once.
    pub async fn run<C>(
        &self,
        clients: impl IntoIterator<Item = C>,
        visit: impl AsyncFn(C) -> Result<()>,
    ) -> Result<()> {
        let clients = stream::iter(clients.into_iter().map(anyhow::Ok));
        let result = clients.try_for_each_concurrent(AT_ONCE, |client| visit(client)).await;
        self.bar.finish_and_clear();
        result
    }

    /// Sends a command until it is answered. It has its effects once, because its key is the same each time.
    pub async fn once(&self, step: Step<'_>) -> Result<Vec<u8>> {
        let partition = step.key.map(|key| ("spacehost-key", key));
        let headers: Vec<_> = [("idempotency-key", step.id)].into_iter().chain(partition).collect();
        let (first, mut times) = (Instant::now(), 0);
        loop {
            times += 1;
            match command(self.client, step.to, &headers, step.body).await {
                Err(error) if may_pass(&error) && first.elapsed() < PATIENCE => tokio::time::sleep(AGAIN_AFTER).await,
                answered => {
                    self.count(first.elapsed(), times > 1);
                    return answered.with_context(|| format!("{} of {}", step.id, step.to));
                }
            }
        }
    }

    fn count(&self, took: Duration, repeated: bool) {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(took.as_micros() as u64);
        self.repeated.fetch_add(u64::from(repeated), Ordering::Relaxed);
    }

    /// One piece of the input is through; returns when the next one may begin.
    pub async fn advance(&self) {
        self.bar.inc(1);
        self.done.send_modify(|done| *done += 1);
        self.pace.wait().await;
    }

    /// Does something in the midst of the load, and answers how many commands were answered meanwhile. The load goes on as
    /// fast as it can for that part of the input, and then slowly, so that there is some left until it is done.
    pub async fn during<T>(&self, part: f64, work: impl Future<Output = Result<T>>) -> Result<(T, u64)> {
        let (answered, begun) = (self.answered(), *self.done.borrow() as f64 / self.all as f64);
        let slowing = async {
            self.reaches(begun + part).await;
            self.pace.slow_down();
            std::future::pending().await
        };
        let worked = tokio::select! {
            worked = work => worked,
            never = slowing => never,
        };
        self.pace.speed_up();
        Ok((worked?, self.answered() - answered))
    }

    fn answered(&self) -> u64 {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Returns when that part of the input is through, and answers how much is.
    pub async fn reaches(&self, part: f64) -> u64 {
        let enough = (self.all as f64 * part).ceil() as u64;
        // The sender lives as long as `self`.
        self.done.subscribe().wait_for(|done| *done >= enough).await.map_or(0, |done| *done)
    }

    pub fn figures(&self) -> Figures {
        let latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        let quantile = |part| Duration::from_micros(latencies.value_at_quantile(part));
        Figures {
            commands: latencies.len(),
            repeated: self.repeated.load(Ordering::Relaxed),
            took: self.started.elapsed(),
            p50: quantile(0.5),
            p99: quantile(0.99),
        }
    }
}

impl Figures {
    pub fn per_second(&self) -> f64 {
        self.commands as f64 / self.took.as_secs_f64()
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Figures { commands, repeated, took, p50, p99 } = self;
        let (seconds, rate) = (took.as_secs_f64(), self.per_second());
        write!(f, "{commands} commands over HTTP in {seconds:.1} s: {rate:.0}/s, p50 {p50:.1?}, p99 {p99:.1?}; ")?;
        write!(f, "{repeated} were repeated")
    }
}

/// Asks a space, under a partition key if it has partitions, and reads the answer.
pub async fn ask<T: DeserializeOwned>(client: &Client, address: &str, key: Option<&str>, body: &Value) -> Result<T> {
    let headers: Vec<_> = key.map(|key| ("spacehost-key", key)).into_iter().collect();
    let answer = command(client, address, &headers, body).await?;
    serde_json::from_slice(&answer).with_context(|| format!("the answer of {address} for {}", key.unwrap_or("no key")))
}

/// Sends a command and waits for its reply.
pub async fn command(client: &Client, address: &str, headers: &[(&str, &str)], body: &Value) -> Result<Vec<u8>> {
    let (space, name) = address.split_once('/').context("an address is space/command")?;
    client.post(&format!("/v1/spaces/{space}/commands/{name}"), serde_json::to_vec(body)?, headers).await
}
