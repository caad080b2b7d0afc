//! The attributes of a CloudEvent: what each may be.
//!
//! Pure. Must not know whether they came as headers or as JSON. Fails with a sentence that names the attribute, what it holds and
//! what it must be. Bounded, because they are kept with the message.

use crate::http::shown;
use std::collections::BTreeMap;

/// Attributes of one event, and the bytes of one value and of all.
const MOST: usize = 48;
const VALUE_BYTES: usize = 2_048;
const ALL_BYTES: usize = 16 << 10;
const NAME_BYTES: usize = 64;

const SPEC_VERSION: &str = "1.0";
const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];

/// Why an event is none.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    #[error("the body does not read as a JSON object: {0}")]
    NotJson(String),
    #[error("the attribute `{0}` is missing")]
    Missing(&'static str),
    #[error("the attribute `{name}` is `{value}`; it must be {must}")]
    Value { name: String, value: String, must: &'static str },
    #[error("`{0}` is no name of an attribute: those are lower-case letters a to z and digits, at most {NAME_BYTES}")]
    Name(String),
    #[error("it has more than {MOST} attributes, or more than {ALL_BYTES} bytes of them")]
    TooMany,
    #[error("it has both `data` and `data_base64`: send one of them")]
    TwoBodies,
    #[error(
        "its type is `{given}`, and the topic in the path `{path}`: they must be the same, or POST it to /v1/events"
    )]
    OtherTopic { given: String, path: String },
}

impl Malformed {
    pub fn value(name: &str, value: &str, must: &'static str) -> Self {
        Malformed::Value { name: shown::word(name), value: shown::word(value), must }
    }
}

/// Names and values that have been checked.
#[derive(Debug, Default)]
pub struct Attributes(BTreeMap<String, String>);

