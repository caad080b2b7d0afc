//! Events in and out: POST /v1/events/{topic}, GET /v1/events?pattern=… as server-sent events.
//!
//! Must not know who subscribes. A listener that is too slow is told how much it missed; its stream goes on.

use super::commands::answer;
use super::error::ApiError;
use super::idempotency::Reply;
use super::{Shared, body, cloud_event, delivery};
use crate::runtime::Listener;
use crate::runtime::api::Heard;
use crate::words::Pattern;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Response};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use serde::Deserialize;
use std::convert::Infallible;

pub async fn publish(
    State(edge): State<Shared>,
    topic: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response<Body>, ApiError> {
    let Path(topic) = topic?;
    let (head, body) = request.into_parts();
    if is_cloud_event(&head.headers) {
        return Err(ApiError::CloudEvents);
    }
    let delivery = delivery::of(&head.headers, &head.extensions)?;
    let key = delivery::idempotency_key(&head.headers)?;
    let body = body::read(&edge, body).await?;
    // No space name holds a space, so this scope is no command's.
    let once = key.map(|key| (format!("event {topic}\n{key}"), delivery::digest(&body, &delivery)));
    let runtime = edge.runtime.clone();
    answer(&edge, once, async move { runtime.publish(&topic, body, delivery).map(Reply::Accepted) }).await
}

/// Taking an envelope for a payload would be a silent misunderstanding.
fn is_cloud_event(headers: &HeaderMap) -> bool {
    let structured = |value: &[u8]| value.starts_with(b"application/cloudevents");
    headers.contains_key("ce-specversion") || headers.get(CONTENT_TYPE).is_some_and(|v| structured(v.as_bytes()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    #[serde(default = "everything")]
    pattern: String,
}

fn everything() -> String {
    ">".to_owned()
}

pub async fn listen(
    State(edge): State<Shared>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response<Body>, ApiError> {
    let Query(Wish { pattern }) = wish?;
    let listener = edge.runtime.listen(Pattern::parse(&pattern)?);
    Ok(Sse::new(heard(listener, edge)).keep_alive(KeepAlive::default()).into_response())
}

/// What the listener hears, until the host closes.
fn heard(listener: Listener, edge: Shared) -> impl Stream<Item = Result<Event, Infallible>> {
    let closing = edge.closing.clone();
    futures::stream::unfold((listener, closing, edge), |(mut listener, mut closing, edge)| async move {
        let heard = tokio::select! {
            heard = listener.next() => heard?,
            () = closing.wait() => return None,
        };
        let frame = frame(edge.runtime.host_id(), &heard);
        Some((Ok(frame), (listener, closing, edge)))
    })
}

fn frame(host: &str, heard: &Heard) -> Event {
    match heard {
        Heard::Event(event) => {
            let id = cloud_event::id(host, event);
            Event::default().id(&id).data(cloud_event::json(event, &id))
        }
        Heard::Gap { missed } => gap(*missed),
    }
}

/// Says that a reader was too slow for `missed` items.
pub fn gap(missed: u64) -> Event {
    Event::default().event("gap").data(format!("{{\"missed\":{missed}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn cloud_events_are_seen_in_both_forms() {
        let with = |name: &'static str, value| {
            is_cloud_event(&HeaderMap::from_iter([(
                axum::http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]))
        };
        assert!(with("content-type", "application/cloudevents+json; charset=utf-8"));
        assert!(with("ce-specversion", "1.0"));
        assert!(!with("content-type", "application/json"));
    }
}
