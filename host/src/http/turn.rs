//! One turn in full: GET /v1/spaces/{space}/history/{sequence}.
//!
//! Owns how its payloads look: JSON where they are JSON, else base64, or their size alone. Must not know the journal. Fails
//! when there is no such turn of the space, or it is no longer kept.

use super::Shared;
use super::error::ApiError;
use super::shown;
use crate::cloud_event::Payload;
use crate::runtime::api::{Refusal, TurnView};
use crate::runtime::whole_turn::{Sent, Told, WholeTurn};
use crate::words::SpaceName;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct View<'a> {
    #[serde(flatten)]
    turn: &'a TurnView,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<PayloadView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<PayloadView<'a>>,
    /// The keys that it wrote, as text as far as they are.
    keys: Vec<String>,
    sent: Vec<SentView<'a>>,
}

/// Empty if nothing was in it.
#[derive(Serialize)]
struct PayloadView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    bytes: usize,
}

#[derive(Serialize)]
struct SentView<'a> {
    kind: &'a str,
    name: &'a str,
    body: PayloadView<'a>,
}

pub async fn turn(
    State(edge): State<Shared>,
    place: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path((space, sequence)) = place?;
    let name = SpaceName::parse(&space)?;
    if edge.runtime.space(&name).is_none() {
        return Err(Refusal::UnknownSpace(name).into());
    }
    let unknown = ApiError::UnknownMessage(shown::word(&sequence));
    let Ok(sequence) = sequence.parse() else { return Err(unknown) };
    let runtime = edge.runtime.clone();
    // Reading takes files, which the threads of requests must not wait for.
    let read = tokio::task::spawn_blocking(move || runtime.turn(&name, sequence));
    let turn = read.await.map_err(|_| Refusal::Stopping)??.ok_or(unknown)?;
    Ok(Json(view(&turn)).into_response())
}

fn view(turn: &WholeTurn) -> View<'_> {
    View {
        turn: &turn.view,
        body: turn.body.as_ref().map(payload),
        reply: turn.reply.as_ref().map(payload),
        keys: turn.written.iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect(),
        sent: turn.sent.iter().map(sent).collect(),
    }
}

fn sent(sent: &Sent) -> SentView<'_> {
    SentView { kind: sent.kind, name: &sent.name, body: payload(&sent.body) }
}

fn payload(told: &Told) -> PayloadView<'_> {
    let shown = told.bytes.as_deref().map_or(Payload::Empty, Payload::of);
    PayloadView { json: shown.json(), base64: shown.base64().map(str::to_owned), bytes: told.size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_payload_is_shown_as_json_as_base64_or_by_its_size() {
        let shown = |told| serde_json::to_string(&payload(&told)).unwrap();
        let of = |bytes: &'static [u8]| Told { size: bytes.len(), bytes: Some(Bytes::from_static(bytes)) };
        assert_eq!(shown(of(b"{\"a\": 1}")), r#"{"json":{"a": 1},"bytes":8}"#);
        assert_eq!(shown(of(b"\xff")), r#"{"base64":"/w==","bytes":1}"#);
        assert_eq!(shown(of(b"")), r#"{"bytes":0}"#);
        assert_eq!(shown(Told { size: 9_000_000, bytes: None }), r#"{"bytes":9000000}"#);
    }
}
