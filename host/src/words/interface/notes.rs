//! What a comparison has found so far, and how much work it may still do.
//!
//! Owns both bounds: descriptors come from untrusted guests, and two of a mebibyte each can be made to be compared for ever.
//! Knows nothing of what is compared. Never fails: what was left out is a finding of its own.

use std::collections::HashSet;

/// Things looked at, in one comparison of two descriptors.
const STEPS: usize = 100_000;
/// Findings that are shown, and those that are counted.
const SHOWN: usize = 20;
const COUNTED: usize = 1_000;
const BROKEN_OFF: &str = "the interface is too large to be compared whole: what was not compared may have changed";

#[derive(Debug)]
pub struct Notes {
    found: Vec<String>,
    steps_left: usize,
    broken_off: bool,
}

impl Notes {
    pub fn new() -> Self {
        Notes { found: Vec::new(), steps_left: STEPS, broken_off: false }
    }

    /// What is found after the end of the work rests on half of what there is, and is not noted.
    pub fn say(&mut self, finding: String) {
        if self.found.len() == COUNTED {
            self.break_off();
        }
        if !self.broken_off {
            self.found.push(finding);
        }
    }

    /// Whether so much more may be looked at. Once it may not, nothing may.
    pub fn step(&mut self, things: usize) -> bool {
        match self.steps_left.checked_sub(things) {
            Some(left) => self.steps_left = left,
            None => self.break_off(),
        }
        !self.broken_off
    }

    fn break_off(&mut self) {
        self.steps_left = 0;
        self.broken_off = true;
    }

    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Takes back what was found since there were so many.
    pub fn since(&mut self, len: usize) -> Vec<String> {
        self.found.split_off(len.min(self.found.len()))
    }

    /// Each finding once, the first ones whole, the others as a number.
    pub fn finish(mut self) -> Vec<String> {
        let mut seen = HashSet::new();
        self.found.retain(|finding| seen.insert(finding.clone()));
        let more = self.found.len().saturating_sub(SHOWN);
        self.found.truncate(SHOWN);
        if more > 0 {
            self.found.push(format!("and {more} more"));
        }
        if self.broken_off {
            self.found.push(BROKEN_OFF.to_owned());
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_findings_the_first_are_shown_and_the_others_counted() {
        let mut notes = Notes::new();
        (0..50).for_each(|n| notes.say(format!("finding {}", n % 30)));
        let found = notes.finish();
        assert_eq!(found.len(), SHOWN + 1);
        assert_eq!((found[0].as_str(), found[SHOWN].as_str()), ("finding 0", "and 10 more"));
    }

    #[test]
    fn a_comparison_that_is_broken_off_says_so() {
        let mut notes = Notes::new();
        assert!(notes.step(STEPS) && !notes.step(1) && !notes.step(0));
        assert_eq!(notes.finish(), [BROKEN_OFF]);
        let mut notes = Notes::new();
        (0..COUNTED + 1).for_each(|n| notes.say(n.to_string()));
        let found = notes.finish();
        assert_eq!(found[SHOWN..], ["and 980 more", BROKEN_OFF]);
    }
}
