//! Dead letters: GET their list or one of them, POST …/retry, DELETE.
//!
//! Must not know where they are kept. Fails when the space or the letter is unknown.

use super::Shared;
use super::error::ApiError;
use super::shown;
use crate::cloud_event::Payload;
use crate::runtime::api::{DeadLetter, Refusal};
use crate::words::{MessageId, SpaceName};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct View<'a> {
    #[serde(flatten)]
    letter: &'a DeadLetter,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

#[derive(Serialize)]
struct List<'a> {
    dead_letters: Vec<View<'a>>,
}

type OfSpace = Result<Path<String>, PathRejection>;
type OfLetter = Result<Path<(String, String)>, PathRejection>;

pub async fn list(State(edge): State<Shared>, space: OfSpace) -> Result<Response, ApiError> {
    let Path(space) = space?;
    let letters = all(&edge, &space)?;
    edge.runtime.settled().await;
    Ok(Json(List { dead_letters: letters.iter().map(view).collect() }).into_response())
}

pub async fn show(State(edge): State<Shared>, letter: OfLetter) -> Result<Response, ApiError> {
    let Path((space, id)) = letter?;
    let wanted = parse(&id)?;
    let letters = all(&edge, &space)?;
    edge.runtime.settled().await;
    let letter = letters.iter().find(|letter| letter.id == wanted).ok_or(ApiError::UnknownMessage(id))?;
    Ok(Json(view(letter)).into_response())
}

/// Handled again, under the same id and as if for the first time.
pub async fn retry(State(edge): State<Shared>, letter: OfLetter) -> Result<StatusCode, ApiError> {
    let Path((space, id)) = letter?;
    let found = edge.runtime.retry_dead_letter(&SpaceName::parse(&space)?, parse(&id)?)?;
    edge.runtime.settled().await;
    if found { Ok(StatusCode::ACCEPTED) } else { Err(ApiError::UnknownMessage(id)) }
}

pub async fn drop(State(edge): State<Shared>, letter: OfLetter) -> Result<StatusCode, ApiError> {
    let Path((space, id)) = letter?;
    let found = edge.runtime.drop_dead_letter(&SpaceName::parse(&space)?, parse(&id)?)?;
    edge.runtime.settled().await;
    if found { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::UnknownMessage(id)) }
}

fn all(edge: &Shared, space: &str) -> Result<Vec<DeadLetter>, ApiError> {
    let name = SpaceName::parse(space)?;
    if edge.runtime.space(&name).is_none() {
        return Err(Refusal::UnknownSpace(name).into());
    }
    Ok(edge.runtime.dead_letters(&name))
}

fn parse(id: &str) -> Result<MessageId, ApiError> {
    id.parse().map_err(|()| ApiError::UnknownMessage(shown::word(id)))
}

fn view(letter: &DeadLetter) -> View<'_> {
    let body = Payload::of(&letter.body);
    View { letter, body: body.json(), body_base64: body.base64().map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Failure;
    use bytes::Bytes;

    #[test]
    fn a_dead_letter_shows_its_body() {
        let letter = DeadLetter {
            id: MessageId { sequence: 1, ordinal: 0 },
            kind: "event",
            name: "a.b".into(),
            source: "orders".into(),
            partition: 0,
            attempts: 5,
            failure: Failure::last("bad", "no"),
            body: Bytes::from_static(b"{\"a\":1}"),
        };
        let json = serde_json::to_value(view(&letter)).unwrap();
        assert_eq!(json["body"]["a"], 1);
        assert_eq!(json["failure"]["code"], "bad");
    }
}
