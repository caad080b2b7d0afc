//! The harness of the end-to-end tests: builds the guests, runs a host, waits for states.
//!
//! Owns how a test talks to a host, and nothing of what a test claims: that is in `tests/`. Whatever goes wrong here is a
//! panic that names what was tried.

mod collector;
mod daemon;
mod dice;
pub mod fuzz;
mod guests;
mod host;
pub mod hostile;
pub mod money;
pub mod raw;
mod receiver;
pub mod strace;
mod wait;
pub mod wire;

pub use collector::{Collector, Received, free_port};
pub use daemon::{Daemon, Launch, Refused, binary, json_of, parent_of};
pub use dice::Dice;
pub use guests::{guest, system_into};
pub use host::{Host, fast_retries, granting_all, limits};
pub use receiver::{Absent, Posted, Receiver, SECRET, write_secret};
pub use wait::{GIVE_UP, until};
