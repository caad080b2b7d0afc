//! Traces: which messages are followed, and where the spans go that tell of them.
//!
//! A trace begins at a client's request or a timer's firing, and there it is decided whether it is sampled; from then on the
//! flag in `traceparent` decides. Spans end in a bounded queue for whoever exports them. Knows no protocol. Nothing here
//! waits or fails: a span that finds the queue full is dropped, and counted.

mod span;
mod turn_span;

pub use span::{FinishedSpan, SpanKind, SpanLine, SpanValue};
pub use turn_span::{Place, TurnSpan};

use crate::words::message::{Headers, PartitionName};
use crate::words::trace::TRACEPARENT;
use crate::words::{Message, TraceContext};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::sync::mpsc;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

/// Spans that wait to be exported. With their lines they take 64 MiB at most.
const QUEUE: usize = 4_096;

/// The spans of a runtime, in the order in which they ended.
pub type Spans = mpsc::Receiver<FinishedSpan>;

/// Spans that are lost, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LostSpans {
    /// There was no room for them in the queue.
    pub dropped: u64,
    /// The receiver did not take them.
    pub unsent: u64,
}

/// Off unless the runtime was told to sample.
#[derive(Default)]
pub struct Traces(Option<Tracing>);

struct Tracing {
    /// Of a trace id's lower 63 bits: what is less is sampled.
    below: u64,
    /// Ids of new traces are a hash of a count under this seed: no lock, and no two alike.
    seed: u64,
    begun: AtomicU64,
    queue: mpsc::Sender<FinishedSpan>,
    dropped: AtomicU64,
    unsent: AtomicU64,
    /// Until somebody takes them.
    spans: Mutex<Option<Spans>>,
}

impl Traces {
    /// Follows this share of the new traces, and those that others have decided to follow.
    pub fn sampling(share: f64) -> Self {
        let (queue, spans) = mpsc::channel(QUEUE);
        Traces(Some(Tracing {
            // Saturates: all of them are below the maximum.
            below: (share.clamp(0.0, 1.0) * (1_u64 << 63) as f64) as u64,
            seed: RandomState::new().hash_one(QUEUE),
            begun: AtomicU64::new(0),
            queue,
            dropped: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
            spans: Mutex::new(Some(spans)),
        }))
    }

    pub fn are_on(&self) -> bool {
        self.0.is_some()
    }

    /// A new trace at its first span, if it is to be followed.
    pub fn begin(&self) -> Option<TraceContext> {
        let tracing = self.0.as_ref()?;
        let count = tracing.begun.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        let trace = xxh3_128_with_seed(&count, tracing.seed).max(1);
        let sampled = (trace as u64 & (u64::MAX >> 1)) < tracing.below;
        sampled.then(|| TraceContext { trace, span: 1, sampled }.at(xxh3_64_with_seed(&count, tracing.seed)))
    }

    /// A span in the trace of `parent` that no message stands for.
    pub fn within(&self, parent: TraceContext) -> Option<TraceContext> {
        let tracing = self.0.as_ref().filter(|_| parent.sampled)?;
        let count = tracing.begun.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        Some(parent.at(xxh3_64_with_seed(&count, tracing.seed)))
    }

    /// A span has ended.
    pub fn ended(&self, span: FinishedSpan) {
        if let Some(tracing) = &self.0
            && tracing.queue.try_send(span).is_err()
        {
            tracing.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whoever exports could not send these.
    pub fn could_not_be_sent(&self, spans: u64) {
        if let Some(tracing) = &self.0 {
            tracing.unsent.fetch_add(spans, Ordering::Relaxed);
        }
    }

    /// Spans that nobody will see.
    pub fn lost(&self) -> LostSpans {
        self.0.as_ref().map_or(LostSpans::default(), |tracing| LostSpans {
            dropped: tracing.dropped.load(Ordering::Relaxed),
            unsent: tracing.unsent.load(Ordering::Relaxed),
        })
    }

    /// Those that end from now on; once, and none where nothing is traced.
    pub fn take_spans(&self) -> Option<Spans> {
        self.0.as_ref()?.spans.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What a guest gives along with a message, as it leaves the turn: in a turn that is followed the message is its child.
    /// A guest may say which of its own steps caused it, within the same trace; what else it says of traces is not for it to
    /// decide.
    pub fn passed_on(
        &self,
        turn: Option<&TurnSpan>,
        given: Option<Vec<(String, String)>>,
    ) -> Option<Vec<(String, String)>> {
        if !self.are_on() || (turn.is_none() && given.is_none()) {
            return given;
        }
        let own = given.as_deref().and_then(|given| given.iter().find(|(name, _)| name == TRACEPARENT));
        let own = own.and_then(|(_, value)| TraceContext::parse(value));
        let mut headers = given.unwrap_or_default();
        match (turn.map(TurnSpan::context), own) {
            (Some(turn), Some(own)) if own.sampled && own.trace == turn.trace => {}
            (Some(turn), _) => {
                headers.retain(|(name, _)| name != TRACEPARENT);
                headers.push((TRACEPARENT.to_owned(), turn.to_string()));
            }
            (None, Some(own)) if own.sampled => headers.retain(|(name, _)| name != TRACEPARENT),
            (None, _) => {}
        }
        Some(headers)
    }
}

/// The headers of a message that this span causes.
pub fn headers(context: TraceContext) -> Headers {
    Some(Arc::new(vec![(TRACEPARENT.to_owned(), context.to_string())]))
}

/// A timer that is due: the root of the trace of what comes of it.
pub fn firing(root: TraceContext, place: &PartitionName, message: &Message) -> FinishedSpan {
    let now = SystemTime::now();
    FinishedSpan {
        context: root,
        parent: None,
        parent_is_remote: false,
        name: format!("{} timer due", place.space),
        kind: SpanKind::Producer,
        begun: now,
        ended: now,
        attributes: vec![
            ("spacehost.space", place.space.as_str().into()),
            ("spacehost.partition", u64::from(place.index).into()),
            ("spacehost.message.id", message.id.to_string().as_str().into()),
            ("spacehost.message.name", message.kind.name().clone().into()),
        ],
        lines: Vec::new(),
        lines_dropped: 0,
        failure: None,
    }
}

#[cfg(test)]
mod tests;
