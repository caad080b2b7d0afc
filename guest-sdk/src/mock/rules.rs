//! The spelling that a real host insists on, with its failures. Pure text.

use crate::topic::is_token;
use crate::{Failure, Result};

/// A topic has no wildcards.
pub fn topic(topic: &str) -> Result<()> {
    if topic.len() <= 255 && topic.split('.').all(is_token) {
        return Ok(());
    }
    Err(Failure::new("bad-topic", format!("`{topic}` is no topic: tokens joined by dots, such as orders.4711.paid")))
}

/// An address is `space/command`.
pub fn address(address: &str) -> Result<()> {
    match address.split_once('/') {
        Some((space, command)) if is_token(space) && is_token(command) => Ok(()),
        _ => Err(Failure::new(
            "bad-address",
            format!("`{address}` is no address: `space/command`, such as payments/charge"),
        )),
    }
}
