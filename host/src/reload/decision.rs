//! When a change is acted on: the quiet window of one file, as a state machine with time passed in.
//!
//! Pure: knows neither files nor clocks. A change is acted on when nothing changed for `QUIET`; longer, when change upon
//! change shows a busy writer, who on a loaded machine may be held up for more than `QUIET` himself. Under constant
//! touching the file is looked at after `RESTLESS` all the same, so that nobody can keep a new version out for ever.

use super::scan::{Pair, Sight};
use std::time::{Duration, Instant};

/// Unchanged for this long, a file is taken to be finished.
pub const QUIET: Duration = Duration::from_millis(100);
/// For how many changes in a row that is enough; with each one more the wait doubles, so many times.
const FEW_CHANGES: u32 = 2;
const DOUBLINGS: u32 = 2;
/// Touched without a pause for this long, it is looked at as it is.
pub const RESTLESS: Duration = Duration::from_secs(10);

/// How long a file that changed while it was read is left alone at least.
const RETRY: Duration = Duration::from_millis(20);

/// What to do about a file now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing before this moment.
    Wait(Instant),
    /// Read it, and see what it is.
    Load,
    /// It is gone: drain and stop its space.
    Remove,
    /// What is there has been dealt with.
    Nothing,
}

/// What was last seen of a file, and whether that has been dealt with.
#[derive(Debug)]
pub struct Watched {
    seen: Pair,
    changed: Instant,
    /// When the first of the changes came that are not dealt with yet.
    restless_since: Instant,
    /// How many they are.
    changes: u32,
    dealt_with: bool,
}

impl Watched {
    pub fn new(seen: Pair, now: Instant) -> Self {
        Watched { seen, changed: now, restless_since: now, changes: 1, dealt_with: false }
    }

    /// A file that is known not to have changed for a while: there is nothing to wait for.
    pub fn long_quiet(seen: Pair, now: Instant) -> Self {
        let changed = now.checked_sub(QUIET).unwrap_or(now);
        Watched { seen, changed, restless_since: now, changes: 0, dealt_with: false }
    }

    /// Takes in what a scan saw. Whether it is something new.
    pub fn sight(&mut self, seen: Pair, now: Instant) -> bool {
        if self.seen == seen {
            return false;
        }
        self.seen = seen;
        self.note_change(now);
        true
    }

    /// Something that the file's version depends on changed.
    pub fn note_change(&mut self, now: Instant) {
        if self.dealt_with {
            self.restless_since = now;
            self.changes = 0;
        }
        self.changed = now;
        self.changes = self.changes.saturating_add(1);
        self.dealt_with = false;
    }

    pub fn seen(&self) -> &Pair {
        &self.seen
    }

    fn quiet(&self) -> Duration {
        QUIET * (1 << self.changes.saturating_sub(FEW_CHANGES).min(DOUBLINGS))
    }

    pub fn decide(&self, now: Instant) -> Decision {
        if self.dealt_with {
            return Decision::Nothing;
        }
        let due = (self.changed + self.quiet()).min(self.restless_since + RESTLESS);
        match &self.seen.component {
            _ if now < due => Decision::Wait(due),
            Sight::Absent => Decision::Remove,
            Sight::File(_) | Sight::Odd(_) => Decision::Load,
        }
    }

    /// It was no longer what was seen when it was read: the next look is a little later, however restless it is.
    pub fn moved_on(&mut self, now: Instant) {
        self.note_change(now);
        if let Some(earliest) = (now + RETRY).checked_sub(RESTLESS) {
            self.restless_since = self.restless_since.max(earliest);
        }
    }

    /// What is there now is being dealt with. A look at a restless file is followed by another when it has come to rest:
    /// two changes within one tick of the file system's clock look alike.
    pub fn deal_with(&mut self, now: Instant) {
        self.dealt_with = now >= self.changed + self.quiet();
        self.restless_since = now;
    }

