//! CloudEvents 1.0 taken in over HTTP, structured or binary.
//!
//! Must not know topics' subscribers or connections; how events are given out is `crate::cloud_event`. `attributes` checks; what
//! fails there says which attribute and why.

mod attributes;
mod incoming;

pub use crate::cloud_event::{id, json};
pub use attributes::Malformed;
pub use incoming::{Incoming, form};
