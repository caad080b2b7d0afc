//! What the requests of those got who were asked themselves before the host started, and whose own turns were lost.
//!
//! A calls B, B calls C, and the host ends before B has answered: C's turn stands. A is handled again and asks B under the
//! same id, and B must get what C has answered then. Empty in a host that was not killed in such a moment, and then free.

use super::space::envelope::FirstAttempt;
use crate::words::MessageId;
use crate::words::message::PartitionName;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub struct AskedBefore {
    any: AtomicBool,
    first_attempts: Mutex<HashMap<(PartitionName, MessageId), FirstAttempt>>,
}

impl AskedBefore {
    /// What that message had got in that partition.
    pub fn note(&self, partition: PartitionName, message: MessageId, first: FirstAttempt) {
        self.lock().insert((partition, message), first);
        self.any.store(true, Ordering::Release);
    }

    /// Hands it out once: from then on it is the message's own.
    pub fn take(&self, partition: &PartitionName, message: MessageId) -> Option<FirstAttempt> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut all = self.lock();
        let first = all.remove(&(partition.clone(), message));
        self.any.store(!all.is_empty(), Ordering::Release);
        first
    }

    /// The partition is purged: what it had got is nobody's.
    pub fn forget(&self, partition: &PartitionName) {
        let mut all = self.lock();
        all.retain(|(known, _), _| known != partition);
        self.any.store(!all.is_empty(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(PartitionName, MessageId), FirstAttempt>> {
        self.first_attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
