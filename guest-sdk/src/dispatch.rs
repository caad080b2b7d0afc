//! The steps between a raw message and a typed handler. It owns the failures of a message that does not fit; it knows nothing of
//! one particular space.

use crate::describe::Described;
use crate::{Failure, FromBody, Result, ToBody};

pub use crate::topic::matches;

/// The handler's input, or the failure `bad-input` that names the field.
pub fn input<T: FromBody>(body: &[u8]) -> Result<T> {
    T::from_body(body).map_err(|why| Failure::new("bad-input", why))
}

/// The body of a command's reply.
pub fn reply<R: Reply<Shape>, Shape>(returned: R) -> Result<Vec<u8>> {
    returned.into_reply()
}

/// The end of a handler that answers nothing.
pub fn done<D: Done>(returned: D) -> Result<()> {
    returned.into_done()
}

/// The failure of a message that no handler takes, such as the code `unknown-command`.
pub fn unknown<T>(what: &str, name: &str) -> Result<T> {
    Err(Failure::new(format!("unknown-{what}"), format!("this space handles no {what} `{name}`")))
}

/// The handler of a timer: its name up to the first `/`, so that one handler serves a timer for each order, say.
pub fn timer_family(name: &str) -> &str {
    name.split_once('/').map_or(name, |(family, _)| family)
}

/// The shape of a reply that is a value. (Without shapes the two implementations of `Reply` would overlap; which one is meant is
/// inferred, because `Failure` cannot be a body.)
pub enum Plain {}

/// The shape of a reply that may be a failure instead.
pub enum Fallible {}

/// What a command may return: a value, or a `Result` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the reply of a command",
    label = "no reply",
    note = "return `T`, or `Result<T>` with `Failure` as its error, where `T` derives `Serialize` and `JsonSchema`, or is `Bytes`"
)]
pub trait Reply<Shape> {
    /// The value whose schema is the reply's.
    type Value: Described;

    /// The body, or the failure.
    fn into_reply(self) -> Result<Vec<u8>>;
}

impl<T: ToBody + Described> Reply<Plain> for T {
    type Value = T;

    fn into_reply(self) -> Result<Vec<u8>> {
        self.to_body()
    }
}

impl<T: ToBody + Described> Reply<Fallible> for Result<T, Failure> {
    type Value = T;

    fn into_reply(self) -> Result<Vec<u8>> {
        self?.to_body()
    }
}

/// What the handler of an event or a timer may return: nothing, or `Result<()>`.
#[diagnostic::on_unimplemented(
    message = "the handler of an event or a timer cannot return `{Self}`",
    label = "nobody waits for this",
    note = "return `Result<()>`, or nothing"
)]
pub trait Done {
    /// Whether it succeeded.
    fn into_done(self) -> Result<()>;
}

impl Done for () {
    fn into_done(self) -> Result<()> {
        Ok(())
    }
}

impl Done for Result<(), Failure> {
    fn into_done(self) -> Result<()> {
        self
    }
}
