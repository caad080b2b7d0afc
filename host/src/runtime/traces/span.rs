//! A span that has ended, as whoever exports it gets it: plain data.

use crate::words::{Failure, TraceContext};
use std::sync::Arc;
use std::time::SystemTime;

/// What a span stands for, in OpenTelemetry's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Somebody waits for the answer.
    Server,
    /// Nobody does.
    Consumer,
    /// What begins a trace by itself.
    Producer,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SpanValue {
    Text(Arc<str>),
    Number(u64),
}

#[derive(Debug, Clone)]
pub struct FinishedSpan {
    pub context: TraceContext,
    /// None: it is the root of its trace.
    pub parent: Option<u64>,
    /// It is a client's.
    pub parent_is_remote: bool,
    pub name: String,
    pub kind: SpanKind,
    pub begun: SystemTime,
    pub ended: SystemTime,
    pub attributes: Vec<(&'static str, SpanValue)>,
    pub lines: Vec<SpanLine>,
    /// Lines for which there was no room.
    pub lines_dropped: u32,
    pub failure: Option<Failure>,
}

/// A line that a guest has logged meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanLine {
    pub time: SystemTime,
    pub level: &'static str,
    pub message: String,
}

impl From<u64> for SpanValue {
    fn from(number: u64) -> Self {
        SpanValue::Number(number)
    }
}

impl From<&str> for SpanValue {
    fn from(text: &str) -> Self {
        SpanValue::Text(text.into())
    }
}

impl From<Arc<str>> for SpanValue {
    fn from(text: Arc<str>) -> Self {
        SpanValue::Text(text)
    }
}
