//! What became of the messages that clients sent without waiting, for as long as there is room to remember.

use super::api::Outcome;
use crate::words::MessageId;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The oldest is forgotten when one more comes: asked for, it is `expired`.
const KEPT: usize = 100_000;

#[derive(Default)]
pub struct Outcomes(Mutex<Table>);

#[derive(Default)]
struct Table {
    by_id: HashMap<MessageId, Outcome>,
    oldest_first: VecDeque<MessageId>,
}

impl Outcomes {
    pub fn accepted(&self, id: MessageId) {
        let mut table = self.lock();
        if table.oldest_first.len() == KEPT
            && let Some(oldest) = table.oldest_first.pop_front()
        {
            table.by_id.remove(&oldest);
        }
        table.oldest_first.push_back(id);
        table.by_id.insert(id, Outcome::Pending);
    }

    pub fn ended(&self, id: MessageId, outcome: Outcome) {
        if let Some(entry) = self.lock().by_id.get_mut(&id) {
            *entry = outcome;
        }
    }

    pub fn get(&self, id: MessageId) -> Option<Outcome> {
        self.lock().by_id.get(&id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
