//! What can be wrong with a settings file: the closed list of refusals, and their words.
//!
//! Knows nothing of reading. Every text says what is wrong and what to write instead; the file's name is put in front
//! by whoever knows it.

use crate::words::SpaceName;
use crate::words::topic::NameError;

/// The first thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("line {line}: {defect}")]
pub struct SettingsError {
    pub line: usize,
    pub defect: Defect,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Defect {
    #[error("this is not TOML: {0}")]
    Syntax(String),
    #[error("`{name}` is no {kind}{}", suggestion(.name, .known))]
    Unknown { name: String, kind: &'static str, known: Vec<&'static str> },
    #[error("`{name}` must be {wanted}, not {found}")]
    Form { name: String, wanted: String, found: String },
    #[error("`{name} = {value}` is out of range: {least} to {most} is allowed")]
    Range { name: String, value: String, least: u64, most: u64 },
    #[error(
        "`{limit} = {value}` raises a limit that stands at {allowed} {unit}: a file beside a component may only lower \
         limits. To raise it, put these lines into spacehost.toml:\n\n[spaces.{space}.limits]\n{limit} = {value}"
    )]
    Raised { space: SpaceName, limit: &'static str, value: u64, allowed: u64, unit: &'static str },
    #[error(
        "`{check} = \"warn\"` loosens what spacehost.toml wants: a file beside a component may only turn `warn` into \
         `reject`. To loosen it, put these lines into spacehost.toml:\n\n[spaces.{space}.reload]\n{check} = \"warn\""
    )]
    Loosened { space: SpaceName, check: String },
    #[error(
        "`{limit} = {value}` has new versions tried on fewer messages than the {wanted} that spacehost.toml wants: a file \
         beside a component may not lower this limit. To lower it, put these lines into \
         spacehost.toml:\n\n[spaces.{space}.limits]\n{limit} = {value}"
    )]
    Ungated { space: SpaceName, limit: &'static str, value: u64, wanted: u64 },
    #[error("`grants` can stand in spacehost.toml only: a file beside a component cannot grant itself anything")]
    GrantsBesideComponent,
    #[error("[webhooks.{section}] lacks `{name}`: add a line such as {wanted}")]
    Missing { section: String, name: &'static str, wanted: &'static str },
    #[error("`{0}` is no name for a webhook: use 1 to 63 of a-z, 0-9 and -, such as `billing`")]
    WebhookName(String),
    /// It is not quoted, because it may hold a secret.
    #[error("`url` is no address that events can be posted to: {why}. Write one such as \"https://example.org/hooks\"")]
    Address { why: &'static str },
    #[error(
        "`secret` stands open in the settings: put it into a file that only you can read, and name that, such as \
         {{ file = \"billing.secret\" }}"
    )]
    OpenSecret,
    #[error("there are more than {most} {what}: leave some out")]
    TooMany { what: &'static str, most: usize },
    #[error(transparent)]
    Name(NameError),
}

/// The nearest known name if one is near; otherwise all of them, unless they are a whole table.
fn suggestion(name: &str, known: &[&'static str]) -> String {
    const FEW: usize = 12;
    let distance = |candidate: &&&str| edit_distance(name, candidate);
    match known.iter().min_by_key(distance) {
        Some(nearest) if distance(&nearest) <= 1 + nearest.len() / 4 => format!("; did you mean `{nearest}`?"),
        _ if known.len() <= FEW => {
            let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("; there are {}", names.join(", "))
        }
        _ => "; the limits and their units are in the table of limits in the README".to_owned(),
    }
}

/// How many letters must be put in, taken out or replaced to make one word of the other.
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, letter) in from.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (at, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_letters() {
        for (from, to, distance) in [("", "", 0), ("a", "", 1), ("memry", "memory", 1), ("abc", "cba", 2)] {
            assert_eq!(edit_distance(from, to), distance, "{from} {to}");
            assert_eq!(edit_distance(to, from), distance, "{to} {from}");
        }
    }
}
