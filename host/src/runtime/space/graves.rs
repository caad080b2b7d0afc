//! The dead letters of a space: messages set aside after their last attempt, whole, until someone retries or drops them.
//!
//! Bounded: whoever buries one beyond the bound learns that the space must stop.

use super::envelope::{Envelope, FirstAttempt};
use super::mailbox::Room;
use crate::runtime::api::DeadLetter;
use crate::words::{Failure, MessageId};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One message, and why it is here.
pub struct Grave {
    pub envelope: Box<Envelope>,
    pub partition: u32,
    failure: Failure,
}

impl Grave {
    /// Gives the message's room back: the backlog is for what will be handled.
    pub fn new(mut envelope: Box<Envelope>, partition: u32, failure: Failure) -> Self {
        envelope.room = Room::unbounded();
        Grave { envelope, partition, failure }
    }

    fn letter(&self) -> DeadLetter {
        let message = &self.envelope.message;
        DeadLetter {
            id: message.id,
            kind: message.kind.word(),
            name: message.kind.name().clone(),
            source: message.sender.source().into(),
            partition: self.partition,
            attempts: self.envelope.attempt,
            failure: self.failure.clone(),
            body: message.body.clone(),
        }
    }
}

#[derive(Default)]
pub struct Graves(Mutex<VecDeque<Grave>>);

impl Graves {
    /// False when there are as many as there may be.
    pub fn bury(&self, grave: Grave, most: u64) -> bool {
        let mut graves = self.lock();
        graves.push_back(grave);
        (graves.len() as u64) < most
    }

    /// Oldest first.
    pub fn letters(&self) -> Vec<DeadLetter> {
        self.lock().iter().map(Grave::letter).collect()
    }

    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Takes a message out, as if it had never been tried; if it has made requests, then at the time at which it made them,
    /// so that it makes the same again and gets what they got. It is written down before anyone else can look, and rests on
    /// that record.
    pub fn exhume(&self, id: MessageId, write_down: impl FnOnce(&Grave) -> Option<u64>) -> Option<Grave> {
        let mut graves = self.lock();
        let index = graves.iter().position(|grave| grave.envelope.message.id == id)?;
        let mut grave = graves.remove(index)?;
        if let Some(sequence) = write_down(&grave) {
            grave.envelope.depends_on = grave.envelope.depends_on.max(sequence);
        }
        grave.envelope.attempt = 0;
        grave.envelope.exhumed += 1;
        grave.envelope.congested_since = None;
        if grave.envelope.first.requests.is_empty() {
            grave.envelope.first = FirstAttempt::default();
        }
        Some(grave)
    }

    /// Forgets all of them, with whatever `write_down` writes at the same moment. Answers its sequence, and how many there
    /// were.
    pub fn clear(&self, write_down: impl FnOnce() -> u64) -> (u64, u64) {
        let mut graves = self.lock();
        let sequence = write_down();
        (sequence, graves.drain(..).count() as u64)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Grave>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
