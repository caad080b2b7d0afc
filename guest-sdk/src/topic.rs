//! Topics against patterns, in the grammar of NATS. Pure text; it knows no space and cannot fail.

/// Whether a pattern matches a topic: `*` is one token, `>` the rest, which is at least one.
pub fn matches(pattern: &str, topic: &str) -> bool {
    let mut tokens = topic.split('.');
    for expected in pattern.split('.') {
        match (expected, tokens.next()) {
            (">", Some(_)) => return true,
            (_, None) => return false,
            ("*", Some(_)) => {}
            (word, Some(token)) if word == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

/// Whether a text is one token: a name, or a part of a topic.
#[cfg(not(target_arch = "wasm32"))]
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_is_one_token_and_an_angle_the_rest() {
        assert!(matches("orders.*.paid", "orders.7.paid"));
        assert!(!matches("orders.*.paid", "orders.7.8.paid"));
        assert!(!matches("orders.*", "orders"));
        assert!(matches("orders.>", "orders.7.paid"));
        assert!(!matches("orders.>", "orders"));
        assert!(matches(">", "orders"));
        assert!(!matches("orders", "orders.7"));
        assert!(!matches("orders.paid", "orders.unpaid"));
    }
}
