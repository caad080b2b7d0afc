//! Integers and `bool` as keys. It owns their spelling; a text that is no number of the type gives none.
//!
//! An unsigned integer has as many decimal digits as the largest of its type, so that text sorts as numbers do: the `u32` 7 is
//! `0000000007`. A negative integer is `-` and the nines' complement of its digits (`-` sorts before digits, and of two negative
//! numbers the lesser has the larger digits).

use crate::cell::{AsKey, Key, KeyText};

macro_rules! unsigned {
    ($($number:ty),*) => { $(
        impl KeyText for $number {
            fn write(&self, text: &mut String) {
                let width = digits(<$number>::MAX.into());
                text.push_str(&format!("{self:0width$}"));
            }
        }

        impl AsKey<$number> for $number {}

        impl Key for $number {
            fn read(text: &str) -> Option<Self> {
                let fits = text.len() == digits(<$number>::MAX.into()) && is_digits(text);
                text.parse().ok().filter(|_| fits)
            }
        }
    )* };
}

macro_rules! signed {
    ($($number:ty),*) => { $(
        impl KeyText for $number {
            fn write(&self, text: &mut String) {
                let width = digits(<$number>::MIN.unsigned_abs().into());
                let magnitude = format!("{:0width$}", self.unsigned_abs());
                if *self < 0 {
                    text.push('-');
                    text.extend(complement(&magnitude));
                } else {
                    text.push_str(&magnitude);
                }
            }
        }

        impl AsKey<$number> for $number {}

        impl Key for $number {
            fn read(text: &str) -> Option<Self> {
                let (sign, magnitude) = match text.strip_prefix('-') {
                    Some(complemented) => ("-", complemented),
                    None => ("", text),
                };
                let fits = magnitude.len() == digits(<$number>::MIN.unsigned_abs().into()) && is_digits(magnitude);
                let digits: String = if sign.is_empty() { magnitude.to_owned() } else { complement(magnitude).collect() };
                format!("{sign}{digits}").parse().ok().filter(|_| fits)
            }
        }
    )* };
}

// Not `usize`: it is narrower in a guest than in its native tests, and so would be spelled in two ways.
unsigned!(u8, u16, u32, u64, u128);
signed!(i8, i16, i32, i64, i128);

impl KeyText for bool {
    fn write(&self, text: &mut String) {
        text.push_str(if *self { "true" } else { "false" });
    }
}

impl AsKey<bool> for bool {}

impl Key for bool {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

fn digits(largest: u128) -> usize {
    largest.ilog10() as usize + 1
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn complement(digits: &str) -> impl Iterator<Item = char> {
    digits.bytes().map(|digit| char::from(b'9' - digit.clamp(b'0', b'9') + b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(7u8.text(), "007");
        assert_eq!(4711u64.text(), "00000000000000004711");
        assert_eq!(12i8.text(), "012");
        assert_eq!((-1i8).text(), "-998");
        assert_eq!(true.text(), "true");
    }

    #[test]
    fn spellings_sort_as_numbers_do_and_come_back() {
        let numbers = [i64::MIN, i64::MIN + 1, -4711, -10, -9, -1, 0, 1, 9, 10, 4711, i64::MAX];
        assert!(numbers.map(|number| number.text()).is_sorted());
        assert_eq!(numbers.map(|number| i64::read(&number.text())), numbers.map(Some));
        let numbers = [0, 1, 9, 10, u64::MAX];
        assert!(numbers.map(|number| number.text()).is_sorted());
        assert_eq!(numbers.map(|number| u64::read(&number.text())), numbers.map(Some));
        assert!([false, true].map(|bool| bool.text()).is_sorted());
    }

    #[test]
    fn other_spellings_are_no_keys() {
        for text in ["", "7", "+07", "0007", "256", "0x7", "-07"] {
            assert_eq!(u8::read(text), None, "{text}");
        }
        for text in ["", "7", "--1", "-1", "-9999", "200", "-799"] {
            assert_eq!(i8::read(text), None, "{text}");
        }
    }
}
