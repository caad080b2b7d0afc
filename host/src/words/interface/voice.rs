//! The sentences in which findings are told.
//!
//! Knows what was found and which way values flow, not how it was found. Names and values come from untrusted guests, so they
//! are shown short and without control characters. Cannot fail.

use super::types::Types;
use serde_json::Value;

/// Which way the values flow that a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// To the space: the new version must take whatever the old one took.
    In,
    /// From the space: the new version must give nothing that the old one did not give.
    Out,
}

/// One way in which a new schema does not keep what the old one promised.
#[derive(Debug)]
pub enum Defect<'a> {
    /// A property that must be there (in), or need not be there any more (out).
    Required(&'a str),
    /// A property that the old schema named and the new one does not; it is let through all the same.
    Unnamed(&'a str),
    /// A property that the old (in) or the new (out) schema has and the other one rules out.
    RuledOut(&'a str),
    /// Properties that have no name in the schema are ruled out (in), or are so no more (out).
    Others,
    Types {
        given: Types,
        taken: Types,
    },
    /// These values were taken and are not (in), or were not given and may be (out).
    Values(&'a [&'a Value]),
    /// Only these values are taken now (in), or no longer only these are given (out).
    OnlyValues(&'a [&'a Value]),
    /// Such as `at least 5`.
    Bound(String),
    Keyword(&'a str, &'a Value),
    /// One of several forms, by its name.
    Form(String),
    /// What could not be compared, and why.
    Unclear(String),
}

impl Defect<'_> {
    /// `at` is what it is about, such as "`price` in the body of `place`".
    pub fn sentence(&self, flow: Flow, at: &str) -> String {
        match self {
            Defect::Unclear(why) => format!("{at} may have changed: {why}"),
            _ if flow == Flow::In => format!("{at} {}", self.of_what_is_taken()),
            _ => format!("{at} {}", self.of_what_is_given()),
        }
    }

    fn of_what_is_taken(&self) -> String {
        match self {
            Defect::Required(name) => format!("now needs {}", name_of(name)),
            Defect::Unnamed(name) => format!("does not know {} any more: it is ignored", name_of(name)),
            Defect::RuledOut(name) => format!("may not have {} any more", name_of(name)),
            Defect::Others => "may not have other properties any more".to_owned(),
            Defect::Types { given: Types::ALL, taken } => {
                format!("must now be {}; it could be anything", taken.words())
            }
            Defect::Types { given, taken } if given.meets(*taken) => {
                format!("may not be {} any more", (*given - *taken).words())
            }
            Defect::Types { given, taken } => format!("must now be {}, not {}", taken.words(), given.words()),
            Defect::Values(values) => format!("may not be {} any more", list(values)),
            Defect::OnlyValues(values) => format!("must now be {}", list(values)),
            Defect::Bound(bound) => format!("must now be {bound}"),
            Defect::Keyword("uniqueItems", _) => "may not hold an item twice any more".to_owned(),
            Defect::Keyword(word, value) => format!("must now have the {word} {}", value_of(value)),
            Defect::Form(form) => format!("may not have the form {form} any more"),
            Defect::Unclear(why) => why.clone(),
        }
    }

    fn of_what_is_given(&self) -> String {
        match self {
            Defect::Required(name) => format!("no longer always has {}", name_of(name)),
            Defect::Unnamed(name) => format!("no longer has {}", name_of(name)),
            Defect::RuledOut(name) => format!("can now have {}, which was ruled out", name_of(name)),
            Defect::Others => "can now have other properties, too".to_owned(),
            Defect::Types { given: Types::ALL, taken } => format!("can now be anything, not only {}", taken.words()),
            Defect::Types { given, taken } if given.meets(*taken) => {
                format!("can now be {}, too", (*given - *taken).words())
            }
            Defect::Types { given, taken } => format!("is now {}, not {}", given.words(), taken.words()),
            Defect::Values(values) => format!("can now be {}, too", list(values)),
            Defect::OnlyValues(values) => format!("can now be something else than {}", list(values)),
            Defect::Bound(bound) => format!("is no longer always {bound}"),
            Defect::Keyword("uniqueItems", _) => "can now hold an item twice".to_owned(),
            Defect::Keyword(word, value) => format!("no longer always has the {word} {}", value_of(value)),
            Defect::Form(form) => format!("can now have the form {form}, too"),
            Defect::Unclear(why) => why.clone(),
        }
    }
}

/// A name in backticks.
pub fn name_of(name: &str) -> String {
    format!("`{}`", short(name))
}

/// A value as JSON; what is not a plain one by its kind.
pub fn value_of(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => Types::of(value).words(),
        Value::String(text) => format!("\"{}\"", short(text)),
        plain => plain.to_string(),
    }
}

fn list(values: &[&Value]) -> String {
    const FEW: usize = 5;
    let mut shown: Vec<_> = values.iter().take(FEW).map(|value| value_of(value)).collect();
    if values.len() > FEW {
        shown.push(format!("{} others", values.len() - FEW));
    }
    match shown.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => shown.concat(),
    }
}

pub fn short(text: &str) -> String {
    const LETTERS: usize = 64;
    let clean = |c: char| if c.is_control() { '?' } else { c };
    let mut short: String = text.chars().take(LETTERS).map(clean).collect();
    if text.chars().nth(LETTERS).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_guest_names_is_shown_short_and_without_control_characters() {
        let hostile = format!("\x1b[2J{}", "x".repeat(100));
        let said = Defect::Required(&hostile).sentence(Flow::In, "the body of `a`");
        assert!(said.starts_with("the body of `a` now needs `?[2Jxxx") && said.ends_with("…`"), "{said}");
    }

    #[test]
    fn of_many_values_a_few_are_shown() {
        let values: Vec<_> = (0..7).map(|n| json!(n)).collect();
        let values: Vec<_> = values.iter().collect();
        assert_eq!(list(&values[..1]), "0");
        assert_eq!(list(&values[..2]), "0 or 1");
        assert_eq!(list(&values), "0, 1, 2, 3, 4 or 2 others");
    }
}
