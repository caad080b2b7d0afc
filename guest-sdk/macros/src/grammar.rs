//! The words of the contract as an author writes them in attributes: tokens, topic patterns, addresses, versions. Pure text
//! rules, the same as in wit/descriptor.schema.json; it knows nothing of Rust syntax. Each check answers what to write
//! instead.

const LONGEST_TOKEN: usize = 63;
const LONGEST_PATTERN: usize = 255;
const LONGEST_VERSION: usize = 64;

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// A command's or a timer's name.
pub fn token(text: &str) -> Result<(), String> {
    if is_word(text) && text.len() <= LONGEST_TOKEN {
        return Ok(());
    }
    Err(format!("`{text}` is no name: write 1 to {LONGEST_TOKEN} letters, digits, `-` or `_`, such as \"mark-paid\""))
}

/// A topic, or a pattern of topics.
pub fn pattern(text: &str) -> Result<(), String> {
    let refusal =
        |why: &str| Err(format!("`{text}` is no topic pattern: {why}, such as \"orders.*.paid\" or \"orders.>\""));
    if text.len() > LONGEST_PATTERN {
        return refusal("it is longer than 255 bytes; write a shorter one");
    }
    let mut tokens = text.split('.').peekable();
    while let Some(token) = tokens.next() {
        match token {
            "" => return refusal("a token is empty; write tokens joined by single dots"),
            ">" if tokens.peek().is_some() => {
                return refusal("`>` stands for the rest; write it last");
            }
            "*" | ">" => {}
            word if is_word(word) => {}
            _ => {
                return refusal(
                    "a token is letters, digits, `-`, `_`, or `*` or `>` alone; write tokens joined by dots",
                );
            }
        }
    }
    Ok(())
}

/// A command of another space as a grant names it: `space/command` or `space/*`.
pub fn address(text: &str) -> Result<(), String> {
    let is_space = |name: &str| {
        let spelled = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        spelled && (1..=LONGEST_TOKEN).contains(&name.len())
    };
    match text.split_once('/') {
        Some((space, command)) if is_space(space) && (command == "*" || token(command).is_ok()) => Ok(()),
        _ => Err(format!("`{text}` is no address: write `space/command` or `space/*`, such as \"payments/charge\"")),
    }
}

/// The version of a space.
pub fn version(text: &str) -> Result<(), String> {
    if (1..=LONGEST_VERSION).contains(&text.chars().count()) {
        return Ok(());
    }
    Err(format!(
        "a version has 1 to {LONGEST_VERSION} characters: write one such as \"1.4.0\", or none for that of the crate"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_follow_the_grammar_of_nats() {
        for good in ["a", "*", ">", "orders.*.paid", "orders.>", "a_b.C-d.9"] {
            assert_eq!(pattern(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", ">.a", "a.>.b", "a b", "a*", "ä"] {
            assert!(pattern(bad).is_err(), "{bad}");
        }
        assert!(pattern(&"a".repeat(256)).is_err());
    }

    #[test]
    fn an_address_is_a_space_and_a_command() {
        for good in ["payments/charge", "payments/*", "a-1/Mark_Paid"] {
            assert_eq!(address(good), Ok(()), "{good}");
        }
        for bad in ["payments", "Payments/charge", "payments/", "/charge", "*/charge", "a/b/c", "a/**"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_one_token() {
        assert_eq!(token("mark-paid"), Ok(()));
        assert!(token("mark paid").is_err());
        assert!(token("").is_err());
        assert!(token(&"a".repeat(64)).is_err());
    }

    #[test]
    fn a_version_is_short_and_not_empty() {
        assert_eq!(version("1.4.0"), Ok(()));
        assert!(version("").is_err());
        assert!(version(&"1".repeat(65)).is_err());
    }
}
