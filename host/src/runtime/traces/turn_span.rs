//! The span of a turn, from the moment in which a message is taken in hand to the one in which it is known what became of it.
//!
//! Only turns of sampled traces have one. An attempt that does not count leaves none: the same message is handled again
//! under the same number, and that is the attempt that is told of.

use super::{FinishedSpan, SpanKind, SpanLine, Traces};
use crate::runtime::api::LogLine;
use crate::runtime::space::envelope::Envelope;
use crate::words::message::{Kind, PartitionName};
use crate::words::{Failure, TraceContext};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Of one line, and of all lines of a span.
const LONGEST_LINE: usize = 4_096;
const LINE_BYTES: usize = 16_384;

#[derive(Debug)]
pub struct TurnSpan {
    context: TraceContext,
    parent: u64,
    /// Of the version that serves.
    generation: u64,
    time: SystemTime,
    begun: Instant,
    lines: Vec<SpanLine>,
    line_bytes: usize,
    lines_dropped: u32,
}

/// Who takes the message in hand.
pub struct Place<'a> {
    pub host: &'a str,
    pub partition: &'a PartitionName,
    pub generation: u64,
}

impl TurnSpan {
    /// `parent` is the message's. The attempt has been counted.
    pub fn begin(parent: TraceContext, place: &Place<'_>, envelope: &Envelope) -> Box<Self> {
        let attempt = u64::from(envelope.exhumed) << 32 | u64::from(envelope.attempt);
        Box::new(TurnSpan {
            context: parent.at_turn(place.host, envelope.message.id, place.partition, attempt),
            parent: parent.span,
            generation: place.generation,
            time: SystemTime::now(),
            begun: Instant::now(),
            lines: Vec::new(),
            line_bytes: 0,
            lines_dropped: 0,
        })
    }

    pub fn context(&self) -> TraceContext {
        self.context
    }

    /// Attaches a line that the guest has logged; one that nobody sees is only counted.
    pub fn note(&mut self, line: &LogLine, seen: bool) {
        let end = line.message.floor_char_boundary(LONGEST_LINE);
        if !seen || self.line_bytes + end > LINE_BYTES {
            self.lines_dropped = self.lines_dropped.saturating_add(1);
            return;
        }
        self.line_bytes += end;
        let time = UNIX_EPOCH + Duration::from_millis(line.time_ms);
        self.lines.push(SpanLine { time, level: line.level, message: line.message[..end].to_owned() });
    }

    /// Tells of the attempt, which has come to this.
    pub fn end(self, traces: &Traces, place: &PartitionName, envelope: &Envelope, failure: Option<&Failure>) {
        let message = &envelope.message;
        let space = place.space.as_str();
        // A topic or a timer may be made of ids; a command is one of few. Names of spans should be few.
        let name = match &message.kind {
            Kind::Command(command) => format!("{space}/{command}"),
            kind => format!("{space} {}", kind.word()),
        };
        let attributes = vec![
            ("spacehost.space", space.into()),
            ("spacehost.partition", u64::from(place.index).into()),
            ("spacehost.generation", self.generation.into()),
            ("spacehost.attempt", u64::from(envelope.attempt).into()),
            ("spacehost.message.id", message.id.to_string().as_str().into()),
            ("spacehost.message.kind", message.kind.word().into()),
            ("spacehost.message.name", message.kind.name().clone().into()),
            ("spacehost.message.source", message.sender.source().into()),
        ];
        traces.ended(FinishedSpan {
            context: self.context,
            parent: Some(self.parent),
            parent_is_remote: false,
            name,
            kind: if envelope.is_awaited() { SpanKind::Server } else { SpanKind::Consumer },
            begun: self.time,
            // By the clock that does not jump.
            ended: self.time + self.begun.elapsed(),
            attributes,
            lines: self.lines,
            lines_dropped: self.lines_dropped,
            failure: failure.cloned(),
        });
    }
}
