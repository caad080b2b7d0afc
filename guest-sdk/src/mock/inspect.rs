//! What a test looks at afterwards. It only reads; a body or value that is no JSON panics when read as such.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::mock::records::json;
use crate::mock::{Message, MockHost, Timer};
use crate::{Level, Space, describe};

impl MockHost {
    /// The events published, in order.
    pub fn published(&self) -> Vec<Message> {
        self.0.borrow().effects.published.clone()
    }

    /// The one-way commands sent, in order.
    pub fn sent(&self) -> Vec<Message> {
        self.0.borrow().effects.sent.clone()
    }

    /// The requests made, in order, also by turns that failed: they stand on their own.
    pub fn requested(&self) -> Vec<Message> {
        self.0.borrow().requested.clone()
    }

    /// The timers that wait, by name.
    pub fn timers(&self) -> Vec<Timer> {
        self.0.borrow().effects.timers.values().cloned().collect()
    }

    /// The log lines, in order, also of turns that failed.
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.0.borrow().logs.clone()
    }

    /// The whole state: raw keys and values.
    pub fn state(&self) -> BTreeMap<String, Value> {
        let world = self.0.borrow();
        let entries = world.effects.state.iter();
        entries.map(|(key, value)| (String::from_utf8_lossy(key).into_owned(), json(value))).collect()
    }

    /// The descriptor, as the host gets it.
    pub fn describe<S: Space>(&self) -> Value {
        describe::of::<S>()
    }
}
