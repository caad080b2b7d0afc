//! Reads a request's body within a size and a time.
//!
//! Must not know what the bytes mean, or which limit the addressed space has: the runtime checks that one. Fails with
//! too large, too slow, or broken off by the client.

use super::Edge;
use super::error::ApiError;
use crate::words::limits::Limits;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::time::Duration;

/// How long a whole body may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes that are taken in of a body that nobody wants, and for how long.
const UNWANTED: usize = 16 << 20;
const UNWANTED_PATIENCE: Duration = Duration::from_secs(2);

/// The whole body.
pub async fn read(edge: &Edge, body: Body) -> Result<Bytes, ApiError> {
    let expected = body.size_hint().exact();
    if expected == Some(0) {
        return Ok(Bytes::new());
    }
    read_up_to(body, allowed(edge, expected)).await
}

/// The whole body, of so many bytes at most.
pub async fn read_up_to(body: Body, allowed: usize) -> Result<Bytes, ApiError> {
    let expected = body.size_hint().exact();
    if expected.is_some_and(|bytes| bytes > allowed as u64) {
        discard(body).await;
        return Err(ApiError::BodyTooLarge { allowed });
    }
    let collected = tokio::time::timeout(PATIENCE, Limited::new(body, allowed).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::BodyTooLarge { allowed }),
        Ok(Err(error)) => Err(ApiError::BadRequest(format!("the body broke off: {error}"))),
        Err(_) => Err(ApiError::BodyTooSlow),
    }
}

/// Takes in what nobody wants, as far as that is little: a client that is still sending would find its connection closed
/// instead of the answer.
pub async fn discard(mut body: Body) {
    let reading = async {
        let mut read = 0;
        while let (true, Some(Ok(frame))) = (read < UNWANTED, body.frame().await) {
            read += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    // A client that is slower than this does not wait for an answer yet.
    let _ = tokio::time::timeout(UNWANTED_PATIENCE, reading).await;
}

/// The largest `message_bytes` of any space. Spaces are asked only when the default is not known to be enough.
fn allowed(edge: &Edge, expected: Option<u64>) -> usize {
    let usual = Limits::default().message_bytes;
    let most = match expected {
        Some(bytes) if bytes <= usual => usual,
        _ => edge.runtime.spaces().iter().map(|space| space.limits.message_bytes).fold(usual, u64::max),
    };
    usize::try_from(most).unwrap_or(usize::MAX)
}
