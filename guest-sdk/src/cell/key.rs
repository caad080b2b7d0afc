//! Keys of maps as text that a person can read and whose bytes sort as the keys do. It owns the trait and the spelling of strings;
//! a text that is no key gives none.
//!
//! A string is spelled as it is, but for the bytes up to `%` (controls, space, `!`, `"`, `#`, `$`, `%`), which become `%` and two
//! hexadecimal digits. So `#` is free to part the members of a tuple, and sorts before whatever a member may contain.

use std::borrow::Cow;

const LAST_ESCAPED: char = '%';

/// What can be spelled as a key.
pub trait KeyText {
    /// Appends the spelling.
    fn write(&self, text: &mut String);

    /// The spelling alone.
    fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }
}

/// A key of a map: strings, integers of fixed size, `bool`, and tuples of up to four of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a map",
    note = "keys are `String`, `bool`, integers from `u8` to `u128` and `i8` to `i128`, and tuples of these"
)]
pub trait Key: KeyText + Sized {
    /// The key of this spelling.
    fn read(text: &str) -> Option<Self>;
}

/// What names a key of the type `K`: such a key, or one whose strings are borrowed, so that looking up copies nothing.
/// `map.get("eu")` where the keys are `String`; `map.get(&("eu", 7))` where they are `(String, u64)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no key of the map, whose keys are `{K}`",
    note = "give a `{K}`, or one with `&str` in place of each `String`"
)]
pub trait AsKey<K>: KeyText {}

impl AsKey<String> for str {}

impl AsKey<String> for String {}

impl<K, T: AsKey<K> + ?Sized> AsKey<K> for &T {}

impl KeyText for str {
    fn write(&self, text: &mut String) {
        for char in self.chars() {
            match char {
                '\0'..=LAST_ESCAPED => text.push_str(&format!("%{:02x}", u32::from(char))),
                _ => text.push(char),
            }
        }
    }
}

impl KeyText for String {
    fn write(&self, text: &mut String) {
        self.as_str().write(text);
    }
}

impl Key for String {
    fn read(text: &str) -> Option<Self> {
        unescape(text).map(Cow::into_owned)
    }
}

impl<T: KeyText + ?Sized> KeyText for &T {
    fn write(&self, text: &mut String) {
        (**self).write(text);
    }
}

fn unescape(text: &str) -> Option<Cow<'_, str>> {
    let Some((plain, mut rest)) = text.split_once('%') else {
        return Some(text.into());
    };
    let mut out = plain.to_owned();
    loop {
        let code = u8::from_str_radix(rest.get(..2)?, 16).ok()?;
        out.push(char::from(code));
        match rest[2..].split_once('%') {
            Some((plain, next)) => {
                out.push_str(plain);
                rest = next;
            }
            None => {
                out.push_str(&rest[2..]);
                return Some(out.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_stay_readable_and_come_back() {
        assert_eq!("order-4711/a.b".text(), "order-4711/a.b");
        assert_eq!("100 % #1".text(), "100%20%25%20%231");
        for text in ["", "a", "%", "a b", "ä#€", "\0\u{7f}"] {
            assert_eq!(String::read(&text.text()).as_deref(), Some(text));
        }
    }

    #[test]
    fn spellings_sort_as_strings_do() {
        let mut strings = ["", " ", "a", "a ", "a#", "a%", "a&", "a-b", "ab", "b", "ä", "\u{1}"];
        strings.sort_unstable();
        assert!(strings.map(KeyText::text).is_sorted());
    }

    #[test]
    fn a_broken_escape_is_no_key() {
        assert_eq!(String::read("a%2"), None);
        assert_eq!(String::read("a%zz"), None);
        assert_eq!(String::read("a%ä"), None);
    }
}
