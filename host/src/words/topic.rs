//! Names and the topic grammar: space names, command addresses, topics, patterns, and which key belongs to which
//! partition.
//!
//! Topics follow NATS: tokens joined by dots; in a pattern `*` is one token and a closing `>` is one or more.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The longest topic, pattern or message key, in bytes.
pub const MAX_TOPIC: usize = 255;
const MAX_NAME: usize = 63;

/// What `context.source` says of senders that are no spaces, and the host's own name: a space so called could pass for
/// them.
const RESERVED: [&str; 4] = ["client", "timer", "host", "spacehost"];

/// Why a name, topic, pattern or address was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("`{0}` is no space name: use 1 to 63 of a-z, 0-9 and -, such as `order-book`")]
    Space(String),
    #[error("`{0}` is the host's own word, so no space can have it for a name: choose another, such as `my-{0}`")]
    Reserved(String),
    #[error("`{0}` is no topic: use tokens of letters, digits, - and _ joined by dots, such as `orders.4711.paid`")]
    Topic(String),
    #[error("`{0}` is no pattern: use tokens joined by dots, `*` for one token, `>` for the rest at the end")]
    Pattern(String),
    #[error("`{0}` is no address: use `space/command`, such as `payments/charge`")]
    Address(String),
    #[error("`{0}` is no command to ask for: use `space/command`, or `space/*` for all, such as `payments/charge`")]
    Addresses(String),
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same text, shared.
            pub fn shared(&self) -> Arc<str> {
                self.0.clone()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }
    };
}

name_type!(
    /// The name of a space: one topic token of lower-case letters, digits and `-`.
    SpaceName
);
name_type!(
    /// A concrete topic, without wildcards.
    Topic
);
name_type!(
    /// What a subscription or a listener wants to hear.
    Pattern
);

impl SpaceName {
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(legal) {
            if RESERVED.contains(&text) {
                return Err(NameError::Reserved(text.to_owned()));
            }
            Ok(SpaceName(text.into()))
        } else {
            Err(NameError::Space(shorten(text)))
        }
    }
}

