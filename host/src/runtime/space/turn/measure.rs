//! What a turn took, and how long its message was on its way.
//!
//! The clock is read once a turn: a turn that follows another at once begins when that one has ended, and what a turn sends
//! is on its way from its end. Must not decide anything, and cannot fail. (It is the system's clock, because the record tells
//! the same time; whoever sets it may see one wrong figure.)

use super::Turn;
use crate::runtime::space::count;
use crate::runtime::space::envelope::Envelope;
use crate::words::message::Sender;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The times of the turn in hand, in nanoseconds since 1970.
#[derive(Debug, Default)]
pub struct Clock {
    began: u64,
    /// 0: something else has been done since it was read.
    now: u64,
    /// CPU time of the guest, if the turn was long enough to be measured.
    cpu: Duration,
}

impl Turn {
    pub(super) fn begin_clock(&mut self, envelope: &mut Envelope) {
        if !self.router.meters {
            return;
        }
        if self.clock.now == 0 {
            self.clock.now = now_ns();
        }
        self.clock.began = self.clock.now;
        self.clock.cpu = Duration::ZERO;
        // Of what comes out of the journal only the host that took it in knew when.
        if envelope.enqueued_ns == 0 {
            envelope.enqueued_ns = self.clock.now;
        }
        self.partition.counters.oldest_ns.store(envelope.enqueued_ns, Ordering::Relaxed);
    }

    /// The turn ends now.
    pub(super) fn read_clock(&mut self) -> u64 {
        self.clock.now = now_ns();
        self.clock.now
    }

    /// When the turn ended: what it sends is on its way from then on.
    pub(super) fn sent_at(&self) -> u64 {
        self.clock.now
    }

    /// The next turn does not follow at once.
    pub fn pause_clock(&mut self) {
        self.clock.now = 0;
    }

    /// What the guest's call has cost, where that was measured.
    pub fn used_cpu(&mut self, cpu: Duration) {
        self.clock.cpu = cpu;
    }

    /// The turn is committed.
    pub(super) fn note_done(&self) {
        self.note_took();
        self.note_latency();
    }

    /// The turn in hand has failed or broken off, whatever becomes of its message.
    pub fn note_failed(&mut self) {
        self.read_clock();
        self.note_took();
        if let Some(envelope) = &self.in_hand {
            let of_space = matches!(envelope.message.sender, Sender::Partition(_));
            let is_request = envelope.request.is_some() || (envelope.waiter.is_some() && of_space);
            self.router.flows.failed(&envelope.message, &self.space, is_request);
        }
    }

    /// The message in hand is done with.
    pub(super) fn note_latency(&self) {
        if let (true, Some(envelope)) = (self.router.meters, &self.in_hand) {
            self.partition.counters.latency.note(self.clock.now.saturating_sub(envelope.enqueued_ns));
        }
    }

    /// The message is a dead letter.
    pub fn note_buried(&self, envelope: &Envelope) {
        if self.router.meters {
            self.partition.counters.latency.note(now_ns().saturating_sub(envelope.enqueued_ns));
        }
    }

    /// A turn that ends before its first tick is not measured: it has computed all the time, unless it waited for a reply.
    fn note_took(&self) {
        if !self.router.meters {
            return;
        }
        let took = self.clock.now.saturating_sub(self.clock.began);
        let cpu = match self.clock.cpu.as_nanos() as u64 {
            0 if self.requests == 0 => took,
            measured => measured,
        };
        self.partition.counters.took.note(took);
        count(&self.partition.counters.cpu_ns, cpu);
    }
}

pub fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}
