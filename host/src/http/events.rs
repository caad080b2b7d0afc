//! Events in and out: POST /v1/events/{topic} and POST /v1/events, GET /v1/events?pattern=… as server-sent events.
//!
//! Must not know who subscribes. A listener that is too slow is told how much it missed; its stream goes on. One that comes
//! back with a Last-Event-ID first gets what it missed, from the journal, or an event `gap` that says why it cannot.

use super::body::Received;
use super::cloud_event::{Incoming, Malformed};
use super::commands::answer;
use super::error::ApiError;
use super::idempotency::Reply;
use super::{Shared, body, cloud_event, delivery, shown};
use crate::runtime::Listener;
use crate::runtime::api::Heard;
use crate::runtime::history::{HistoryError, Past};
use crate::words::Pattern;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
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
    take_in(edge, Some(topic), request).await
}

/// A CloudEvent, whose type is the topic.
pub async fn publish_by_type(State(edge): State<Shared>, request: Request) -> Result<Response<Body>, ApiError> {
    take_in(edge, None, request).await
}

async fn take_in(edge: Shared, topic: Option<String>, request: Request) -> Result<Response<Body>, ApiError> {
    let (head, body) = request.into_parts();
    let form = cloud_event::form(&head.headers)?;
    let mut delivery = delivery::of(&head.headers, &head.extensions)?;
    let key = delivery::idempotency_key(&head.headers)?;
    let Received { bytes: mut body, share } = body::read(&edge, body).await?;
    let (mut scope, mut key) = ("event", key.map(str::to_owned));
    let topic = match form.map(|form| Incoming::read(form, &head.headers, body.clone())).transpose()? {
        None => topic.ok_or_else(nowhere)?,
        Some(event) => {
            let topic = same_topic(&event, topic)?;
            event.add_to(&mut delivery);
            if key.is_none() {
                (scope, key) = ("cloudevent", Some(event.identity()));
            }
            body = event.data;
            topic
        }
    };
    // No space name holds a space, so this scope is no command's.
    let target = format!("{scope} {topic}");
    delivery.idempotency = key.map(|key| delivery::idempotency(&target, &key, &body, &delivery));
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

fn nowhere() -> ApiError {
    let what = "a bare payload needs its topic in the path, POST /v1/events/{topic}; here only CloudEvents are taken, by their type";
    ApiError::BadRequest(what.to_owned())
}

/// The topic of an event, which the path may only repeat.
fn same_topic(event: &Incoming, path: Option<String>) -> Result<String, Malformed> {
    match path {
        Some(path) if path != event.topic() => {
            Err(Malformed::OtherTopic { given: shown::word(event.topic()), path: shown::word(&path) })
        }
        _ => Ok(event.topic().to_owned()),
    }
}

const LAST_EVENT_ID: &str = "last-event-id";

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
        Some(after) => edge.runtime.events_after(after, vec![pattern]).map_err(|error| error.to_string()),
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
