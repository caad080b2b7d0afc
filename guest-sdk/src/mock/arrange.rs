//! What a test arranges before it calls a space: time, settings, the message, replies of others. It cannot fail, but for values
//! that serde cannot write, which panic.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::mock::MockHost;
use crate::{Failure, ToBody};

impl MockHost {
    /// Sets the clock, in milliseconds since 1970; the next message sees it.
    pub fn set_time(&self, ms: u64) {
        self.0.borrow_mut().clock = ms;
    }

    /// Moves the clock on; the next message sees it. Timers fire by `fire_timers`.
    pub fn advance(&self, by: Duration) {
        self.0.borrow_mut().clock += u64::try_from(by.as_millis()).expect("time within 500 million years");
    }

    /// The operator's settings.
    pub fn set_config(&self, settings: impl Serialize) {
        self.0.borrow_mut().config = value(settings);
    }

    /// The name under which the space runs, and its partition.
    pub fn set_place(&self, space: &str, partition: u32) {
        let mut world = self.0.borrow_mut();
        world.space = space.to_owned();
        world.partition = partition;
    }

    /// Who sends the messages from here on.
    pub fn set_source(&self, source: &str) {
        self.0.borrow_mut().hand.source = source.to_owned();
    }

    /// The key of the messages from here on.
    pub fn set_key(&self, key: Option<&str>) {
        self.0.borrow_mut().hand.key = key.map(str::to_owned);
    }

    /// Which attempt the messages from here on are.
    pub fn set_attempt(&self, attempt: u32) {
        self.0.borrow_mut().hand.attempt = attempt;
    }

    /// A header of the messages from here on.
    pub fn set_header(&self, name: &str, value: &str) {
        let mut world = self.0.borrow_mut();
        world.hand.headers.retain(|(other, _)| other != name);
        world.hand.headers.push((name.to_owned(), value.to_owned()));
    }

    /// What requests to an address are answered.
    pub fn replies_to(&self, address: &str, reply: impl ToBody) {
        let body = reply.to_body().expect("a reply that serde can write");
        self.0.borrow_mut().replies.insert(address.to_owned(), Ok(body));
    }

    /// The failure that requests to an address meet.
    pub fn fails_at(&self, address: &str, failure: Failure) {
        self.0.borrow_mut().replies.insert(address.to_owned(), Err(failure));
    }

    /// Puts a value into the state under a raw key, for instance as an older version wrote it.
    pub fn set_state(&self, key: &str, state: impl Serialize) {
        let json = serde_json::to_vec(&state).expect("a value that serde can write");
        self.0.borrow_mut().effects.state.insert(key.into(), json);
    }
}

fn value(of: impl Serialize) -> Value {
    serde_json::to_value(of).expect("a value that serde can write")
}
