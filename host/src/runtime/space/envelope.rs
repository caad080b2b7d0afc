//! A message on its way through a mailbox: with who waits for it, its attempts, and what its attempts must share.

use super::Partition;
use super::mailbox::{Room, WaitFor};
use crate::runtime::traces::TurnSpan;
use crate::store::record::{Idempotency, RequestId};
use crate::words::{Failure, Message};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;
use tokio::sync::oneshot;

/// Always boxed: on its way from hand to hand only its address moves.
pub struct Envelope {
    pub message: Message,
    /// Who waits for the outcome of a command.
    pub waiter: Option<Waiter>,
    /// The outcome is kept for whoever asks later.
    pub tracked: bool,
    /// A record has made it: on disk it is pending until another one consumes it.
    pub recorded: bool,
    /// Which request of which message it is.
    pub request: Option<RequestId>,
    pub idempotency: Option<Idempotency>,
    /// Attempts that have begun and count.
    pub attempt: u32,
    /// How often it was taken out of the dead letters, and its attempts counted anew.
    pub exhumed: u32,
    pub first: FirstAttempt,
    /// Since when the turn has been put off for congestion.
    pub congested_since: Option<Instant>,
    /// When it was accepted or sent, in nanoseconds since 1970; 0: not known.
    pub enqueued_ns: u64,
    /// The highest sequence that the message rests on: the output gate opens there.
    pub depends_on: u64,
    /// Of the attempt in hand, if its trace is followed.
    pub span: Option<Box<TurnSpan>>,
    pub room: Room,
}

/// What the first attempt has seen and later ones must see again.
#[derive(Default)]
pub struct FirstAttempt {
    /// `context.now`, once it has been asked for.
    pub now_ms: Option<u64>,
    /// The requests made, by their ordinal.
    pub requests: Vec<Recorded>,
}

/// A request that an attempt has made, and what later attempts do with it.
pub struct Recorded {
    /// blake3 of target, command and body. None: it was never recorded, and the next attempt is free to differ.
    pub digest: Option<[u8; 32]>,
    pub progress: Progress,
}

impl Recorded {
    pub fn new() -> Self {
        Recorded { digest: None, progress: Progress::Open(None) }
    }
}

/// How far a request has come.
pub enum Progress {
    /// Not sent, or its failure was a passing one, which is here: it may be made anew.
    Open(Option<Failure>),
    /// On its way. An attempt that is cut short leaves it so, and the next one waits on.
    Sent { to: Arc<Partition>, wait: Wait, deadline: Instant },
    /// The outcome that every later attempt gets.
    Final(Result<Bytes, Failure>),
}

impl Envelope {
    /// Gives the room back and hands out who waits: whoever hears the answer must find the room free.
    pub fn into_waiter(self: Box<Self>) -> Option<Waiter> {
        self.waiter
    }

    pub fn new(message: Message, room: Room, depends_on: u64) -> Box<Self> {
        Box::new(Envelope {
            message,
            waiter: None,
            tracked: false,
            recorded: false,
            request: None,
            idempotency: None,
            attempt: 0,
            exhumed: 0,
            first: FirstAttempt::default(),
            congested_since: None,
            enqueued_ns: 0,
            depends_on,
            span: None,
            room,
        })
    }

    /// Whom it wakes.
    pub fn rings_for(&self) -> WaitFor {
        if self.waiter.is_some() { WaitFor::Questions } else { WaitFor::Messages }
    }

    /// Whether someone waits for the outcome: then it is tried once.
    pub fn is_awaited(&self) -> bool {
        self.waiter.is_some()
    }

    /// Puts it into the mailbox in which its room was reserved. (A timer's has none: its actor takes it in hand itself.)
    pub fn deliver(self: Box<Self>) {
        if let Some(mailbox) = self.room.mailbox().cloned() {
            mailbox.push(self);
        }
    }
}

/// How a command ended, for the one who waits.
#[derive(Debug, Clone)]
pub enum Answer {
    Ok(Bytes),
    /// The space's own failure.
    Failed(Failure),
    /// Trap, budget or limit; nothing took effect.
    Broken(String),
    /// The turn took longer than it may; nothing took effect.
    TimedOut(String),
    /// Nobody will handle it: the space does not serve.
    Unavailable(&'static str),
}

/// What leaves the turn: the answer, and the sequence that must be on disk before it leaves the host.
#[derive(Debug)]
pub struct Reply {
    pub answer: Answer,
    pub depends_on: u64,
}

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const WITHDRAWN: u8 = 2;

/// The receiving side of a wait. A wait that ends before the turn begins withdraws the message; afterwards it cannot.
pub struct Waiter {
    /// The answer leaves the host: it must not before what it rests on is on disk.
    pub leaves_host: bool,
    reply: oneshot::Sender<Reply>,
    stage: Arc<AtomicU8>,
}

/// The waiting side.
pub struct Wait {
    pub reply: oneshot::Receiver<Reply>,
    stage: Arc<AtomicU8>,
}

pub fn wait(leaves_host: bool) -> (Waiter, Wait) {
    let (sender, receiver) = oneshot::channel();
    let stage = Arc::new(AtomicU8::new(WAITING));
    (Waiter { leaves_host, reply: sender, stage: stage.clone() }, Wait { reply: receiver, stage })
}

impl Waiter {
    /// The turn begins. False when the wait was given up: the message must not be handled.
    pub fn begin(&self) -> bool {
        self.stage.compare_exchange(WAITING, BEGUN, Ordering::AcqRel, Ordering::Acquire) != Err(WITHDRAWN)
    }

    pub fn answer(self, answer: Answer, depends_on: u64) {
        // A waiter that is gone has already been told `unknown`.
        let _ = self.reply.send(Reply { answer, depends_on });
    }
}

impl Wait {
    /// Gives up. True when the message had not begun and now never will.
    pub fn withdraw(&self) -> bool {
        self.stage.compare_exchange(WAITING, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_given_up_before_the_turn_withdraws_the_message() {
        let (waiter, wait) = wait(true);
        assert!(wait.withdraw());
        assert!(!waiter.begin());
    }

    #[test]
    fn a_turn_that_has_begun_cannot_be_withdrawn_and_may_begin_again() {
        let (waiter, wait) = wait(true);
        assert!(waiter.begin());
        assert!(!wait.withdraw());
        assert!(waiter.begin(), "after a cancelled attempt");
    }
}
