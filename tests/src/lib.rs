//! The harness of the end-to-end tests: builds the guests, runs a host, waits for states.
//!
//! Owns how a test talks to a host, and nothing of what a test claims: that is in `tests/`. Whatever goes wrong here is a
//! panic that names what was tried.

mod daemon;
mod guests;
mod host;
pub mod raw;
mod wait;

pub use daemon::{Daemon, binary, json_of, parent_of};
pub use guests::guest;
pub use host::{Host, fast_retries, limits};
pub use wait::{GIVE_UP, until};
