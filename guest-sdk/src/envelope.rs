//! A message with a key, headers or a time-out of its own. It owns their collection; sending fails as the same calls of the context
//! do.

use std::fmt::Display;
use std::time::Duration;

use crate::{Event, Failure, FromBody, Result, ToBody, port};

/// What is written on a message besides its address. Begin with `ctx.with_key(…)`, `with_header` or `with_timeout`; end with
/// `emit`, `publish`, `send` or `request`.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is sent before `emit`, `publish`, `send` or `request`"]
pub struct Envelope {
    key: Option<String>,
    headers: Vec<(String, String)>,
    timeout: Option<Duration>,
}

impl Envelope {
    /// The key that chooses the partition; without one, that of the message in hand passes on.
    pub fn with_key(mut self, key: impl Display) -> Self {
        self.key = Some(key.to_string());
        self
    }

    /// One more header; names are lower case.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// How long a `request` waits; nothing else does.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Publishes an event on its own topic.
    pub fn emit(&self, event: &impl Event) -> Result<()> {
        self.publish(&event.topic(), event)
    }

    /// Publishes on a topic.
    pub fn publish(&self, topic: &str, body: &(impl ToBody + ?Sized)) -> Result<()> {
        port::publish_with(topic, &body.to_body()?, self.key.as_deref(), &self.headers)
    }

    /// Sends a one-way command.
    pub fn send(&self, address: &str, body: &(impl ToBody + ?Sized)) -> Result<()> {
        port::send_with(address, &body.to_body()?, self.key.as_deref(), &self.headers)
    }

    /// Sends a command and waits for its reply.
    pub fn request<R: FromBody>(&self, address: &str, body: &(impl ToBody + ?Sized)) -> Result<R> {
        let timeout = self.timeout.map(|timeout| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
        answer(address, port::request_with(address, &body.to_body()?, self.key.as_deref(), &self.headers, timeout)?)
    }
}

/// A reply as the type that the caller expects, or the failure `bad-reply`.
pub(crate) fn answer<R: FromBody>(address: &str, reply: Vec<u8>) -> Result<R> {
    R::from_body(&reply).map_err(|why| Failure::new("bad-reply", format!("the reply of {address}: {why}")))
}
