//! Which partition waits for which. A ring of waits would never end, so the request that would close one is refused.
//!
//! A partition waits for at most one other, so the graph is a set of chains, and looking for a ring is following one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Numbers partitions for as long as the host runs.
pub type PartitionNumber = u64;

#[derive(Default)]
pub struct Waits(Mutex<HashMap<PartitionNumber, PartitionNumber>>);

/// While this lives, `waiting` waits.
pub struct Waiting<'a> {
    waits: &'a Waits,
    waiting: PartitionNumber,
}

impl Waits {
    /// None when `target` waits, perhaps through others, for `waiting`.
    pub fn begin(&self, waiting: PartitionNumber, target: PartitionNumber) -> Option<Waiting<'_>> {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = target;
        loop {
            if at == waiting {
                return None;
            }
            match waits.get(&at) {
                Some(next) => at = *next,
                None => break,
            }
        }
        waits.insert(waiting, target);
        Some(Waiting { waits: self, waiting })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.waits.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_to_oneself_or_round_a_ring_is_refused() {
        let waits = Waits::default();
        assert!(waits.begin(1, 1).is_none());
        let _one_two = waits.begin(1, 2).unwrap();
        let two_three = waits.begin(2, 3).unwrap();
        assert!(waits.begin(3, 1).is_none());
        assert!(waits.begin(4, 1).is_some(), "joining a chain is no ring");
        drop(two_three);
        assert!(waits.begin(3, 1).is_some(), "a wait that has ended is forgotten");
    }
}
