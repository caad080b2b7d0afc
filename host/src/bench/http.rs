//! Rows 3 and 4 of the goals: commands over HTTP, keep-alive, beside a bare server that answers the same bytes.

use super::report::{Figure, Report};
use super::served::Served;
use super::{Guests, PathWanted};
use crate::runtime::{Runtime, RuntimeConfig};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};

const ROUNDS: u32 = 5;

/// What one server did in all rounds.
struct Measured {
    latency: Histogram<u64>,
    requests: u64,
    time: Duration,
}

pub async fn run(guests: &Guests, in_flight: usize, duration: Duration) -> Result<Report> {
    let runtime = Runtime::start(RuntimeConfig::default())?;
    guests.deploy(&runtime, "sink", PathWanted::Sync).await?;
    let served = Served::start(&runtime).await?;
    let bare = bare_server().await?;
    let (mut ours, mut reference) = (Measured::new()?, Measured::new()?);
    for _ in 0..ROUNDS {
        reference.add(bare, "/", &served.authorization, in_flight, duration / ROUNDS).await?;
        let echo = "/v1/spaces/sink/commands/echo";
        ours.add(served.address, echo, &served.authorization, in_flight, duration / ROUNDS).await?;
    }
    served.end().await?;
    Ok(report(&ours, &reference, in_flight))
}

fn report(ours: &Measured, reference: &Measured, in_flight: usize) -> Report {
    let figure = |what: String, unit, of: &dyn Fn(&Measured) -> f64, goal| Figure {
        what,
        unit,
        reference: Some(of(reference)),
        reference_is: "bare server, same client",
        measured: of(ours),
        goal,
    };
    let latency = |quantile| move |measured: &Measured| measured.latency.value_at_quantile(quantile) as f64 / 1e3;
    let (p50, p99, rate) = if in_flight == 1 { ("100", "300", "-") } else { ("-", "-", "60000") };
    Report {
        bench: "http: commands over HTTP, keep-alive, memory mode",
        figures: vec![
            figure(format!("{in_flight} in flight, p50"), "us", &latency(0.5), p50),
            figure(format!("{in_flight} in flight, p99"), "us", &latency(0.99), p99),
            figure(format!("{in_flight} in flight, rate"), "1/s", &|m| m.requests as f64 / m.time.as_secs_f64(), rate),
        ],
    }
}

impl Measured {
    fn new() -> Result<Self> {
        Ok(Measured { latency: Histogram::new(3)?, requests: 0, time: Duration::ZERO })
    }

    /// Lets `in_flight` connections ask for a while, each one question after the other.
    async fn add(
        &mut self,
        address: SocketAddr,
        path: &'static str,
        authorization: &str,
        in_flight: usize,
        duration: Duration,
    ) -> Result<()> {
        let begin = Instant::now();
        let clients =
            (0..in_flight).map(|_| tokio::spawn(ask(address, path, authorization.to_owned(), begin + duration)));
        for client in futures::future::join_all(clients).await {
            let latency = client??;
            self.requests += latency.len();
            self.latency.add(latency)?;
        }
        self.time += begin.elapsed();
        Ok(())
    }
}

async fn ask(address: SocketAddr, path: &'static str, authorization: String, until: Instant) -> Result<Histogram<u64>> {
    let mut latency = Histogram::new(3)?;
    let mut connection = connect(address).await?;
    let body = Bytes::from(vec![b'x'; 64]);
    while Instant::now() < until {
        let request = hyper::Request::post(path)
            .header("host", address.to_string())
            .header("authorization", &authorization)
            .body(Full::new(body.clone()))?;
        let begin = Instant::now();
        let response = connection.send_request(request).await?;
        let status = response.status();
        let reply = response.into_body().collect().await?.to_bytes();
        latency.record(begin.elapsed().as_nanos() as u64)?;
        ensure!(status.is_success() && reply == body, "{path} answered {status}: {reply:?}");
    }
    Ok(latency)
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await.context("could not connect")?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// The reference: the same HTTP stack, and nothing behind it.
async fn bare_server() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = axum::Router::new().route("/", axum::routing::post(|body: Bytes| async move { body }));
    // Ends with the process, as the bench does.
    tokio::spawn(async move {
        axum::serve(
            axum::serve::ListenerExt::tap_io(listener, |stream| {
                let _ = stream.set_nodelay(true);
            }),
            router,
        )
        .await
    });
    Ok(address)
}
