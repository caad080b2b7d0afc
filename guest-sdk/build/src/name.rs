//! What a space may be called.
//!
//! Owns the rule `[a-z0-9-]{1,63}`, less a few words that the host keeps for itself: a name is one token of a topic and the stem of a file. Must not know where a name
//! came from. Fails with [`BadName`], which proposes a name that would do.

use thiserror::Error;

const LONGEST: usize = 63;

/// What a host calls itself and senders that are no spaces.
const RESERVED: [&str; 4] = ["client", "timer", "host", "spacehost"];

/// A name that no space can have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{name}` cannot be the name of a space: {why}. A name is 1 to 63 characters of a-z, 0-9 and `-`, because it is \
     part of topics and file names{proposal}"
)]
pub struct BadName {
    name: String,
    why: &'static str,
    proposal: String,
}

/// Whether `name` can be the name of a space.
pub fn check_name(name: &str) -> Result<(), BadName> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name.len() > LONGEST {
        "it is too long"
    } else if !name.bytes().all(is_allowed) {
        "it has other characters"
    } else if RESERVED.contains(&name) {
        return Err(BadName {
            name: name.to_owned(),
            why: "it is the host's own word",
            proposal: format!("; try `my-{name}`."),
        });
    } else {
        return Ok(());
    };
    Err(BadName { name: name.to_owned(), why, proposal: proposal(name) })
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

/// The nearest good name, as the tail of the error's sentence.
fn proposal(name: &str) -> String {
    let replaced: String = name
        .to_ascii_lowercase()
        .chars()
        .map(|c| match u8::try_from(c) {
            Ok(byte) if is_allowed(byte) => c,
            _ => '-',
        })
        .take(LONGEST)
        .collect();
    let trimmed = replaced.trim_matches('-');
    if trimmed.is_empty() { ".".to_owned() } else { format!("; try `{trimmed}`.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_case_digits_and_hyphens_make_a_name() {
        for name in ["a", "orders", "order-book-2", "7", &"x".repeat(63)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for name in ["", "Orders", "order_book", "a.b", "größe", "a b", &"x".repeat(64), "host"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_error_proposes_the_nearest_name() {
        let said = check_name("Order_Book").unwrap_err().to_string();
        assert!(said.ends_with("try `order-book`."), "{said}");
    }
}
