//! Webhooks: GET their list or one of them, test one, forget one; their dead letters: GET, retry, DELETE, one or all.
//!
//! Must not know how anything is posted. Fails when the webhook or the letter is unknown, and when one that is still in the
//! settings is to be forgotten.

use super::Shared;
use super::error::ApiError;
use super::shown;
use crate::cloud_event;
use crate::runtime::webhooks::{HookLetter, Which};
use crate::webhooks::{HookStatus, TestError, Tested};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;

#[derive(Serialize)]
pub struct List {
    webhooks: Vec<HookStatus>,
}

/// A dead letter; one that is asked for by its id with its event.
#[derive(Serialize)]
pub struct Letter {
    id: String,
    /// Under which the receiver has seen it.
    webhook_id: String,
    topic: Arc<str>,
    attempts: u32,
    failure: Arc<str>,
    /// Of the last attempt, in milliseconds since 1970.
    time_ms: u64,
    /// It is to be posted again.
    retried: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Box<RawValue>>,
}

#[derive(Serialize)]
pub struct Letters {
    dead_letters: Vec<Letter>,
}

/// How many dead letters an order was about.
#[derive(Serialize)]
pub struct Ordered {
    dead_letters: usize,
}

type OfHook = Result<Path<String>, PathRejection>;
type OfLetter = Result<Path<(String, String)>, PathRejection>;

pub async fn list(State(edge): State<Shared>) -> Json<List> {
    Json(List { webhooks: edge.webhooks.list() })
}

pub async fn show(State(edge): State<Shared>, hook: OfHook) -> Result<Json<HookStatus>, ApiError> {
    let Path(name) = hook?;
    edge.webhooks.find(&name).map(Json).ok_or_else(|| unknown(&name))
}

/// Posts an event of its own, now.
pub async fn test(State(edge): State<Shared>, hook: OfHook) -> Result<Json<Tested>, ApiError> {
    let Path(name) = hook?;
    edge.webhooks.test(&name).await.map(Json).map_err(|TestError(name)| unknown(&name))
}

/// Where it was, and its dead letters.
pub async fn forget(State(edge): State<Shared>, hook: OfHook) -> Result<StatusCode, ApiError> {
    let Path(name) = hook?;
    let forgotten = edge.runtime.forget_webhook(&name)?.ok_or_else(|| unknown(&name))?;
    edge.runtime.settled().await;
    if forgotten { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::WebhookInUse(shown::word(&name))) }
}

pub async fn letters(State(edge): State<Shared>, hook: OfHook) -> Result<Json<Letters>, ApiError> {
    let Path(name) = hook?;
    let letters = of(&edge, &name)?;
    edge.runtime.settled().await;
    let host = edge.runtime.host_id();
    Ok(Json(Letters { dead_letters: letters.iter().map(|letter| view(host, letter, false)).collect() }))
}

pub async fn letter(State(edge): State<Shared>, letter: OfLetter) -> Result<Json<Letter>, ApiError> {
    let Path((name, id)) = letter?;
    let Which::One(wanted) = one(&id)? else { return Err(ApiError::UnknownMessage(shown::word(&id))) };
    let letters = of(&edge, &name)?;
    edge.runtime.settled().await;
    let letter = letters.iter().find(|letter| letter.event.id == wanted);
    let letter = letter.ok_or_else(|| ApiError::UnknownMessage(shown::word(&id)))?;
    Ok(Json(view(edge.runtime.host_id(), letter, true)))
}

pub async fn retry(State(edge): State<Shared>, letter: OfLetter) -> Result<Response, ApiError> {
    let Path((name, id)) = letter?;
    match order(&edge, &name, one(&id)?, true).await? {
        0 => Err(ApiError::UnknownMessage(shown::word(&id))),
        count => Ok((StatusCode::ACCEPTED, Json(Ordered { dead_letters: count })).into_response()),
    }
}

pub async fn retry_all(State(edge): State<Shared>, hook: OfHook) -> Result<Response, ApiError> {
    let Path(name) = hook?;
    let dead_letters = order(&edge, &name, Which::All, true).await?;
    Ok((StatusCode::ACCEPTED, Json(Ordered { dead_letters })).into_response())
}

pub async fn drop(State(edge): State<Shared>, letter: OfLetter) -> Result<Json<Ordered>, ApiError> {
    let Path((name, id)) = letter?;
    match order(&edge, &name, one(&id)?, false).await? {
        0 => Err(ApiError::UnknownMessage(shown::word(&id))),
        count => Ok(Json(Ordered { dead_letters: count })),
    }
}

pub async fn drop_all(State(edge): State<Shared>, hook: OfHook) -> Result<Json<Ordered>, ApiError> {
    let Path(name) = hook?;
    Ok(Json(Ordered { dead_letters: order(&edge, &name, Which::All, false).await? }))
}

/// Told when it is on disk.
async fn order(edge: &Shared, name: &str, which: Which, retry: bool) -> Result<usize, ApiError> {
    let count = edge.runtime.exhume_webhook_letters(name, which, retry)?;
    edge.runtime.settled().await;
    count.map_or_else(|| known(edge, name), Ok)
}

/// One of the settings that has not begun yet has none.
fn known(edge: &Shared, name: &str) -> Result<usize, ApiError> {
    edge.webhooks.find(name).map(|_| 0).ok_or_else(|| unknown(name))
}

fn of(edge: &Shared, name: &str) -> Result<Vec<HookLetter>, ApiError> {
    edge.runtime.webhook_letters(name).ok_or_else(|| unknown(name))
}

fn one(id: &str) -> Result<Which, ApiError> {
    id.parse().map(Which::One).map_err(|()| ApiError::UnknownMessage(shown::word(id)))
}

fn unknown(name: &str) -> ApiError {
    ApiError::UnknownWebhook(shown::word(name))
}

fn view(host: &str, letter: &HookLetter, whole: bool) -> Letter {
    let HookLetter { event, attempts, failure, time_ms, retried } = letter;
    let webhook_id = cloud_event::id(host, event);
    let whole = whole.then(|| RawValue::from_string(cloud_event::json(event, &webhook_id)).ok());
    Letter {
        id: event.id.to_string(),
        topic: event.topic.clone(),
        attempts: *attempts,
        failure: failure.clone(),
        time_ms: *time_ms,
        retried: *retried,
        event: whole.flatten(),
        webhook_id,
    }
}
