//! The span of the turn in hand.
//!
//! A turn whose message belongs to no sampled trace has none, and pays for the look at its headers only; where nothing is
//! traced, not even for that. Cannot fail.

use super::Turn;
use crate::runtime::space::envelope::Envelope;
use crate::runtime::traces::{Place, TurnSpan};
use crate::words::{Failure, TraceContext};

impl Turn {
    pub(super) fn span(&self) -> Option<&TurnSpan> {
        self.in_hand.as_ref()?.span.as_deref()
    }

    /// The attempt has been counted.
    pub(super) fn begin_span(&self, envelope: &mut Envelope) {
        envelope.span = None;
        if !self.router.traces.are_on() {
            return;
        }
        if let Some(parent) = TraceContext::of(&envelope.message.headers).filter(|parent| parent.sampled) {
            let generation = self.space.loaded().map_or(0, |loaded| loaded.generation);
            let place = Place { host: &self.router.host_id, partition: &self.partition.name, generation };
            envelope.span = Some(TurnSpan::begin(parent, &place, envelope));
        }
    }

    /// The message in hand is done with.
    pub(super) fn end_span(&mut self, failure: Option<&Failure>) {
        if let Some(envelope) = &mut self.in_hand
            && let Some(span) = envelope.span.take()
        {
            span.end(&self.router.traces, &self.partition.name, envelope, failure);
        }
    }

    /// An attempt that counts has come to this.
    pub fn attempt_failed(&self, envelope: &mut Envelope, failure: &Failure) {
        if let Some(span) = envelope.span.take() {
            span.end(&self.router.traces, &self.partition.name, envelope, Some(failure));
        }
    }
}
