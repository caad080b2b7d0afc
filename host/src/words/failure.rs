//! A failure: why something did not happen, in the form that guests, clients and the journal share.
//!
//! The codes that the host itself gives are constants here, because the retry policy branches on them.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// `code` is for programs, `message` for people; `retryable` says that the same may succeed later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    pub code: Cow<'static, str>,
    pub message: String,
    pub retryable: bool,
}

/// The codes of the host.
pub mod code {
    pub const BAD_ADDRESS: &str = "bad-address";
    pub const BAD_TOPIC: &str = "bad-topic";
    pub const CYCLE: &str = "cycle";
    pub const DENIED: &str = "denied";
    pub const DIVERGED: &str = "diverged";
    pub const FAN_OUT: &str = "fan-out";
    pub const HOPS: &str = "hops";
    pub const KEY_TOO_LARGE: &str = "key-too-large";
    pub const NOT_IN_TURN: &str = "not-in-turn";
    pub const OVERLOADED: &str = "overloaded";
    pub const PURGED: &str = "purged";
    pub const STATE_FULL: &str = "state-full";
    pub const TIMEOUT: &str = "timeout";
    pub const TOO_LARGE: &str = "too-large";
    pub const TOO_MANY_TIMERS: &str = "too-many-timers";
    pub const TRAPPED: &str = "trapped";
    pub const UNAVAILABLE: &str = "unavailable";
    pub const UNKNOWN: &str = "unknown";
    pub const UNKNOWN_COMMAND: &str = "unknown-command";
    pub const UNKNOWN_SPACE: &str = "unknown-space";
    pub const VALUE_TOO_LARGE: &str = "value-too-large";
}

impl Failure {
    /// A failure that will be the same next time.
    pub fn last(code: &'static str, message: impl Into<String>) -> Self {
        Failure { code: Cow::Borrowed(code), message: message.into(), retryable: false }
    }

    /// A failure that may pass.
    pub fn passing(code: &'static str, message: impl Into<String>) -> Self {
        Failure { code: Cow::Borrowed(code), message: message.into(), retryable: true }
    }

    /// Back-pressure and rings are the host's business, not the message's: such a turn runs again without counting as
    /// an attempt.
    pub fn is_congestion(&self) -> bool {
        self.code == code::OVERLOADED || self.code == code::CYCLE
    }
}
