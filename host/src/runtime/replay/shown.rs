//! How recorded and tried values are shown to people: one line each, short, and without codes for the terminal.
//!
//! Pure. What guests have written is shown, so it is bounded and no character of it controls anything.

use serde_json::Value;
use std::fmt::Write as _;

/// The longest text of one value.
const LONGEST: usize = 120;
/// Of texts that begin alike so much is shown before they part.
const LEAD: usize = 20;
/// Bytes that are no text are shown so far.
const BYTES: usize = 32;

/// Whether they mean the same: as JSON, if they are, else byte by byte.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a == b || matches!((json(a), json(b)), (Some(a), Some(b)) if a == b)
}

fn json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

/// A body or a value, in one line.
pub fn value(bytes: &[u8]) -> String {
    match json(bytes) {
        Some(json) => printable(&json.to_string()),
        None if bytes.is_empty() => "(empty)".to_owned(),
        None => text(bytes),
    }
}

/// A key, in one line.
pub fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => printable(text),
        Err(_) => {
            let mut hex = "0x".to_owned();
            for byte in bytes.iter().take(BYTES) {
                let _ = write!(hex, "{byte:02x}");
            }
            let more = if bytes.len() > BYTES { "…" } else { "" };
            format!("{hex}{more} ({} bytes)", bytes.len())
        }
    }
}

/// A text of a guest's without control characters.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A text of at most a line.
pub fn short(text: &str) -> String {
    excerpt(text, 0)
}

/// Two texts that differ, each short, so that the difference is to be seen.
pub fn pair(a: &str, b: &str) -> (String, String) {
    let alike = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let from = if alike + LEAD < LONGEST { 0 } else { alike - LEAD };
    (excerpt(a, from), excerpt(b, from))
}

fn excerpt(text: &str, from: usize) -> String {
    let mut rest = text.chars().skip(from);
    let mut shown = if from > 0 { "…".to_owned() } else { String::new() };
    shown.extend(rest.by_ref().take(LONGEST));
    if rest.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_same_whatever_the_order_of_its_keys_and_other_bytes_only_if_they_are_equal() {
        assert!(same(br#"{"a": 1, "b": [2]}"#, br#"{"b":[2],"a":1}"#));
        assert!(!same(b"[1,2]", b"[2,1]"));
        assert!(!same(b"\xff", b"\xfe") && same(b"\xff", b"\xff") && !same(b"", b"null"));
    }

    #[test]
    fn values_are_one_line_that_controls_no_terminal() {
        assert_eq!(value(b"{ \"b\": 1,\n \"a\": \"x\\u001b[2J\" }"), r#"{"a":"x\u001b[2J","b":1}"#);
        assert_eq!(value(b"two\nlines\x1b[2J"), "two\u{fffd}lines\u{fffd}[2J");
        assert_eq!((value(b""), value(b"\xff\x01")), ("(empty)".into(), "0xff01 (2 bytes)".into()));
    }

    #[test]
    fn long_texts_are_cut_so_that_their_difference_is_seen() {
        let (a, b) = (format!("{}1{}", "x".repeat(500), "y".repeat(500)), format!("{}2", "x".repeat(500)));
        let (a, b) = pair(&a, &b);
        assert_eq!(b, format!("…{}2", "x".repeat(LEAD)));
        assert!(a.starts_with(&format!("…{}1y", "x".repeat(LEAD))) && a.ends_with('…') && a.chars().count() == 122);
        assert_eq!(pair("one", "other"), ("one".into(), "other".into()));
    }
}
