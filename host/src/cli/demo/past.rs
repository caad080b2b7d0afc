//! The events of a system from one moment on, all of them and in their order, as the host has kept them in its journal.
//!
//! Must not know what they mean. A host that was killed meanwhile has them all the same. Fails when some are no longer there,
//! or when the stream of them stands still.

use crate::cli::client::{Client, Stream};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::time::Duration;

/// Published by the demo itself at both ends; no space listens.
const BEGIN: &str = "demo.begin";
const END: &str = "demo.end";
/// How long no event may come before the last one.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Past {
    /// The id of the event that it begins behind.
    after: String,
}

impl Past {
    /// The past begins now.
    pub async fn begin(client: &Client) -> Result<Self> {
        let mut stream = client.listen("/v1/events", &[("pattern", BEGIN)]).await?;
        publish(client, BEGIN).await?;
        let event = next(&mut stream).await?;
        Ok(Past { after: event["id"].as_str().context("an event has an id")?.to_owned() })
    }

    /// Shows each event since then to `look`, by its topic and its data; answers how many there were.
    pub async fn read(self, client: &Client, mut look: impl FnMut(&str, &Value) -> Result<()>) -> Result<u64> {
        publish(client, END).await?;
        let (mut stream, mut count) = (client.listen_since(">", &self.after).await?, 0);
        loop {
            let event = next(&mut stream).await?;
            let topic = event["type"].as_str().context("an event has a type")?;
            if topic == END {
                return Ok(count);
            }
            look(topic, &event["data"]).with_context(|| format!("the event {event}"))?;
            count += 1;
        }
    }
}

async fn publish(client: &Client, topic: &str) -> Result<()> {
    client.post(&format!("/v1/events/{topic}"), Vec::new(), &[]).await.map(drop)
}

async fn next(stream: &mut Stream) -> Result<Value> {
    let frame = tokio::time::timeout(PATIENCE, stream.next()).await.context("no event came for long")??;
    let frame = frame.context("the host has ended the stream of events")?;
    match frame.event.as_str() {
        "" => serde_json::from_str(&frame.data).context("an event is a CloudEvent as JSON"),
        other => bail!("not all events are there: {other} {}", frame.data),
    }
}
