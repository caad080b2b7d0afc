//! The log of a space: GET /v1/spaces/{space}/logs, as JSON lines or, with `follow=true`, as server-sent events.
//!
//! Must not know who writes. Fails when the space is unknown; a reader that is too slow is told how much it missed.

use super::Shared;
use super::error::ApiError;
use super::events::gap;
use crate::runtime::api::{LogLine, Refusal};
use crate::shutdown::Shutdown;
use crate::words::{Level, SpaceName};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use serde::Deserialize;
use std::convert::Infallible;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    #[serde(default)]
    follow: bool,
    /// How many lines of the past.
    #[serde(default = "usual_last")]
    last: usize,
    /// Only lines of that level or above.
    #[serde(default)]
    level: Level,
}

fn usual_last() -> usize {
    100
}

pub async fn logs(
    State(edge): State<Shared>,
    space: Result<Path<String>, PathRejection>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Path(space) = space?;
    let Query(Wish { follow, last, level }) = wish?;
    let name = SpaceName::parse(&space)?;
    let Some((past, coming)) = edge.runtime.logs(&name, last, level) else {
        return Err(Refusal::UnknownSpace(name).into());
    };
    if !follow {
        let text: String = past.iter().map(|line| json(line) + "\n").collect();
        return Ok(([(CONTENT_TYPE, "application/x-ndjson")], text).into_response());
    }
    let past = futures::stream::iter(past).map(|line| Ok(frame(&line)));
    let stream = past.chain(follow_on(coming, level, edge.closing.clone()));
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()).into_response())
}

fn follow_on(
    coming: Receiver<LogLine>,
    least: Level,
    closing: Shutdown,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let frames = futures::stream::unfold((coming, closing), move |(mut coming, mut closing)| async move {
        let received = tokio::select! {
            received = coming.recv() => received,
            () = closing.wait() => return None,
        };
        let event = match received {
            Ok(line) => least.admits(line.level).then(|| frame(&line)),
            Err(RecvError::Lagged(missed)) => Some(gap(missed)),
            Err(RecvError::Closed) => return None,
        };
        Some((event.map(Ok), (coming, closing)))
    });
    frames.filter_map(std::future::ready)
}

fn frame(line: &LogLine) -> Event {
    Event::default().data(json(line))
}

/// A line holds strings and numbers only, so this does not fail.
fn json(line: &LogLine) -> String {
    serde_json::to_string(line).unwrap_or_default()
}
