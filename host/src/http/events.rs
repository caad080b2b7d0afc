//! Events in and out: POST /v1/events/{topic}, GET /v1/events?pattern=… as server-sent events.
//!
//! Must not know who subscribes. A listener that is too slow is told how much it missed; its stream goes on. One that comes
//! back with a Last-Event-ID first gets what it missed, from the journal, or an event `gap` that says why it cannot.

use super::body::Received;
use super::commands::answer;
use super::error::ApiError;
use super::idempotency::Reply;
use super::{Shared, body, cloud_event, delivery};
use crate::runtime::Listener;
use crate::runtime::api::Heard;
use crate::runtime::history::{HistoryError, Past};
use crate::words::Pattern;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Response};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
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
    let mut delivery = delivery::of(&head.headers, &head.extensions)?;
    let key = delivery::idempotency_key(&head.headers)?;
    let Received { bytes: body, share } = body::read(&edge, body).await?;
    // No space name holds a space, so this scope is no command's.
    delivery.idempotency = key.map(|key| delivery::idempotency(&format!("event {topic}"), key, &body, &delivery));
    let once = delivery.idempotency;
    let runtime = edge.runtime.clone();
    let work = async move {
        let _share = share;
        let id = runtime.publish(&topic, body, delivery)?;
        runtime.durable(id).await;
        Ok(Reply::Accepted(id))
    };
    answer(&edge, once, work).await
}

const LAST_EVENT_ID: &str = "last-event-id";

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
    headers: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let Query(Wish { pattern }) = wish?;
    let pattern = Pattern::parse(&pattern)?;
    // Before the past is fixed, so that nothing falls between the two.
    let listener = edge.runtime.listen(pattern.clone());
    let last = headers.get(LAST_EVENT_ID).map(|id| id.to_str().unwrap_or_default().to_owned());
    let (before, after) = match last {
        Some(last) => come_back(&edge, last, pattern),
        None => (futures::stream::empty().boxed(), 0),
    };
    let stream = before.chain(heard(listener, edge, after));
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()).into_response())
}

type Frames = BoxStream<'static, Result<Event, Infallible>>;

/// What a reader has missed since the event of that id, and the sequence up to which that goes.
fn come_back(edge: &Shared, last: String, pattern: Pattern) -> (Frames, u64) {
    let host = edge.runtime.host_id();
    let after = last.strip_prefix(host).and_then(|rest| rest.strip_prefix('-')?.parse().ok());
    let past = match after {
        None => Err("the id is of another journal, or none".to_owned()),
        Some(after) => edge.runtime.events_after(after, pattern).map_err(|error| error.to_string()),
    };
    match past {
        Ok(past) => {
            let until = past.until;
            (missed(edge.clone(), last, past).boxed(), until)
        }
        Err(reason) => (futures::stream::once(async move { Ok(lost(&last, "now", &reason)) }).boxed(), 0),
    }
}

/// The past, page by page; what is gone from it becomes a gap, and the rest follows.
fn missed(edge: Shared, last: String, past: Past) -> impl Stream<Item = Result<Event, Infallible>> {
    let pages = futures::stream::unfold(Some(past), move |past| {
        let (edge, last) = (edge.clone(), last.clone());
        async move {
            let mut past = past?;
            // Reading takes files, which the threads of requests must not wait for.
            let read = tokio::task::spawn_blocking(move || (past.page(), past)).await;
            let Ok((page, past)) = read else { return None };
            let host = edge.runtime.host_id();
            match page {
                Ok(None) => None,
                Ok(Some(events)) => {
                    let frames = events.into_iter().map(|event| frame(host, &Heard::Event(event.into())));
                    Some((frames.collect::<Vec<_>>(), Some(past)))
                }
                Err(HistoryError::Gone { first }) => {
                    let gap = lost(&last, &format!("{host}-{first}-0"), "older events are no longer kept");
                    Some((vec![gap], edge.runtime.events_from(first, past).ok()))
                }
                Err(error) => Some((vec![lost(&last, "now", &error.to_string())], None)),
            }
        }
    });
    pages.flat_map(|page| futures::stream::iter(page.into_iter().map(Ok)))
}

/// What the listener hears beyond `after`, until the host closes.
fn heard(listener: Listener, edge: Shared, after: u64) -> impl Stream<Item = Result<Event, Infallible>> {
    let closing = edge.closing.clone();
    let frames =
        futures::stream::unfold((listener, closing, edge), move |(mut listener, mut closing, edge)| async move {
            let heard = tokio::select! {
                heard = listener.next() => heard?,
                () = closing.wait() => return None,
            };
            let known = matches!(&heard, Heard::Event(event) if event.id.sequence <= after);
            let frame = (!known).then(|| Ok(frame(edge.runtime.host_id(), &heard)));
            Some((frame, (listener, closing, edge)))
        });
    frames.filter_map(std::future::ready)
}

/// Says that a reader that came back has lost what lies between.
fn lost(from: &str, to: &str, reason: &str) -> Event {
    let gap = serde_json::json!({ "from": from, "to": to, "reason": reason });
    Event::default().event("gap").data(gap.to_string())
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