    /// Looks without waiting for quiet: an operator asked, or it failed for a reason that may have passed. That a file is
    /// gone is believed only when it stays gone.
    pub fn look_now(&mut self, now: Instant) {
        if self.seen.component == Sight::Absent {
            return self.note_change(now);
        }
        *self = Watched::long_quiet(std::mem::take(&mut self.seen), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn odd(text: String) -> Pair {
        Pair { component: Sight::Odd(text), settings: Sight::Absent }
    }

    #[test]
    fn a_file_is_loaded_when_quiet_and_only_once() {
        let start = Instant::now();
        let mut watched = Watched::new(odd("a".into()), start);
        assert_eq!(watched.decide(start), Decision::Wait(start + QUIET));
        assert_eq!(watched.decide(start + QUIET - MS), Decision::Wait(start + QUIET));
        assert_eq!(watched.decide(start + QUIET), Decision::Load);
        watched.deal_with(start + QUIET);
        assert!(!watched.sight(odd("a".into()), start + QUIET));
        assert_eq!(watched.decide(start + RESTLESS * 9), Decision::Nothing);
    }

    #[test]
    fn a_thousand_changes_in_a_second_lead_to_one_look_at_the_last() {
        let start = Instant::now();
        let mut watched = Watched::new(odd("0".into()), start);
        let mut looks = 0;
        for tick in 1..=1_500_u32 {
            let now = start + tick * MS;
            if tick < 1_000 {
                watched.sight(odd(tick.to_string()), now);
            }
            if watched.decide(now) == Decision::Load {
                assert_eq!((tick, watched.seen()), (1_399, &odd("999".into())));
                watched.deal_with(now);
                looks += 1;
            }
        }
        assert_eq!(looks, 1);
    }

    #[test]
    fn constant_touching_puts_a_look_off_only_so_long() {
        let start = Instant::now();
        let mut watched = Watched::new(odd("0".into()), start);
        let mut looks = Vec::new();
        for tick in 1..=2_500_u32 {
            let now = start + tick * 10 * MS;
            watched.sight(odd(tick.to_string()), now);
            if watched.decide(now) == Decision::Load {
                watched.deal_with(now);
                looks.push(tick * 10);
            }
        }
        assert_eq!(looks, [10_000, 20_000]);
        // Come to rest, it is looked at once more.
        let end = start + 25_000 * MS;
        assert_eq!(watched.decide(end), Decision::Wait(end + 4 * QUIET));
    }

    #[test]
    fn gone_and_back_within_the_window_is_a_change_and_gone_for_good_a_removal() {
        let start = Instant::now();
        let mut watched = Watched::long_quiet(odd("a".into()), start);
        assert_eq!(watched.decide(start), Decision::Load);
        watched.deal_with(start);
        watched.sight(Pair::default(), start + MS);
        assert_eq!(watched.decide(start + 50 * MS), Decision::Wait(start + QUIET + MS));
        watched.sight(odd("b".into()), start + 60 * MS);
        assert_eq!(watched.decide(start + 160 * MS), Decision::Load);
        watched.deal_with(start + 160 * MS);
        watched.sight(Pair::default(), start + 200 * MS);
        assert_eq!(watched.decide(start + 300 * MS), Decision::Remove);
    }

    #[test]
    fn settings_alone_are_a_change_too() {
        let start = Instant::now();
        let mut watched = Watched::long_quiet(odd("a".into()), start);
        watched.deal_with(start);
        let mut pair = odd("a".into());
        pair.settings = Sight::Odd("b".into());
        assert!(watched.sight(pair, start));
        assert_eq!(watched.decide(start + QUIET), Decision::Load);
    }

    #[test]
    fn a_file_that_changes_under_the_reader_is_not_looked_at_in_a_tight_loop() {
        let start = Instant::now();
        let mut watched = Watched::new(odd("a".into()), start);
        let late = start + RESTLESS * 2;
        watched.note_change(late);
        assert_eq!(watched.decide(late), Decision::Load);
        watched.deal_with(late);
        watched.moved_on(late);
        assert_eq!(watched.decide(late), Decision::Wait(late + 2 * QUIET));
        let later = late + RESTLESS;
        watched.note_change(later);
        assert_eq!(watched.decide(later), Decision::Load);
        watched.moved_on(later);
        assert_eq!(watched.decide(later), Decision::Wait(later + RETRY));
    }

    #[test]
    fn an_order_does_not_wait() {
        let start = Instant::now();
        let mut watched = Watched::new(odd("a".into()), start);
        watched.look_now(start);
        assert_eq!(watched.decide(start), Decision::Load);
    }
}
