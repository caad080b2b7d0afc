//! The message in hand and what a handler may send. It owns the face; every call goes to the host as it is, and fails with what the
//! host answers (wit/space.wit lists the codes).

use std::fmt::Display;
use std::time::Duration;

use crate::{Envelope, Event, FromBody, OrFail, Result, Timers, ToBody, port};

/// What a handler knows of its message, and its way to the outside. It holds no data worth keeping: take it by reference, and
/// ask again.
#[derive(Debug)]
pub struct Context {
    name: String,
}

impl Context {
    /// The context of the command, topic or timer of this name.
    pub(crate) fn of(name: impl Into<String>) -> Self {
        Context { name: name.into() }
    }

    /// The topic of the event in hand. (In other handlers: the name of the command or timer.)
    pub fn topic(&self) -> &str {
        &self.name
    }

    /// The part of the timer's name after the first `/`: the timer `remind/4711` has the key `4711`.
    pub fn timer_key(&self) -> Option<&str> {
        self.name.split_once('/').map(|(_, key)| key)
    }

    /// The id of the message: the same in each attempt, different for each message.
    pub fn id(&self) -> String {
        port::id()
    }

    /// Who sent it: the name of a space, `client`, `timer` or `host`.
    pub fn source(&self) -> String {
        port::source()
    }

    /// The key it came with.
    pub fn key(&self) -> Option<String> {
        port::key()
    }

    /// The key, where it says what the message is about and so must be there: `ctx.required_key("customer")?`. Whoever reads
    /// it from the key and not from the body cannot be told of one customer in the partition of another.
    pub fn required_key(&self, what: &str) -> Result<String> {
        let why = format!("the key of the message says which {what}: send the header Spacehost-Key");
        self.key().or_fail("no-key", why)
    }

    /// 1 for the first attempt.
    pub fn attempt(&self) -> u32 {
        port::attempt()
    }

    /// Its headers, names in lower case.
    pub fn headers(&self) -> Vec<(String, String)> {
        port::headers()
    }

    /// The header of this name, in lower case.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers().into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// Milliseconds since 1970 (UTC). Time stands still within a message, so that each attempt sees the same.
    pub fn now(&self) -> u64 {
        port::now()
    }

    /// The next of the message's random numbers, the same in each attempt. Not for secrets.
    pub fn random(&self) -> u64 {
        port::random()
    }

    /// The name under which the operator runs this space.
    pub fn space(&self) -> String {
        port::space()
    }

    /// The partition that handles this message, from 0.
    pub fn partition(&self) -> u32 {
        port::partition()
    }

    /// Publishes an event on its own topic.
    pub fn emit(&self, event: &impl Event) -> Result<()> {
        self.publish(&event.topic(), event)
    }

    /// Publishes on a topic, such as `payments.charged`.
    pub fn publish(&self, topic: &str, body: &(impl ToBody + ?Sized)) -> Result<()> {
        port::publish(topic, &body.to_body()?)
    }

    /// Sends a one-way command to an address, such as `payments/charge`.
    pub fn send(&self, address: &str, body: &(impl ToBody + ?Sized)) -> Result<()> {
        port::send(address, &body.to_body()?)
    }

    /// Sends a command and waits for its reply: `ctx.request::<Receipt>("payments/charge", &charge)?`.
    pub fn request<R: FromBody>(&self, address: &str, body: &(impl ToBody + ?Sized)) -> Result<R> {
        crate::envelope::answer(address, port::request(address, &body.to_body()?)?)
    }

    /// Sends with a key of its own: `ctx.with_key(order).send("payments/charge", &charge)?`.
    pub fn with_key(&self, key: impl Display) -> Envelope {
        Envelope::default().with_key(key)
    }

    /// Sends with a header of its own.
    pub fn with_header(&self, name: impl Into<String>, value: impl Into<String>) -> Envelope {
        Envelope::default().with_header(name, value)
    }

    /// Requests with a time-out of its own.
    pub fn with_timeout(&self, timeout: Duration) -> Envelope {
        Envelope::default().with_timeout(timeout)
    }

    /// The timers of this partition.
    pub fn timers(&self) -> Timers<'_> {
        Timers::new(self)
    }
}
