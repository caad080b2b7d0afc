//! The traffic of the echo demo: commands A, B and C, and the events that a listener hears for them.
//!
//! Must not know how the space answers. Fails when a command fails, or an event does not come.

use super::Summary;
use crate::cli::client::{Client, Stream};
use crate::cli::listen::event;
use crate::cli::output;
use crate::cli::style::Style;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::time::{Duration, Instant};

const COMMANDS: [&str; 3] = ["A", "B", "C"];
const HEARD_WITHIN: Duration = Duration::from_secs(10);

pub async fn replay(client: &Client) -> Result<Summary> {
    let mut listener = client.listen("/v1/events", &[("pattern", ">")]).await?;
    let started = Instant::now();
    for command in COMMANDS {
        output::line(format!("command {command}"))?;
        client.post(&format!("/v1/spaces/echo/commands/{command}"), Vec::new(), &[]).await?;
        output::line(format!("  heard {}", event(&processed(&mut listener).await?, Style::of_stdout())))?;
    }
    let count = COMMANDS.len();
    Ok(Summary {
        figures: None,
        lines: vec![format!("{count} commands sent, {count} events heard, in {:.1?}", started.elapsed())],
        next: vec!["tail &".into(), "call echo A".into(), "call listener heard".into(), "inspect echo".into()],
    })
}

/// The next event that says so.
async fn processed(listener: &mut Stream) -> Result<Value> {
    let next = async {
        while let Some(frame) = listener.next().await? {
            if frame.event.is_empty() && frame.data.contains("Processed: ") {
                return serde_json::from_str(&frame.data).context("the event is no JSON");
            }
        }
        bail!("the stream of events ended")
    };
    tokio::time::timeout(HEARD_WITHIN, next).await.context("no event was heard for the command")?
}
