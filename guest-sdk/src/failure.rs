//! Why something did not happen, and the ways to say so. It knows no host: a failure is made in a handler, by a host call or
//! by the SDK, and looks the same each time.

use std::fmt::{self, Display};

/// The result of a handler and of each host call.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why something did not happen. `code` is for programs (lower case, words joined by `-`), `message` for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: String,
    pub message: String,
    /// The same message may succeed later: the host tries one-way commands, events and timers again.
    pub retryable: bool,
}

impl Failure {
    /// A final failure: trying again would not help.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Failure { code: code.into(), message: message.into(), retryable: false }
    }

    /// A failure that may pass: the host tries again by the space's retry policy.
    pub fn retry(code: impl Into<String>, message: impl Into<String>) -> Self {
        Failure { retryable: true, ..Failure::new(code, message) }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}

/// JSON that a handler reads or writes by itself.
impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Failure::new("bad-json", error.to_string())
    }
}

/// Turns what is missing or went wrong into a final failure: `map.get(&id)?.or_fail("unknown-order", "no such order")?`.
pub trait OrFail<T> {
    /// The value, or a failure of this code.
    fn or_fail(self, code: &str, message: impl Display) -> Result<T>;
}

impl<T> OrFail<T> for Option<T> {
    fn or_fail(self, code: &str, message: impl Display) -> Result<T> {
        self.ok_or_else(|| Failure::new(code, message.to_string()))
    }
}

impl<T, E: Display> OrFail<T> for Result<T, E> {
    fn or_fail(self, code: &str, message: impl Display) -> Result<T> {
        self.map_err(|error| Failure::new(code, format!("{message}: {error}")))
    }
}
