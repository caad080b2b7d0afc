//! Commands: POST /v1/spaces/{space}/commands/{command}. The hot path.
//!
//! Must not know how commands are handled. Fails as the runtime refuses, or as the request is malformed.

use super::body::Received;
use super::detached::detached;
use super::error::ApiError;
use super::idempotency::{Answer, KeyError, Reply};
use super::{Edge, Shared, body, delivery};
use crate::runtime::api::Idempotency;
use crate::words::MessageId;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, Response, StatusCode};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::future::Future;

pub const JSON: HeaderValue = HeaderValue::from_static("application/json");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    #[serde(default = "yes")]
    wait: bool,
}

fn yes() -> bool {
    true
}

type Target = Result<Path<(String, String)>, PathRejection>;

pub async fn command(
    State(edge): State<Shared>,
    target: Target,
    options: Result<Query<Options>, QueryRejection>,
    request: Request,
) -> Result<Response<Body>, ApiError> {
    let Path((space, command)) = target?;
    let Query(Options { wait }) = options?;
    let (head, body) = request.into_parts();
    let mut delivery = delivery::of(&head.headers, &head.extensions)?;
    let key = delivery::idempotency_key(&head.headers)?;
    let Received { bytes: body, share } = body::read(&edge, body).await?;
    delivery.idempotency = key.map(|key| delivery::idempotency(&format!("{space}/{command}"), key, &body, &delivery));
    let once = delivery.idempotency;
    let runtime = edge.runtime.clone();
    let work = async move {
        // Whoever waits for a mailbox, or for the first one of the same key, keeps the body in memory.
        let _share = share;
        if wait {
            runtime.call(&space, &command, body, delivery).await.map(Reply::Body)
        } else {
            let id = runtime.send(&space, &command, body, delivery)?;
            runtime.durable(id).await;
            Ok(Reply::Accepted(id))
        }
    };
    answer(&edge, once, work).await
}

/// Does the work, once if it came with a key. The runtime finishes what it has taken in even if the client leaves; what is
/// detached is the noting of its answer under the key.
pub async fn answer<W>(edge: &Edge, once: Option<Idempotency>, work: W) -> Result<Response<Body>, ApiError>
where
    W: Future<Output = Answer> + Send + 'static,
{
    let answer = match once {
        None => work.await,
        Some(Idempotency { key, content }) => detached(edge.keys.clone().once(key, content, work)).await?,
    };
    match answer? {
        Reply::Body(body) => Ok(reply(body)),
        Reply::Accepted(id) => Ok(accepted(id)),
    }
}

/// A reply is whatever bytes the space has given; only what is JSON is called so.
fn reply(body: Bytes) -> Response<Body> {
    let is_json = serde_json::from_slice::<IgnoredAny>(&body).is_ok();
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, if is_json { JSON } else { BYTES });
    response
}

fn accepted(id: MessageId) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{{\"id\":\"{id}\"}}")));
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    // An id is digits and a dash, which every header value may be.
    if let Ok(location) = HeaderValue::try_from(format!("/v1/messages/{id}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Reused => ApiError::KeyReused,
            KeyError::Full => ApiError::KeysFull,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accepted_message_says_where_its_outcome_will_be() {
        let response = accepted(MessageId { sequence: 42, ordinal: 7 });
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert_eq!(response.headers()[LOCATION], "/v1/messages/42-7");
    }

    #[test]
    fn only_json_is_called_json() {
        let content_type = |body: &'static [u8]| reply(Bytes::from_static(body)).headers()[CONTENT_TYPE].clone();
        assert_eq!((content_type(b"{\"a\":1}"), content_type(b"null")), (JSON, JSON));
        assert_eq!((content_type(b"\xff"), content_type(b"{} {}"), content_type(b"")), (BYTES, BYTES, BYTES));
    }

    #[test]
    fn waiting_is_the_default_and_other_options_are_refused() {
        let options = |text: &str| Query::<Options>::try_from_uri(&format!("/?{text}").parse().unwrap());
        assert!(options("").unwrap().wait);
        assert!(!options("wait=false").unwrap().wait);
        assert!(options("wait=maybe").is_err());
        assert!(options("weight=false").is_err());
    }
}
