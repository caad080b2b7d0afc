//! A thousand listeners over HTTP: ten thousand events a second of which each hears its part, and events that all of them
//! hear.
//!
//! The listeners read as fast as they can, in this process, so that they take from the host what they cost. Fails as the edge
//! does, or when a listener hears nothing for long.

use super::report::{Figure, Report};
use super::served::Served;
use super::small_host;
use crate::runtime::Runtime;
use crate::runtime::api::Delivery;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LISTENERS: u64 = 1_000;
/// Of these so many hear all, and each of the others hears its own topic.
const HEAR_ALL: u64 = 10;
/// Events a second, published in pieces.
const RATE: u64 = 10_000;
const PIECE: u64 = 100;
/// A burst that all hear.
const BURST: u64 = 100;
const FORGOTTEN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What all listeners together have heard.
#[derive(Default)]
struct Heard {
    ready: AtomicU64,
    events: AtomicU64,
    gaps: AtomicU64,
}

pub async fn run(duration: Duration) -> Result<Report> {
    let mut figures = each_its_part(duration).await?;
    figures.extend(all_hear_all(duration).await?);
    Ok(Report { bench: "listeners: a thousand streams of events over HTTP, memory mode", figures })
}

async fn each_its_part(duration: Duration) -> Result<Vec<Figure>> {
    let pattern = |n| if n < HEAR_ALL { "bench.*".to_owned() } else { format!("bench.{n}") };
    let (runtime, served, heard) = listened(pattern).await?;
    let (mut published, mut expected) = (0, 0);
    let begin = Instant::now();
    while begin.elapsed() < duration {
        for n in published..published + PIECE {
            let topic = n % LISTENERS;
            publish(&runtime, topic)?;
            expected += HEAR_ALL + u64::from(topic >= HEAR_ALL);
        }
        published += PIECE;
        let due = begin + Duration::from_secs_f64(published as f64 / RATE as f64);
        tokio::time::sleep_until(due.into()).await;
    }
    let rate = published as f64 / begin.elapsed().as_secs_f64();
    heard.until(expected).await?;
    let delivered = heard.events.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64();
    let missed = runtime.figures().host.missed_by_listeners;
    served.end().await?;
    Ok(vec![
        figure("published, each for 11 of 1000", "1/s", rate, "10000"),
        figure("delivered of these", "1/s", delivered, "110000"),
        figure("missed", "events", missed as f64, "0"),
    ])
}

async fn all_hear_all(duration: Duration) -> Result<Vec<Figure>> {
    let (runtime, served, heard) = listened(|_| "bench.*".to_owned()).await?;
    let mut bursts = 0;
    let begin = Instant::now();
    while begin.elapsed() < duration {
        for n in 0..BURST {
            publish(&runtime, n)?;
        }
        bursts += 1;
        heard.until(bursts * BURST * LISTENERS).await?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    served.end().await?;
    let events = (bursts * BURST) as f64;
    Ok(vec![
        figure("published for all 1000, in bursts of 100", "1/s", events / seconds, "-"),
        figure("delivered of these", "1/s", events * LISTENERS as f64 / seconds, "-"),
    ])
}

fn figure(what: &str, unit: &'static str, measured: f64, goal: &'static str) -> Figure {
    Figure { what: what.to_owned(), unit, reference: None, reference_is: "", measured, goal }
}

fn publish(runtime: &Runtime, topic: u64) -> Result<()> {
    runtime.publish(&format!("bench.{topic}"), Bytes::from_static(b"{\"number\":1}"), Delivery::default())?;
    Ok(())
}

/// A host with a thousand streams that have all begun.
async fn listened(pattern: impl Fn(u64) -> String) -> Result<(Runtime, Served, Arc<Heard>)> {
    let runtime = Runtime::start(small_host())?;
    let served = Served::start(&runtime).await?;
    let heard = Arc::<Heard>::default();
    for n in 0..LISTENERS {
        let request = format!(
            "GET /v1/events?pattern={} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\n\r\n",
            pattern(n),
            served.address,
            served.authorization
        );
        let mut stream = TcpStream::connect(served.address).await.context("could not connect")?;
        stream.write_all(request.as_bytes()).await?;
        tokio::spawn(listen(stream, heard.clone()));
    }
    let begin = Instant::now();
    while heard.ready.load(Ordering::Relaxed) < LISTENERS || runtime.figures().host.listeners < LISTENERS {
        if begin.elapsed() > FORGOTTEN {
            bail!("not all streams begin");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok((runtime, served, heard))
}

/// Counts frames until the stream ends.
async fn listen(mut stream: TcpStream, heard: Arc<Heard>) {
    let (mut buffer, mut first) = (vec![0; 16 << 10], true);
    let mut counter = Counter::default();
    while let Ok(read) = stream.read(&mut buffer).await
        && read > 0
    {
        if std::mem::take(&mut first) {
            heard.ready.fetch_add(1, Ordering::Relaxed);
        }
        let (events, gaps) = counter.feed(&buffer[..read]);
        heard.events.fetch_add(events, Ordering::Relaxed);
        heard.gaps.fetch_add(gaps, Ordering::Relaxed);
    }
}

/// Counts the lines that begin an event or a gap, however the bytes are cut.
#[derive(Default)]
struct Counter {
    line: Vec<u8>,
}

impl Counter {
    fn feed(&mut self, bytes: &[u8]) -> (u64, u64) {
        let (mut events, mut gaps) = (0, 0);
        for byte in bytes {
            match byte {
                b'\n' => {
                    events += u64::from(self.line == b"id: ");
                    gaps += u64::from(self.line == b"even");
                    self.line.clear();
                }
                // Four bytes tell lines apart.
                _ if self.line.len() < 4 => self.line.push(*byte),
                _ => {}
            }
        }
        (events, gaps)
    }
}

impl Heard {
    async fn until(&self, events: u64) -> Result<()> {
        let mut last = (self.events.load(Ordering::Relaxed), Instant::now());
        while last.0 < events && self.gaps.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.events.load(Ordering::Relaxed);
            if now > last.0 {
                last = (now, Instant::now());
            } else if last.1.elapsed() > FORGOTTEN {
                bail!("of {events} events {now} arrive");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_gaps_are_counted_however_the_bytes_are_cut() {
        let text = b"1f\r\nid: 1-0\ndata: {\"id: \": 1}\n\n\r\n10\r\nevent: gap\ndata: {}\n\n\r\n: \n\n1f\r\nid: 2-0\ndata: 1\n\n";
        assert_eq!(Counter::default().feed(text), (2, 1));
        let mut counter = Counter::default();
        let one_by_one = text.iter().map(|byte| counter.feed(&[*byte]));
        assert_eq!(one_by_one.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1)), (2, 1));
    }
}
