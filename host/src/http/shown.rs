//! Words of a client that are shown back to it: short, and without control characters.
//!
//! Pure. Must not know where they stand. Cannot fail. They stand in JSON, which a browser never takes for a page; but people
//! read it in terminals, which take control characters for orders.

/// Characters of a name, a path or a header's value.
const WORD: usize = 64;
/// Characters of a whole sentence, with all that it quotes.
const SENTENCE: usize = 2_000;

/// One word of the client's.
pub fn word(text: &str) -> String {
    cut(text, WORD, |c| c.is_control())
}

/// A sentence that may hold such words; it may have several lines.
pub fn sentence(text: &str) -> String {
    cut(text, SENTENCE, |c| c.is_control() && c != '\n')
}

fn cut(text: &str, longest: usize, bad: impl Fn(char) -> bool) -> String {
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(longest).map(|c| if bad(c) { '\u{fffd}' } else { c }).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_short_and_harmless() {
        assert_eq!(word("orders"), "orders");
        assert_eq!(word("a\x1b[31m\r\n\0"), "a\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(word(&"ä".repeat(100_000)), "ä".repeat(64) + "…");
        assert_eq!(sentence("a\nb\r\u{9b}"), "a\nb\u{fffd}\u{fffd}");
        assert_eq!(sentence(&"x".repeat(5_000)).chars().count(), 2_001);
    }
}
