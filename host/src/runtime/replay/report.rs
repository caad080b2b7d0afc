//! What a replay has found, for people and programs: counts, and the first differences as a readable diff.
//!
//! Plain data and its words, bounded. Must not know how it was found.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Messages whose differences, or reasons, are told; the rest is counted.
const TOLD: usize = 10;
/// Lines of one message.
const LINES: usize = 8;

/// How the recorded messages went with the candidate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    pub same: u64,
    pub different: u64,
    /// What they need is not recorded. They say nothing for the candidate, nor against it.
    pub not_comparable: u64,
    /// There was no time or no room for them.
    pub not_tried: u64,
    /// The first that went otherwise, with lines `- recorded` and `+ candidate`.
    pub differences: Vec<Told>,
    /// The first that could not be compared, and why.
    pub incomparable: Vec<Told>,
    /// What else is to be known of it.
    pub notes: Vec<String>,
}

/// One message of the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub message: String,
    /// Of its turn.
    pub sequence: u64,
    pub partition: u32,
    pub kind: String,
    pub name: String,
    pub lines: Vec<String>,
}

/// How one message went.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Same,
    Different(Vec<String>),
    NotComparable(String),
    NotTried,
}

impl Replayed {
    /// Counts one; `told` says which message it was, if that is to be told.
    pub fn count(&mut self, verdict: Verdict, told: impl FnOnce(Vec<String>) -> Told) {
        match verdict {
            Verdict::Same => self.same += 1,
            Verdict::NotTried => self.not_tried += 1,
            Verdict::Different(mut lines) => {
                self.different += 1;
                if self.differences.len() < TOLD {
                    if lines.len() > LINES {
                        let more = lines.len() - LINES;
                        lines.truncate(LINES);
                        lines.push(format!("… and {more} lines more"));
                    }
                    self.differences.push(told(lines));
                }
            }
            Verdict::NotComparable(reason) => {
                self.not_comparable += 1;
                if self.incomparable.len() < TOLD {
                    self.incomparable.push(told(vec![reason]));
                }
            }
        }
    }

    pub fn messages(&self) -> u64 {
        self.same + self.different + self.not_comparable + self.not_tried
    }

    /// Whether some messages say nothing of the candidate.
    pub fn is_partial(&self) -> bool {
        self.not_comparable + self.not_tried > 0
    }

    /// The counts, in one line.
    pub fn counts(&self) -> String {
        let Replayed { same, different, not_comparable, not_tried, .. } = self;
        let (messages, plural) = (self.messages(), if self.messages() == 1 { "" } else { "s" });
        format!(
            "{messages} recorded message{plural}: {same} the same, {different} different, {not_comparable} not comparable, \
             {not_tried} not tried"
        )
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.counts())?;
        for told in &self.differences {
            write!(f, "\n{told}")?;
        }
        and_more(f, self.different, &self.differences, "differ")?;
        for told in &self.incomparable {
            write!(f, "\n{told}")?;
        }
        and_more(f, self.not_comparable, &self.incomparable, "cannot be compared")?;
        self.notes.iter().try_for_each(|note| write!(f, "\nnote: {note}"))
    }
}

fn and_more(f: &mut fmt::Formatter<'_>, all: u64, told: &[Told], what: &str) -> fmt::Result {
    match all.saturating_sub(told.len() as u64) {
        0 => Ok(()),
        more => write!(f, "\n… and {more} more that {what}"),
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { message, sequence, partition, kind, name, lines } = self;
        write!(f, "message {message}: {kind} `{name}` (turn {sequence}, partition {partition})")?;
        lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: Vec<String>) -> Told {
        Told { message: "7-0".into(), sequence: 9, partition: 1, kind: "command".into(), name: "run".into(), lines }
    }

    #[test]
    fn the_first_differences_are_told_and_the_rest_is_counted() {
        let mut replayed = Replayed::default();
        for _ in 0..12 {
            let lines = (0..10).map(|n| format!("- write {n}")).collect();
            replayed.count(Verdict::Different(lines), told);
        }
        replayed.count(Verdict::Same, told);
        let text = replayed.to_string();
        assert!(text.starts_with("13 recorded messages: 1 the same, 12 different, 0 not comparable, 0 not tried\n"));
        assert_eq!(
            text.matches("message 7-0: command `run` (turn 9, partition 1)\n  - write 0\n").count(),
            10,
            "{text}"
        );
        assert!(text.contains("\n  - write 7\n  … and 2 lines more\n") && text.ends_with("… and 2 more that differ"));
    }

    #[test]
    fn what_cannot_be_compared_is_counted_apart_with_its_reason() {
        let mut replayed = Replayed::default();
        replayed.count(Verdict::NotComparable("it asks for the time".into()), told);
        replayed.count(Verdict::NotTried, told);
        replayed.notes.push("turns before 4 were another generation's".into());
        assert_eq!(
            replayed.to_string(),
            "2 recorded messages: 0 the same, 0 different, 1 not comparable, 1 not tried\n\
             message 7-0: command `run` (turn 9, partition 1)\n  it asks for the time\n\
             note: turns before 4 were another generation's"
        );
    }
}
