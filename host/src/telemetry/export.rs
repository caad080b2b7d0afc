//! Sends spans to a receiver of OTLP, in groups, from a task of its own.
//!
//! Must not know what the spans tell of. A receiver that is away, slow or refuses costs the spans and a line in the log now
//! and then; the runtime's queue is bounded, so nothing that is traced ever waits.

use super::otlp::span_data;
use super::settings::TraceExport;
use crate::runtime::Runtime;
use crate::runtime::traces::{FinishedSpan, LostSpans, Spans};
use anyhow::{Context, Result};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter as Otlp, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Spans sent at once. With all their lines they stay within the 4 MiB that receivers take.
const GROUP: usize = 192;
/// How long the first span of a group waits for more.
const GATHERING: Duration = Duration::from_millis(250);
/// Between two looks at how many there are. A task that waits at the queue is woken by each span, and those who send it pay for
/// that; the queue holds what four hundred thousand a second leave in it meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// For one group, tries included.
const SENDING: Duration = Duration::from_secs(5);
/// After a group that could not be sent: whoever is overloaded is left alone for a while.
const REST: Duration = Duration::from_secs(1);
/// At the end of the host, for all that is left.
const LAST: Duration = Duration::from_secs(3);
/// Between two lines about spans that are lost.
const BETWEEN_COMPLAINTS: Duration = Duration::from_secs(60);

/// The task, which ends with `finish`.
pub struct Exporter {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

struct Sending {
    otlp: Otlp,
    scope: InstrumentationScope,
    runtime: Runtime,
    endpoint: String,
    spans: Spans,
    group: Vec<FinishedSpan>,
    /// How many had been lost, the queue's included, when that was last said, and when.
    told: (u64, Option<Instant>),
}

impl Exporter {
    /// None where the runtime traces nothing.
    pub fn start(settings: &TraceExport, runtime: &Runtime) -> Result<Option<Self>> {
        let Some(spans) = runtime.traces().take_spans() else { return Ok(None) };
        // As for the CLI: what stands in the environment for browsing is not meant for this.
        let client = reqwest::Client::builder().no_proxy().timeout(SENDING).build()?;
        let builder = Otlp::builder().with_http().with_http_client(client).with_headers(settings.headers.clone());
        let built = builder.with_endpoint(&settings.endpoint).with_timeout(SENDING).build();
        let mut otlp = built.with_context(|| format!("cannot send traces to {}", settings.endpoint))?;
        otlp.set_resource(&resource(settings, runtime.host_id()));
        let sending = Sending {
            otlp,
            scope: InstrumentationScope::builder("spacehost").with_version(env!("CARGO_PKG_VERSION")).build(),
            runtime: runtime.clone(),
            endpoint: settings.endpoint.clone(),
            spans,
            group: Vec::new(),
            told: (0, None),
        };
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(sending.run(stopped));
        tracing::info!("{} of new traces are sent to {}", settings.sample, settings.endpoint);
        Ok(Some(Exporter { task, stop }))
    }

    /// Sends what is left, if that can be done soon.
    pub async fn finish(self) {
        let _ = self.stop.send(());
        // A group may be on its way when the end comes.
        let _ = timeout(SENDING + LAST, self.task).await;
    }
}

fn resource(settings: &TraceExport, host: &str) -> Resource {
    // With `OTEL_RESOURCE_ATTRIBUTES`, before which the settings go.
    Resource::builder()
        .with_service_name(settings.service_name.clone())
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", host.to_owned()),
        ])
        .build()
}

impl Sending {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        loop {
            tokio::select! {
                biased;
                _ = &mut stopped => break,
                () = self.gather() => {}
            }
            if !self.send().await {
                tokio::select! {
                    _ = &mut stopped => break,
                    () = tokio::time::sleep(REST) => {}
                }
            }
        }
        let _ = timeout(LAST, self.send_the_rest()).await;
    }

    /// May be broken off: what has been gathered stays in `group`.
    async fn gather(&mut self) {
        while self.group.is_empty() {
            if self.spans.recv_many(&mut self.group, GROUP).await == 0 {
                // The runtime is gone, and there is nothing more to come.
                std::future::pending::<()>().await;
            }
        }
        let begun = Instant::now();
        while self.group.len() + self.spans.len() < GROUP && begun.elapsed() < GATHERING {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        while self.group.len() < GROUP
            && let Ok(span) = self.spans.try_recv()
        {
            self.group.push(span);
        }
    }

    async fn send_the_rest(&mut self) {
        self.spans.close();
        loop {
            let room = GROUP.saturating_sub(self.group.len());
            // Closed: it does not wait.
            self.spans.recv_many(&mut self.group, room).await;
            if self.group.is_empty() || !self.send().await {
                return;
            }
        }
    }

    /// False: it could not, and the group is lost.
    async fn send(&mut self) -> bool {
        let group: Vec<_> = self.group.drain(..).map(|span| span_data(span, &self.scope)).collect();
        let spans = group.len() as u64;
        let sent = match timeout(SENDING, self.otlp.export(group)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {SENDING:?}")),
        };
        if sent.is_err() {
            self.runtime.traces().could_not_be_sent(spans);
        }
        self.complain(sent.as_ref().err());
        sent.is_ok()
    }

    /// A line about what is lost, now and then.
    fn complain(&mut self, error: Option<&String>) {
        let LostSpans { dropped, unsent } = self.runtime.traces().lost();
        let (before, at) = self.told;
        let lost = dropped + unsent;
        if lost == before || at.is_some_and(|at| at.elapsed() < BETWEEN_COMPLAINTS) {
            return;
        }
        self.told = (lost, Some(Instant::now()));
        let endpoint = &self.endpoint;
        let why = match error {
            Some(error) => format!("could not be sent to {endpoint} ({error}): is the receiver there?"),
            None => format!("found the queue full: {endpoint} is slower than they come; sample less"),
        };
        tracing::warn!(
            "spans {why} {lost} are lost since the start, {dropped} of them from a full queue. The host goes on"
        );
    }
}