impl Topic {
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.len() <= MAX_TOPIC && text.split('.').all(is_token) {
            Ok(Topic(text.into()))
        } else {
            Err(NameError::Topic(shorten(text)))
        }
    }

    /// Under the default, the name of the space that publishes it.
    pub fn first_token(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let legal = |token| is_token(token) || token == "*";
        let body = match text.strip_suffix('>') {
            Some("") => return Ok(Pattern(text.into())),
            Some(head) => head.strip_suffix('.').unwrap_or(""),
            None => text,
        };
        if text.len() <= MAX_TOPIC && body.split('.').all(legal) {
            Ok(Pattern(text.into()))
        } else {
            Err(NameError::Pattern(shorten(text)))
        }
    }

    pub fn first_token(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// Whether it means topics of spaces that it does not name.
    pub fn is_wide(&self) -> bool {
        matches!(self.first_token(), "*" | ">")
    }

    /// Whether there is a topic that both mean.
    pub fn overlaps(&self, other: &Pattern) -> bool {
        let mut one = self.0.split('.');
        let mut two = other.0.split('.');
        loop {
            match (one.next(), two.next()) {
                (Some(">"), Some(_)) | (Some(_), Some(">")) | (None, None) => return true,
                (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
                _ => return false,
            }
        }
    }

    /// Whether `topic` is one of those that this pattern means.
    pub fn matches(&self, topic: &str) -> bool {
        let mut wanted = self.0.split('.');
        let mut given = topic.split('.');
        loop {
            match (wanted.next(), given.next()) {
                (Some(">"), Some(_)) => return true,
                (Some("*"), Some(_)) => {}
                (Some(w), Some(g)) if w == g => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }

    /// Whether every topic that `other` means is one of this pattern's.
    pub fn covers(&self, other: &Pattern) -> bool {
        let mut wide = self.0.split('.');
        let mut narrow = other.0.split('.');
        loop {
            match (wide.next(), narrow.next()) {
                (Some(">"), Some(_)) | (None, None) => return true,
                (Some("*"), Some(token)) if token != ">" => {}
                (Some(w), Some(n)) if w == n => {}
                _ => return false,
            }
        }
    }
}

/// `space/command`, as guests and grants write it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    pub space: SpaceName,
    pub command: Arc<str>,
}

impl Address {
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let refused = || NameError::Address(shorten(text));
        let (space, command) = text.split_once('/').ok_or_else(refused)?;
        if !is_token(command) {
            return Err(refused());
        }
        let space = SpaceName::parse(space).map_err(|_| refused())?;
        Ok(Address { space, command: command.into() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.space, self.command)
    }
}

/// Whether `text` can be one token of a topic, or the name of a command.
pub fn is_token(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !text.is_empty() && text.len() <= MAX_TOPIC && text.bytes().all(legal)
}

/// The partition that a key belongs to. Part of the stored format: the hash must never change.
pub fn partition_of(key: Option<&str>, partitions: usize) -> usize {
    match key {
        Some(key) if partitions > 1 => {
            let hash = xxhash_rust::xxh3::xxh3_64(key.as_bytes());
            (hash % partitions as u64) as usize
        }
        _ => 0,
    }
}

/// Hostile names are shown shortened and without control characters.
fn shorten(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '?' } else { c };
    let mut short: String = text.chars().take(64).map(clean).collect();
    if text.chars().nth(64).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_name_is_one_lower_case_token() {
        for good in ["a", "order-book", "7", &"x".repeat(63)] {
            assert!(SpaceName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "Orders", "a.b", "a/b", "a_b", "ä", &"x".repeat(64), "a b", "host", "client"] {
            assert!(SpaceName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_topic_has_no_wildcards_and_no_empty_tokens() {
        assert!(Topic::parse("orders.4711.paid").is_ok());
        for bad in ["", ".", "a.", ".a", "a..b", "a.*", "a.>", "a b", &"x".repeat(256)] {
            assert!(Topic::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pattern_takes_star_anywhere_and_the_rest_only_at_the_end() {
        for good in ["a", "a.*", "*", ">", "a.>", "*.b.>"] {
            assert!(Pattern::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a.>.b", "a>", "a*", "a..>", ".>", "a.", ">>"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn star_is_exactly_one_token_and_the_rest_is_at_least_one() {
        let matches = |p: &str, t: &str| Pattern::parse(p).unwrap().matches(t);
        assert!(matches("orders.*.paid", "orders.1.paid"));
        assert!(!matches("orders.*.paid", "orders.paid"));
        assert!(!matches("orders.*.paid", "orders.1.2.paid"));
        assert!(matches("orders.>", "orders.1.paid"));
        assert!(!matches("orders.>", "orders"));
        assert!(matches(">", "a"));
        assert!(!matches("a", "a.b"));
    }

    #[test]
    fn a_pattern_covers_another_if_it_matches_all_that_the_other_does() {
        let covers = |wide: &str, narrow: &str| Pattern::parse(wide).unwrap().covers(&Pattern::parse(narrow).unwrap());
        for (wide, narrow) in
            [("a.b", "a.b"), ("a.*", "a.b"), ("a.>", "a.*"), ("a.>", "a.*.c"), (">", "a.>"), ("*.>", "a.*")]
        {
            assert!(covers(wide, narrow), "{wide} covers {narrow}");
        }
        for (wide, narrow) in [("a.b", "a.*"), ("a.*", "a.>"), ("a.>", "a"), ("a.*", "a.b.c"), ("*", ">"), ("a.>", ">")]
        {
            assert!(!covers(wide, narrow), "{wide} does not cover {narrow}");
        }
    }

    #[test]
    fn an_address_names_a_space_and_a_command() {
        assert_eq!(Address::parse("payments/charge").unwrap().to_string(), "payments/charge");
        for bad in ["", "payments", "/charge", "payments/", "Pay/charge", "a/b/c", "a/b c"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_always_belongs_to_the_same_partition_and_no_key_to_the_first() {
        assert_eq!(partition_of(None, 8), 0);
        assert_eq!(partition_of(Some("k"), 1), 0);
        // Fixed for good: these values are part of the data of every installation.
        assert_eq!(partition_of(Some("customer-1"), 8), partition_of(Some("customer-1"), 8));
        let spread: std::collections::HashSet<_> =
            (0..100).map(|n| partition_of(Some(&format!("customer-{n}")), 8)).collect();
        assert_eq!(spread.len(), 8);
    }
}
