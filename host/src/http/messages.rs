//! What became of messages: GET /v1/messages/{id}.
//!
//! Must not know where outcomes are kept. Fails when the message is unknown, or its outcome has expired.

use super::Shared;
use super::error::ApiError;
use crate::cloud_event::Payload;
use crate::runtime::api::Outcome;
use crate::words::MessageId;
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
    edge.runtime.settled().await;
    let reply = match &outcome {
        Outcome::Done { reply } => Payload::of(reply),
        _ => Payload::Empty,
    };
    let view = OutcomeView { id, outcome: &outcome, reply: reply.json(), reply_base64: reply.base64() };
    Ok(Json(view).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn an_outcome_is_flat_and_its_reply_is_json() {
        let outcome = Outcome::Done { reply: Bytes::from_static(b"[1]") };
        let reply = Payload::of(b"[1]");
        let id = MessageId { sequence: 1, ordinal: 0 };
        let view = OutcomeView { id, outcome: &outcome, reply: reply.json(), reply_base64: None };
        assert_eq!(serde_json::to_string(&view).unwrap(), r#"{"id":"1-0","status":"done","reply":[1]}"#);
    }
}
