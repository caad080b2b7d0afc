//! What a space sent or set, as a test looks at it. Plain data; reading a body that is no JSON panics, for it is a test.

use serde_json::Value;

use crate::port::Headers;

/// A message that left the space: published, sent or requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The topic, or the address.
    pub to: String,
    pub body: Vec<u8>,
    /// A key of its own; none passes on that of the message in hand.
    pub key: Option<String>,
    pub headers: Vec<(String, String)>,
}

impl Message {
    pub(crate) fn new(to: &str, body: &[u8], key: Option<&str>, headers: &Headers) -> Self {
        Message { to: to.to_owned(), body: body.to_vec(), key: key.map(str::to_owned), headers: headers.to_vec() }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        json(&self.body)
    }
}

/// A timer that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    pub name: String,
    pub body: Vec<u8>,
    /// When it fires, in milliseconds since 1970.
    pub due: u64,
    /// The interval of a timer that repeats.
    pub period_ms: Option<u64>,
}

impl Timer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        json(&self.body)
    }
}

pub(crate) fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body)
        .unwrap_or_else(|error| panic!("the body is no JSON ({error}): {}", body.escape_ascii()))
}
