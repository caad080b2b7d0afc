//! Keys of a state as the guest SDK spells them: a cell, and the members of a map's key.
//!
//! Owns the reading of that spelling, for people who look at a state; a key of another spelling is `None`, and shown as it
//! is. An item is stored under the name of its field, an entry of a map under `field/key`. In a key the characters up to
//! `%` are `%` and two hexadecimal digits, and `#` parts the members of a tuple. (Numbers keep their leading zeros: nothing
//! tells them from text.)

/// What a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellKey {
    pub cell: String,
    /// The members of a map's key; none for an item.
    pub key: Vec<String>,
}

impl CellKey {
    pub fn read(key: &[u8]) -> Option<CellKey> {
        let text = std::str::from_utf8(key).ok()?;
        let (cell, key) = match text.split_once('/') {
            Some((cell, key)) => (cell, key.split('#').map(member).collect::<Option<_>>()?),
            None => (text, Vec::new()),
        };
        is_field(cell).then(|| CellKey { cell: cell.to_owned(), key })
    }
}

/// A name that a field of a Rust struct may have.
fn is_field(name: &str) -> bool {
    let begins = name.starts_with(|first: char| first == '_' || first.is_alphabetic());
    begins && name.chars().all(|char| char == '_' || char.is_alphanumeric())
}

fn member(spelled: &str) -> Option<String> {
    let mut parts = spelled.split('%');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let code = u8::from_str_radix(part.get(..2)?, 16).ok().filter(|code| *code <= b'%')?;
        text.push(char::from(code));
        text.push_str(&part[2..]);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str) -> Option<(String, Vec<String>)> {
        CellKey::read(key.as_bytes()).map(|read| (read.cell, read.key))
    }

    #[test]
    fn keys_of_the_sdk_are_read_back() {
        assert_eq!(read("greeted"), Some(("greeted".into(), vec![])));
        assert_eq!(read("orders/a%20b"), Some(("orders".into(), vec!["a b".into()])));
        assert_eq!(read("stock/eu#0007"), Some(("stock".into(), vec!["eu".into(), "0007".into()])));
        assert_eq!(read("paths/a/b%23c"), Some(("paths".into(), vec!["a/b#c".into()])));
        assert_eq!(read("names/"), Some(("names".into(), vec![String::new()])));
    }

    #[test]
    fn other_keys_are_not_guessed_at() {
        for key in ["", "/a", "4711", "a b", "a/%2", "a/%zz", "a/%41", "two-words/x"] {
            assert_eq!(read(key), None, "{key}");
        }
        assert_eq!(CellKey::read(b"a/\xff"), None);
    }
}