impl Attributes {
    pub fn check(given: impl Iterator<Item = (String, String)>) -> Result<Self, Malformed> {
        let mut attributes = BTreeMap::new();
        let mut bytes = 0;
        for (name, value) in given {
            check_name(&name)?;
            check_value(&name, &value)?;
            bytes += name.len() + value.len();
            attributes.insert(name, value);
            if attributes.len() > MOST || bytes > ALL_BYTES {
                return Err(Malformed::TooMany);
            }
        }
        for name in REQUIRED {
            if !attributes.contains_key(name) {
                return Err(Malformed::Missing(name));
            }
        }
        Ok(Attributes(attributes))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// One that `check` has found there.
    pub fn required(&self, name: &'static str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn check_name(name: &str) -> Result<(), Malformed> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_name = !name.is_empty() && name.len() <= NAME_BYTES && name.bytes().all(legal);
    if is_name { Ok(()) } else { Err(Malformed::Name(shown::word(name))) }
}

fn check_value(name: &str, value: &str) -> Result<(), Malformed> {
    let fits = value.len() <= VALUE_BYTES && !value.chars().any(char::is_control);
    let (is_good, must): (bool, _) = match name {
        _ if !fits => (false, "at most 2,048 bytes without control characters"),
        "specversion" => (value == SPEC_VERSION, "`1.0`, the version that this host takes in"),
        "id" | "type" | "subject" => (!value.is_empty(), "a string that is not empty"),
        "source" => (is_reference(value), "a URI reference that is not empty, such as `/sensors/7`"),
        "dataschema" => (is_absolute(value), "a URI with a scheme, such as `https://example.com/schema`"),
        "time" => (is_time(value), "a time as in RFC 3339, such as `2026-01-02T03:04:05Z`"),
        "datacontenttype" => (is_media_type(value), "a media type, such as `application/json`"),
        _ => (true, ""),
    };
    if is_good { Ok(()) } else { Err(Malformed::value(name, value, must)) }
}

/// The characters that a URI can have; whether it means anything is the sender's business.
fn is_reference(value: &str) -> bool {
    let legal = |c: char| c.is_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
    !value.is_empty() && value.chars().all(legal)
}

fn is_absolute(value: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let scheme = value.split_once(':').map(|(scheme, _)| scheme);
    is_reference(value)
        && scheme.is_some_and(|s| s.starts_with(|c: char| c.is_ascii_alphabetic()) && s.bytes().all(legal))
}

fn is_media_type(value: &str) -> bool {
    let media = value.split(';').next().unwrap_or_default().trim();
    let legal =
        |part: &str| !part.is_empty() && !part.contains(|c: char| c == ' ' || c == '/' || !c.is_ascii_graphic());
    media.split_once('/').is_some_and(|(kind, sub)| legal(kind) && legal(sub))
}

/// humantime reads times in UTC, from 1970 on and to the nanosecond; so offset, year and fraction are looked at here.
fn is_time(value: &str) -> bool {
    let value = value.to_ascii_uppercase();
    let end = value.len().saturating_sub(6);
    let local = match value.strip_suffix('Z') {
        Some(local) => local,
        None if value.is_char_boundary(end) && is_offset(&value[end..]) => &value[..end],
        None => return false,
    };
    let (seconds, fraction) = local.split_once('.').unwrap_or((local, "0"));
    let has_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    let in_such_a_year = |(year, rest): (&str, &str)| {
        let is_year = year.bytes().all(|b| b.is_ascii_digit());
        let leaps = |year: u32| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let like = if year.parse().is_ok_and(leaps) { 2000 } else { 2001 };
        is_year && humantime::parse_rfc3339(&format!("{like}{rest}Z")).is_ok()
    };
    has_fraction && seconds.split_at_checked(4).is_some_and(in_such_a_year)
}

fn is_offset(text: &str) -> bool {
    let number = |digits: &str, most: u8| {
        digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse().is_ok_and(|n: u8| n <= most)
    };
    text.strip_prefix(['+', '-']).and_then(|rest| rest.split_once(':')).is_some_and(|(hours, minutes)| {
        hours.len() == 2 && number(hours, 23) && minutes.len() == 2 && number(minutes, 59)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Attributes, String> {
        let good = [("specversion", "1.0"), ("id", "1"), ("source", "/x"), ("type", "a.b")];
        let given = good.into_iter().chain([(name, value)]).map(|(n, v)| (n.to_owned(), v.to_owned()));
        Attributes::check(given).map_err(|error| error.to_string())
    }

    #[test]
    fn each_required_attribute_that_is_missing_is_named() {
        for left_out in REQUIRED {
            let given = REQUIRED.iter().filter(|name| **name != left_out);
            let given =
                given.map(|n| ((*n).to_owned(), if *n == "specversion" { "1.0".into() } else { "x".to_owned() }));
            let error = Attributes::check(given).unwrap_err().to_string();
            assert!(error.contains(left_out) && error.contains("missing"), "{error}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_is_shown_with_what_it_must_be() {
        for (name, bad) in [
            ("specversion", &["0.3", "1", "1.0.1", ""][..]),
            ("id", &[""]),
            ("source", &["", "a b", "<x>"]),
            ("type", &[""]),
            ("subject", &["", "a\nb"]),
            ("dataschema", &["", "schema", "1x:y", "/a"]),
            (
                "time",
                &[
                    "",
                    "yesterday",
                    "2026-13-01T00:00:00Z",
                    "2026-02-29T00:00:00Z",
                    "2026-01-01 00:00:00Z",
                    "2026-01-01T00:00:00",
                    "2026-01-01T00:00:00.Z",
                    "2026-01-01T00:00:00+24:00",
                    "2026-01-01T00:00:00é:00",
                ],
            ),
            ("datacontenttype", &["", "json", "/json", "a/"]),
        ] {
            for value in bad {
                let error = with(name, value).unwrap_err();
                assert!(error.contains(&format!("`{name}` is `")) && error.contains("it must be"), "{error}");
            }
        }
    }

    #[test]
    fn what_the_specification_allows_is_taken() {
        for (name, good) in [
            ("source", &["urn:uuid:6e8b", "https://github.com/cloudevents", "mailto:a@b.c", "/sensors/tn-1"][..]),
            ("dataschema", &["https://example.com/s", "urn:x:y"]),
            (
                "time",
                &[
                    "2018-04-05T17:31:00Z",
                    "2018-04-05t17:31:00.123456789012z",
                    "2018-04-05T17:31:00.5-05:30",
                    "1804-02-29T12:00:00Z",
                ],
            ),
            ("datacontenttype", &["text/xml", "application/json; charset=utf-8"]),
            ("myextension", &["", "Zürich"]),
        ] {
            for value in good {
                assert_eq!(with(name, value).unwrap().get(name), Some(*value), "{name}");
            }
        }
    }

    #[test]
    fn names_and_amounts_are_bounded() {
        for bad in ["", "Upper", "with-dash", &"x".repeat(65)] {
            assert!(with(bad, "1").unwrap_err().contains("no name"), "{bad}");
        }
        let many = (0..MOST).map(|n| (format!("x{n}"), String::new()));
        let good = [("specversion", "1.0"), ("id", "1"), ("source", "/x"), ("type", "a.b")];
        let given = good.map(|(n, v)| (n.to_owned(), v.to_owned())).into_iter().chain(many);
        assert!(matches!(Attributes::check(given), Err(Malformed::TooMany)));
    }
}
