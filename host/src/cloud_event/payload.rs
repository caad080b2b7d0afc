//! Payloads inside a JSON document: as they are when they are JSON, else in base64.
//!
//! Must not know what document they are part of. Cannot fail.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

pub enum Payload<'a> {
    Json(&'a RawValue),
    Base64(String),
    Empty,
}

impl<'a> Payload<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        if bytes.is_empty() {
            return Payload::Empty;
        }
        match serde_json::from_slice(bytes) {
            Ok(json) => Payload::Json(json),
            Err(_) => Payload::Base64(STANDARD.encode(bytes)),
        }
    }

    pub fn json(&self) -> Option<&'a RawValue> {
        if let Payload::Json(json) = self { Some(json) } else { None }
    }

    pub fn base64(&self) -> Option<&str> {
        if let Payload::Base64(text) = self { Some(text) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_as_written_and_the_rest_is_encoded() {
        assert_eq!(Payload::of(b"{\"a\": 1.0}").json().unwrap().get(), "{\"a\": 1.0}");
        assert_eq!(Payload::of(b"\xff\x00").base64(), Some("/wA="));
        assert_eq!(Payload::of(b"{\"a\":").base64(), Some("eyJhIjo="));
        let empty = Payload::of(b"");
        assert!(empty.json().is_none() && empty.base64().is_none());
    }
}
