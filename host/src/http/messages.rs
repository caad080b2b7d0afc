//! What became of messages: GET /v1/messages/{id} and the dead letters of a space.
//!
//! Must not know where outcomes are kept. Fails when the message or space is unknown, or its outcome has expired.

use super::Shared;
use super::error::ApiError;
use super::payload::Payload;
use crate::runtime::api::{DeadLetter, Outcome, Refusal};
use crate::words::{MessageId, SpaceName};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct OutcomeView<'a> {
    id: MessageId,
    #[serde(flatten)]
    outcome: &'a Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_base64: Option<&'a str>,
}

pub async fn outcome(
    State(edge): State<Shared>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(text) = id?;
    let Some((id, outcome)) = text.parse().ok().and_then(|id| Some((id, edge.runtime.message(id)?))) else {
        return Err(ApiError::UnknownMessage(text.chars().take(64).collect()));
    };
    let reply = match &outcome {
        Outcome::Done { reply } => Payload::of(reply),
        _ => Payload::Empty,
    };
    let view = OutcomeView { id, outcome: &outcome, reply: reply.json(), reply_base64: reply.base64() };
    Ok(Json(view).into_response())
}

#[derive(Serialize)]
struct DeadLetterView<'a> {
    #[serde(flatten)]
    letter: &'a DeadLetter,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

#[derive(Serialize)]
struct DeadLetters<'a> {
    dead_letters: Vec<DeadLetterView<'a>>,
}

pub async fn dead_letters(
    State(edge): State<Shared>,
    space: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(space) = space?;
    let name = SpaceName::parse(&space)?;
    if edge.runtime.space(&name).is_none() {
        return Err(Refusal::UnknownSpace(name).into());
    }
    let letters = edge.runtime.dead_letters(&name);
    let dead_letters = letters.iter().map(view).collect();
    Ok(Json(DeadLetters { dead_letters }).into_response())
}

fn view(letter: &DeadLetter) -> DeadLetterView<'_> {
    let body = Payload::of(&letter.body);
    DeadLetterView { letter, body: body.json(), body_base64: body.base64().map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Failure;
    use bytes::Bytes;

    #[test]
    fn an_outcome_is_flat_and_its_reply_is_json() {
        let outcome = Outcome::Done { reply: Bytes::from_static(b"[1]") };
        let reply = Payload::of(b"[1]");
        let id = MessageId { sequence: 1, ordinal: 0 };
        let view = OutcomeView { id, outcome: &outcome, reply: reply.json(), reply_base64: None };
        assert_eq!(serde_json::to_string(&view).unwrap(), r#"{"id":"1-0","status":"done","reply":[1]}"#);
    }

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
