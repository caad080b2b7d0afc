//! The probation of a version that has just been swapped in: its first turns are watched, and what its migration has changed can
//! be taken back as long as no turn has been committed on it.
//!
//! Counts, and decides nothing but when the probation has failed; who hears of that decides what follows. All partitions of a
//! space share one.

use super::turn::Undo;
use crate::words::{MessageId, SpaceName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Different messages whose turns broke off: this many fail the probation.
const FAULTS: usize = 3;

pub struct Probation {
    digest: String,
    /// So many turns have to succeed; 0: nobody watches.
    turns: u64,
    /// Its migration has changed something.
    migrated: bool,
    /// Its migration has sent messages: those cannot be taken back.
    emitted: bool,
    course: Mutex<Course>,
}

#[derive(Default)]
struct Course {
    succeeded: u64,
    broken: BTreeSet<MessageId>,
    starts_failed: usize,
    failed: bool,
    /// By partition; gone with the first turn that is committed.
    undo: Option<Vec<Undo>>,
}

/// A version that has failed its probation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedProbation {
    pub space: SpaceName,
    pub digest: String,
    /// For people.
    pub reason: String,
}

/// How to leave a version for the one before it.
#[derive(Debug, Clone)]
pub enum WayBack {
    /// The state is as the version before has left it.
    CodeAlone,
    TakeBack(Vec<Undo>),
    /// So many turns have been committed on what was migrated.
    Barred {
        committed: u64,
    },
}

impl Probation {
    /// `undo`: what would take the migration of each partition back.
    pub fn new(digest: String, turns: u64, undo: Vec<Undo>, emitted: bool) -> Self {
        let migrated = emitted || undo.iter().any(|undo| !undo.is_empty());
        let undo = (migrated && !emitted).then_some(undo);
        let course = Mutex::new(Course { undo, ..Course::default() });
        Probation { digest, turns, migrated, emitted, course }
    }

    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// A turn has been committed. True: the probation is over.
    pub fn succeeded(&self) -> bool {
        let mut course = self.course();
        course.succeeded += 1;
        course.undo = None;
        course.failed || course.succeeded >= self.turns
    }

    /// The turn of a message broke off, or without one, the instance did not start. The reason, if the probation has failed by it.
    pub fn broke_off(&self, message: Option<MessageId>, how: &str) -> Option<String> {
        let mut course = self.course();
        match message {
            Some(message) => drop(course.broken.insert(message)),
            None => course.starts_failed += 1,
        }
        let faults = course.broken.len() + course.starts_failed;
        let failed = faults >= FAULTS && course.succeeded < self.turns;
        if !failed || std::mem::replace(&mut course.failed, true) {
            return None;
        }
        Some(format!(
            "{faults} of its first {} turns broke off, the last with: {how}",
            faults as u64 + course.succeeded
        ))
    }

    /// Only while no partition is in a turn.
    pub fn way_back(&self) -> WayBack {
        let course = self.course();
        match &course.undo {
            _ if !self.migrated => WayBack::CodeAlone,
            Some(undo) => WayBack::TakeBack(undo.clone()),
            None => WayBack::Barred { committed: course.succeeded },
        }
    }

    pub fn has_emitted(&self) -> bool {
        self.emitted
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The probations that have failed, each until somebody takes it up.
#[derive(Default)]
pub struct FailedProbations {
    failed: Mutex<BTreeMap<SpaceName, FailedProbation>>,
    news: Notify,
}

impl FailedProbations {
    pub fn report(&self, failed: FailedProbation) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(failed.space.clone(), failed);
        self.news.notify_one();
    }

    /// Waits for the next one. Nothing is taken if the wait is given up.
    pub async fn next(&self) -> FailedProbation {
        loop {
            let first = self.failed.lock().unwrap_or_else(PoisonError::into_inner).pop_first();
            match first {
                Some((_, failed)) => return failed,
                None => self.news.notified().await,
            }
        }
    }
}

/// What an actor holds of the probation of the version that it runs.
pub type Watched = Option<Arc<Probation>>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::timers::TimerChange;

    fn probation(turns: u64, migrated: bool) -> Probation {
        let mut undo = Undo::default();
        if migrated {
            undo.note_timer(TimerChange::Cancel { name: "t".into() });
        }
        Probation::new("digest".into(), turns, vec![undo], false)
    }

    fn id(sequence: u64) -> Option<MessageId> {
        Some(MessageId { sequence, ordinal: 0 })
    }

    #[test]
    fn three_messages_that_break_off_fail_the_probation_and_it_is_told_once() {
        let probation = probation(10, false);
        probation.succeeded();
        assert_eq!(probation.broke_off(id(1), "a trap"), None);
        assert_eq!(probation.broke_off(id(1), "a trap"), None, "the same message again");
        assert_eq!(probation.broke_off(id(2), "a trap"), None);
        let reason = probation.broke_off(id(3), "a trap").unwrap();
        assert_eq!(reason, "3 of its first 4 turns broke off, the last with: a trap");
        assert_eq!(probation.broke_off(id(4), "a trap"), None);
    }

    #[test]
    fn starts_that_fail_count_like_messages() {
        let probation = probation(10, false);
        assert_eq!((probation.broke_off(None, "no"), probation.broke_off(None, "no")), (None, None));
        assert!(probation.broke_off(None, "no").is_some());
    }

    #[test]
    fn after_enough_successes_the_probation_is_over_and_nothing_fails_it() {
        let probation = probation(2, false);
        assert!(!probation.succeeded());
        assert!(probation.succeeded());
        assert!((1..9).all(|message| probation.broke_off(id(message), "a trap").is_none()));
        assert!((1..9).all(|message| self::probation(0, false).broke_off(id(message), "a trap").is_none()));
    }

    #[test]
    fn the_way_back_is_the_code_alone_or_through_what_undoes_the_migration_until_a_turn_rests_on_it() {
        let unmigrated = probation(10, false);
        unmigrated.succeeded();
        assert!(matches!(unmigrated.way_back(), WayBack::CodeAlone));
        let migrated = probation(10, true);
        migrated.broke_off(id(1), "a trap");
        assert!(matches!(migrated.way_back(), WayBack::TakeBack(undo) if undo.len() == 1));
        migrated.succeeded();
        assert!(matches!(migrated.way_back(), WayBack::Barred { committed: 1 }));
    }

    #[test]
    fn what_a_migration_has_sent_cannot_be_taken_back() {
        let probation = Probation::new("digest".into(), 10, vec![Undo::default()], true);
        assert!(matches!(probation.way_back(), WayBack::Barred { committed: 0 }));
        assert!(probation.has_emitted());
    }

    #[tokio::test]
    async fn a_failed_probation_waits_for_whoever_takes_it_up() {
        let probations = FailedProbations::default();
        let failed = |name: &str| FailedProbation {
            space: SpaceName::parse(name).unwrap(),
            digest: "digest".into(),
            reason: "it broke off".into(),
        };
        probations.report(failed("b"));
        probations.report(failed("a"));
        assert_eq!((probations.next().await, probations.next().await), (failed("a"), failed("b")));
    }
}
