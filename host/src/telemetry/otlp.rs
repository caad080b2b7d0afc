//! Spans as OpenTelemetry's SDK has them.
//!
//! Translation only; cannot fail.

use crate::runtime::traces::{FinishedSpan, SpanKind, SpanLine, SpanValue};
use opentelemetry::trace::{self, Event, SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

pub fn span_data(span: FinishedSpan, scope: &InstrumentationScope) -> SpanData {
    let id = |span: u64| SpanId::from_bytes(span.to_be_bytes());
    let trace = TraceId::from_bytes(span.context.trace.to_be_bytes());
    let mut attributes: Vec<_> =
        span.attributes.into_iter().map(|(name, value)| KeyValue::new(name, of_value(value))).collect();
    let status = match span.failure {
        // A span that went well has no status, as the standard wants it of libraries.
        None => Status::Unset,
        Some(failure) => {
            attributes.push(KeyValue::new("error.type", failure.code.into_owned()));
            Status::error(failure.message)
        }
    };
    SpanData {
        span_context: SpanContext::new(trace, id(span.context.span), TraceFlags::SAMPLED, false, TraceState::default()),
        parent_span_id: span.parent.map_or(SpanId::INVALID, id),
        parent_span_is_remote: span.parent_is_remote,
        span_kind: of_kind(span.kind),
        name: span.name.into(),
        start_time: span.begun,
        end_time: span.ended,
        attributes,
        dropped_attributes_count: 0,
        events: of_lines(span.lines, span.lines_dropped),
        links: SpanLinks::default(),
        status,
        instrumentation_scope: scope.clone(),
    }
}

fn of_kind(kind: SpanKind) -> trace::SpanKind {
    match kind {
        SpanKind::Server => trace::SpanKind::Server,
        SpanKind::Consumer => trace::SpanKind::Consumer,
        SpanKind::Producer => trace::SpanKind::Producer,
    }
}

fn of_value(value: SpanValue) -> Value {
    match value {
        SpanValue::Text(text) => Value::String(text.into()),
        // Nothing that is counted here comes near the sign.
        SpanValue::Number(number) => Value::I64(i64::try_from(number).unwrap_or(i64::MAX)),
    }
}

fn of_lines(lines: Vec<SpanLine>, dropped: u32) -> SpanEvents {
    let event = |line: SpanLine| {
        let attributes = vec![KeyValue::new("log.severity", line.level), KeyValue::new("log.message", line.message)];
        Event::new("log", line.time, attributes, 0)
    };
    let mut events = SpanEvents::default();
    events.events = lines.into_iter().map(event).collect();
    events.dropped_count = dropped;
    events
}
