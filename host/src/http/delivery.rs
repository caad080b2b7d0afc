//! Reads what comes with a message besides its body: partition key, inherited headers, idempotency key.
//!
//! Must not know bodies or targets. Fails when a header is not text or too long.

use super::accept::ConnectionNumber;
use super::error::ApiError;
use super::idempotency::Digest;
use crate::runtime::api::{Delivery, Idempotency};
use crate::words::message::{Headers, INHERITED_HEADERS};
use crate::words::topic::MAX_TOPIC;
use axum::http::{Extensions, HeaderMap};
use std::sync::Arc;

const PARTITION_KEY: &str = "spacehost-key";
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The W3C allows 512 for `tracestate`, the longest of those passed on.
const MAX_PASSED_ON: usize = 512;

pub fn of(headers: &HeaderMap, extensions: &Extensions) -> Result<Delivery, ApiError> {
    Ok(Delivery {
        idempotency: None,
        key: text(headers, PARTITION_KEY, MAX_TOPIC)?.map(Arc::from),
        headers: passed_on(headers)?,
        connection: extensions.get().map_or(0, |ConnectionNumber(number)| *number),
    })
}

/// The client's key for this request, if it gave one.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let key = text(headers, IDEMPOTENCY_KEY, MAX_TOPIC)?;
    if key == Some("") { Err(ApiError::BadRequest(format!("the header {IDEMPOTENCY_KEY} is empty"))) } else { Ok(key) }
}

/// The idempotency of a request with that key: for `target`, and for this body alone.
pub fn idempotency(target: &str, key: &str, body: &[u8], delivery: &Delivery) -> Idempotency {
    let key = *blake3::hash(format!("{target}\n{key}").as_bytes()).as_bytes();
    Idempotency { key, content: digest(body, delivery) }
}

/// What makes two requests the same: the body and the partition that it goes to.
fn digest(body: &[u8], delivery: &Delivery) -> Digest {
    let mut hasher = blake3::Hasher::new();
    let key = delivery.key.as_deref().unwrap_or_default();
    // The length first, so that no key and body together look like another pair.
    hasher.update(&(key.len() as u64).to_le_bytes()).update(key.as_bytes()).update(body);
    *hasher.finalize().as_bytes()
}

fn passed_on(headers: &HeaderMap) -> Result<Headers, ApiError> {
    let mut found = Vec::new();
    for name in INHERITED_HEADERS {
        if let Some(value) = text(headers, name, MAX_PASSED_ON)? {
            found.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok((!found.is_empty()).then(|| Arc::new(found)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str, longest: usize) -> Result<Option<&'a str>, ApiError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    match value.to_str() {
        Ok(text) if text.len() <= longest => Ok(Some(text)),
        Ok(_) => Err(ApiError::BadRequest(format!("the header {name} is longer than {longest} bytes"))),
        Err(_) => Err(ApiError::BadRequest(format!("the header {name} is not visible ASCII"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_bytes(v.as_bytes()).unwrap()))
            .collect()
    }

    #[test]
    fn key_trace_and_connection_pass_on_and_nothing_else() {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectionNumber(7));
        let given = headers(&[("spacehost-key", "customer-1"), ("traceparent", "00-1-2-01"), ("cookie", "c=1")]);
        let delivery = of(&given, &extensions).unwrap();
        assert_eq!(delivery.key.as_deref(), Some("customer-1"));
        assert_eq!(delivery.connection, 7);
        assert_eq!(*delivery.headers.unwrap(), [("traceparent".to_owned(), "00-1-2-01".to_owned())]);
        assert!(of(&headers(&[]), &Extensions::new()).unwrap().headers.is_none());
    }

    #[test]
    fn bad_headers_are_named() {
        let bad = |name, value: &str| of(&headers(&[(name, value)]), &Extensions::new()).unwrap_err().to_string();
        assert!(bad("spacehost-key", &"x".repeat(256)).contains("spacehost-key"));
        assert!(bad("traceparent", "ä").contains("traceparent"));
        assert!(idempotency_key(&headers(&[("idempotency-key", "")])).is_err());
    }

    #[test]
    fn a_digest_keeps_key_and_body_apart() {
        let with = |key: &str| Delivery { key: Some(key.into()), ..Delivery::default() };
        assert_ne!(digest(b"bc", &with("a")), digest(b"c", &with("ab")));
        assert_ne!(digest(b"", &Delivery::default()), digest(b"x", &Delivery::default()));
    }
}
