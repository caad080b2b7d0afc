//! The trace that a message belongs to, as the W3C header `traceparent` has it, and the ids of spans.
//!
//! Pure: text in, ids out. Must not know who sends a trace where. What is no `traceparent` is none, and nobody's error: the
//! standard wants it ignored.

use super::MessageId;
use super::message::{Headers, PartitionName};
use std::fmt;

pub const TRACEPARENT: &str = "traceparent";

const SAMPLED: u8 = 1;
/// `00-`, the trace id, the span id and the flags, with dashes between.
const LENGTH: usize = 55;

/// A span of a trace: as a message's header it is the span that caused the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// Neither id is 0.
    pub trace: u128,
    pub span: u64,
    /// Whether the trace is exported. Decided once, where the trace begins.
    pub sampled: bool,
}

impl TraceContext {
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        // Later versions may add fields, behind another dash.
        let ends = bytes.len() == LENGTH || (bytes.len() > LENGTH && bytes[LENGTH] == b'-' && !text.starts_with("00"));
        if !ends || [2, 35, 52].iter().any(|dash| bytes[*dash] != b'-') || !text.is_char_boundary(LENGTH) {
            return None;
        }
        let [version, trace, span, flags] = [0..2, 3..35, 36..52, 53..55].map(|range| hex(&text[range]));
        let (version, trace, span, flags) = (version?, trace?, span? as u64, flags? as u8);
        let valid = version != 0xff && trace != 0 && span != 0;
        valid.then_some(TraceContext { trace, span, sampled: flags & SAMPLED != 0 })
    }

    /// That of a message, if it has one.
    pub fn of(headers: &Headers) -> Option<Self> {
        headers.as_deref()?.iter().find(|(name, _)| name == TRACEPARENT).and_then(|(_, value)| Self::parse(value))
    }

    /// The same trace in another span.
    pub fn at(self, span: u64) -> Self {
        // 0 is no id, and as good a hash as any other.
        TraceContext { span: span.max(1), ..self }
    }

    /// The span of one attempt at a message. It follows from what it is of, so that a turn that is done again after a crash
    /// sends the same bytes again, and those who were asked in the first run have the parent that the second one exports.
    pub fn at_turn(self, host: &str, message: MessageId, place: &PartitionName, attempt: u64) -> Self {
        let numbers = [message.sequence, message.ordinal, u64::from(place.index), attempt].map(u64::to_le_bytes);
        let place = place.space.as_str().as_bytes();
        let bytes = [&self.trace.to_le_bytes(), numbers.as_flattened(), place, b"\n", host.as_bytes()].concat();
        self.at(xxhash_rust::xxh3::xxh3_64(&bytes))
    }
}

/// As the header has it.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// Lower case only, as the standard has it.
fn hex(digits: &str) -> Option<u128> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    digits.bytes().all(is_digit).then(|| u128::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::SpaceName;

    const EXAMPLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_reads_back_as_written() {
        let context = TraceContext::parse(EXAMPLE).unwrap();
        assert_eq!((context.span, context.sampled), (0xb7ad_6b71_6920_3331, true));
        assert_eq!(context.to_string(), EXAMPLE);
        let unsampled = TraceContext { sampled: false, ..context };
        assert_eq!(TraceContext::parse(&unsampled.to_string()), Some(unsampled));
    }

    #[test]
    fn other_flags_and_later_versions_are_read_and_what_is_malformed_is_none() {
        let with = |from: &str, to: &str| TraceContext::parse(&EXAMPLE.replace(from, to));
        assert!(with("31-01", "31-03").unwrap().sampled);
        assert!(!with("31-01", "31-02").unwrap().sampled);
        assert!(TraceContext::parse(&EXAMPLE.replace("00-0a", "01-0a")).is_some());
        assert!(TraceContext::parse(&format!("{}-more", EXAMPLE.replace("00-0a", "01-0a"))).is_some());
        assert!(TraceContext::parse(&format!("{EXAMPLE}-more")).is_none());
        for (from, to) in [("00-0a", "ff-0a"), ("0af7", "0AF7"), ("b7ad", "b7a+"), ("-b7", "_b7"), ("-01", "-1")] {
            assert_eq!(with(from, to), None, "{to}");
        }
        assert_eq!(with("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)), None);
        assert_eq!(with("b7ad6b7169203331", &"0".repeat(16)), None);
        assert_eq!(TraceContext::parse(&"ä".repeat(28)), None);
        assert_eq!(TraceContext::parse(""), None);
    }

    #[test]
    fn the_span_of_a_turn_follows_from_message_place_and_attempt() {
        let context = TraceContext::parse(EXAMPLE).unwrap();
        let place = |index| PartitionName { space: SpaceName::parse("orders").unwrap(), index };
        let message = MessageId { sequence: 7, ordinal: 1 };
        let first = context.at_turn("h", message, &place(0), 1);
        assert_eq!((first.trace, first.sampled), (context.trace, true));
        assert_eq!(context.at_turn("h", message, &place(0), 1), first);
        let others = [
            context.at_turn("h", message, &place(0), 2),
            context.at_turn("h", message, &place(1), 1),
            context.at_turn("g", message, &place(0), 1),
            context.at_turn("h", MessageId { ordinal: 2, ..message }, &place(0), 1),
        ];
        assert!(others.iter().all(|other| other.span != first.span));
    }
}
