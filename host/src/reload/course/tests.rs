//! The course, step by step, with time passed in.

use super::super::decision::QUIET;
use super::super::scan::{Pair, Sight};
use super::*;
use std::sync::Arc;

/// The artifact of a digest is the digest.
type TestCourse = Course<Digest>;

struct Stage {
    course: TestCourse,
    now: Instant,
    generation: u64,
}

fn sight(text: &str) -> Pair {
    Pair { component: Sight::Odd(text.into()), settings: Sight::Absent }
}

fn identity(digest: &str) -> Identity {
    Identity { digest: digest.into(), settings: Arc::default() }
}

impl Stage {
    fn new(text: &str) -> Self {
        let now = Instant::now();
        Stage { course: Course::new(Watched::new(sight(text), now)), now, generation: 0 }
    }

    /// `text` serves.
    fn serving(text: &str) -> Self {
        let mut stage = Stage::new(text);
        stage.bring_in(text);
        stage
    }

    fn change(&mut self, text: &str) {
        self.course.watched.sight(sight(text), self.now);
    }

    fn step(&mut self) -> Step<Digest> {
        self.course.next(self.now)
    }

    fn quiet(&mut self) {
        self.now += QUIET;
    }

    /// Looks, and finds the bytes `text`. The ticket of the compile that follows.
    fn look(&mut self, text: &str) -> Option<u64> {
        assert!(matches!(self.step(), Step::Look));
        self.found(identity(text))
    }

    fn found(&mut self, identity: Identity) -> Option<u64> {
        self.course.looked(Looked::Whole(identity, ()), self.now).map(|compile| compile.ticket)
    }

    fn compiled(&mut self, ticket: u64, text: &str) {
        self.course.compiled(ticket, Ok(text.into()), Duration::from_millis(7), self.now);
    }

    fn swap(&mut self) -> Plan<Digest> {
        match self.step() {
            Step::Swap(plan) => plan,
            other => panic!("{other:?}"),
        }
    }

    fn deployed(&mut self) -> Result<Deployed, DeployError> {
        self.generation += 1;
        let pause = Duration::from_micros(3);
        Ok(Deployed { generation: self.generation, version: "1".into(), pause, ..Deployed::default() })
    }

    fn swapped(&mut self, plan: Plan<Digest>) {
        let deployed = self.deployed();
        self.course.swapped(plan, &deployed);
    }

    fn bring_in(&mut self, text: &str) {
        self.quiet();
        let ticket = self.look(text).expect("new bytes");
        self.compiled(ticket, text);
        let plan = self.swap();
        self.swapped(plan);
        assert_eq!((&self.course.verdict, self.running()), (&Verdict::Serving, text));
        assert!(matches!(self.step(), Step::Rest));
    }

    fn running(&self) -> &str {
        &self.course.memory.running.as_ref().expect("something runs").artifact
    }

    fn rejected(&self, reason: &str) -> bool {
        self.course.verdict == Verdict::Rejected { reason: reason.into() }
    }
}

#[test]
fn a_new_version_goes_all_the_way_and_is_reported() {
    let mut stage = Stage::serving("a");
    stage.change("b");
    assert!(matches!(stage.step(), Step::Wait(Some(_))));
    stage.bring_in("b");
    let report = stage.course.report.clone().unwrap();
    assert_eq!((report.from_generation, report.to_generation), (Some(1), 2));
    assert_eq!((report.from_digest.as_deref(), report.to_digest.as_str()), (Some("a"), "b"));
    assert_eq!((report.compile_ms, report.pause_us), (7, 3));
}

#[test]
fn a_touch_leads_to_nothing() {
    let mut stage = Stage::serving("a");
    stage.change("touched");
    stage.quiet();
    assert_eq!(stage.look("a"), None);
    assert!(matches!(stage.step(), Step::Rest));
    assert_eq!(stage.course.verdict, Verdict::Serving);
}

#[test]
fn broken_bytes_are_refused_once_and_tried_again_after_others() {
    let mut stage = Stage::serving("a");
    for _ in 0..2 {
        stage.change("broken");
        stage.quiet();
        let ticket = stage.look("broken").unwrap();
        stage.course.compiled(ticket, Err(Unfit::lasting("bad")), Duration::ZERO, stage.now);
        assert!(stage.rejected("bad"));
        assert!(matches!(stage.step(), Step::Rest));
        assert_eq!(stage.running(), "a");

        stage.change("broken, touched");
        stage.quiet();
        assert_eq!(stage.look("broken"), None);
        assert!(stage.rejected("bad"));

        stage.change("a");
        stage.quiet();
        assert_eq!(stage.look("a"), None);
        assert_eq!(stage.course.verdict, Verdict::Serving);
    }
}

#[test]
fn bytes_that_are_not_at_fault_are_not_remembered_for_it() {
    let mut stage = Stage::serving("a");
    stage.change("b");
    stage.quiet();
    let ticket = stage.look("b").unwrap();
    stage.course.compiled(ticket, Err(Unfit::passing("the compiler was killed")), Duration::ZERO, stage.now);
    assert!(stage.rejected("the compiler was killed"));
    assert_eq!(stage.course.memory.remembered(), Remembered::default());
    stage.change("b, touched");
    stage.quiet();
    let ticket = stage.look("b").expect("it is tried again");
    stage.compiled(ticket, "b");
}

#[test]
fn force_brings_in_what_was_refused_and_what_runs() {
    let mut stage = Stage::serving("a");
    stage.change("broken");
    stage.quiet();
    let ticket = stage.look("broken").unwrap();
    stage.course.compiled(ticket, Err(Unfit::lasting("bad")), Duration::ZERO, stage.now);
    stage.course.reload(false, stage.now);
    assert_eq!(stage.look("broken"), None);
    stage.course.reload(true, stage.now);
    assert!(stage.look("broken").is_some());

    let mut stage = Stage::serving("a");
    stage.course.reload(true, stage.now);
    let ticket = stage.look("a").unwrap();
    stage.compiled(ticket, "a");
    let plan = stage.swap();
    stage.swapped(plan);
    assert_eq!(stage.course.report.as_ref().unwrap().to_generation, 2);
    // Force is used up.
    stage.course.reload(false, stage.now);
    assert_eq!(stage.look("a"), None);
}

#[test]
fn a_version_that_the_runtime_refuses_is_remembered() {
    let mut stage = Stage::serving("a");
    stage.change("b");
    stage.quiet();
    let ticket = stage.look("b").unwrap();
    stage.compiled(ticket, "b");
    let plan = stage.swap();
    stage.course.swapped(plan, &Err(DeployError::Refused("`start` failed: no".into())));
    assert!(stage.rejected("`start` failed: no"));
    stage.course.reload(false, stage.now);
    assert_eq!(stage.look("b"), None);

    // The end of the host is no fault of the version.
    let mut stage = Stage::serving("a");
    stage.change("b");
    stage.quiet();
    let ticket = stage.look("b").unwrap();
    stage.compiled(ticket, "b");
    let plan = stage.swap();
    stage.course.swapped(plan, &Err(DeployError::Stopping));
    assert!(stage.course.memory.rejected.is_none());
}

#[test]
fn a_compile_that_is_superseded_is_never_swapped_in() {
    // In every order of the old outcome, the new look and the new outcome.
    for old_outcome_at in 0..3 {
        let mut stage = Stage::serving("a");
        stage.change("b");
        stage.quiet();
        let old = stage.look("b").unwrap();
        stage.change("c");
        if old_outcome_at == 0 {
            stage.compiled(old, "b");
            assert!(matches!(stage.step(), Step::Wait(Some(_))), "not while the file is restless");
        }
        stage.quiet();
        let new = stage.look("c").unwrap();
        if old_outcome_at == 1 {
            stage.compiled(old, "b");
        }
        stage.compiled(new, "c");
        if old_outcome_at == 2 {
            stage.compiled(old, "b");
        }
        let plan = stage.swap();
        assert_eq!((&*plan.artifact, &*plan.identity.digest), ("c", "c"));
    }
}

#[test]
fn a_touch_during_a_compile_does_not_begin_it_anew() {
    for outcome_first in [true, false] {
        let mut stage = Stage::serving("a");
        stage.change("b");
        stage.quiet();
        let ticket = stage.look("b").unwrap();
        stage.change("b, touched");
        if outcome_first {
            stage.compiled(ticket, "b");
        }
        stage.quiet();
        assert_eq!(stage.look("b"), None);
        if !outcome_first {
            assert!(matches!(stage.step(), Step::Wait(None)));
            stage.compiled(ticket, "b");
        }
        assert_eq!(&*stage.swap().artifact, "b");
    }
}

#[test]
fn a_swap_in_hand_is_finished_before_anything_else() {
    let mut stage = Stage::serving("a");
    stage.change("b");
    stage.quiet();
    let ticket = stage.look("b").unwrap();
    stage.compiled(ticket, "b");
    let plan = stage.swap();
    stage.change("c");
    stage.quiet();
    assert!(matches!(stage.step(), Step::Wait(None)));
    stage.swapped(plan);
    assert_eq!(stage.running(), "b");
    stage.bring_in("c");
}

#[test]
fn a_file_that_is_gone_is_removed_and_one_that_is_back_is_new() {
    let mut stage = Stage::serving("a");
    stage.course.watched.sight(Pair::default(), stage.now);
    stage.quiet();
    assert!(matches!(stage.step(), Step::Remove));
    stage.course.removed(false, stage.now);
    assert_eq!(stage.course.verdict, Verdict::Serving);
    stage.quiet();
    assert!(matches!(stage.step(), Step::Remove));
    stage.course.removed(true, stage.now);
    assert_eq!(stage.course.verdict, Verdict::Removed);
    assert!(matches!(stage.step(), Step::Rest));
    stage.change("a");
    stage.bring_in("a");
    assert_eq!(stage.course.report.as_ref().unwrap().from_generation, None);
}

#[test]
fn what_cannot_be_read_leaves_what_runs_and_drops_what_was_on_its_way() {
    let mut stage = Stage::serving("a");
    stage.change("b");
    stage.quiet();
    let ticket = stage.look("b").unwrap();
    stage.change("now a directory");
    stage.quiet();
    assert!(matches!(stage.step(), Step::Look));
    let directory = Looked::<()>::Unreadable("it is a directory".into());
    assert!(stage.course.looked(directory, stage.now).is_none());
    stage.compiled(ticket, "b");
    assert!(matches!(stage.step(), Step::Rest));
    assert_eq!(stage.course.verdict, Verdict::Unreadable { reason: "it is a directory".into() });
    assert_eq!(stage.running(), "a");
}

#[test]
fn a_file_that_changes_under_the_reader_is_looked_at_again() {
    let mut stage = Stage::new("a");
    stage.quiet();
    assert!(matches!(stage.step(), Step::Look));
    assert!(stage.course.looked(Looked::<()>::Changed, stage.now).is_none());
    assert!(matches!(stage.step(), Step::Wait(Some(_))));
    stage.bring_in("a");
}

#[test]
fn new_settings_for_the_same_bytes_need_no_compile() {
    let mut stage = Stage::serving("a");
    stage.change("a, other settings");
    stage.quiet();
    assert!(matches!(stage.step(), Step::Look));
    let mut settled = identity("a");
    Arc::make_mut(&mut settled.settings).limits.attempts = 2;
    assert_eq!(stage.found(settled.clone()), None);
    let plan = stage.swap();
    assert_eq!((&plan.identity, plan.compile), (&settled, Duration::ZERO));
    stage.swapped(plan);
    assert_eq!(stage.course.memory.running.as_ref().unwrap().identity, settled);
    assert!(stage.course.memory.former.is_none(), "it is no other version");
}

#[test]
fn a_rollback_brings_back_the_former_version_and_keeps_the_file_out() {
    let mut stage = Stage::serving("a");
    assert!(stage.course.roll_back("", stage.now).is_none());
    stage.change("b");
    stage.bring_in("b");
    let plan = stage.course.roll_back("", stage.now).unwrap();
    let deployed = stage.deployed();
    stage.course.rolled_back(plan, &deployed);
    assert_eq!(stage.running(), "a");
    assert!(matches!(stage.course.verdict, Verdict::RolledBack { .. }));
    assert!(stage.course.roll_back("", stage.now).is_none(), "not back to what was turned out");

    stage.change("b, touched");
    stage.quiet();
    assert_eq!(stage.look("b"), None);
    assert!(matches!(stage.course.verdict, Verdict::RolledBack { .. }));
    stage.change("c");
    stage.bring_in("c");
    assert!(stage.course.memory.rolled_back.is_empty());
}

#[test]
fn a_rollback_turns_back_what_is_on_its_way_too() {
    let mut stage = Stage::serving("a");
    stage.change("b");
    stage.bring_in("b");
    stage.change("c");
    stage.quiet();
    let ticket = stage.look("c").unwrap();
    let plan = stage.course.roll_back("", stage.now).unwrap();
    stage.compiled(ticket, "c");
    let deployed = stage.deployed();
    stage.course.rolled_back(plan, &deployed);
    stage.quiet();
    assert_eq!(stage.look("c"), None);
    assert!(matches!(stage.step(), Step::Rest));
    assert_eq!(stage.running(), "a");
}

#[test]
fn a_rollback_that_fails_leaves_everything_as_it_was() {
    let mut stage = Stage::serving("a");
    stage.change("b");
    stage.bring_in("b");
    let plan = stage.course.roll_back("", stage.now).unwrap();
    stage.course.rolled_back(plan, &Err(DeployError::Refused("`migrate` failed: no".into())));
    assert_eq!((stage.running(), &stage.course.verdict), ("b", &Verdict::Serving));
    assert!(stage.course.roll_back("", stage.now).is_some());
}

#[test]
fn a_stopped_space_waits_with_changes_and_starts_in_the_new_version() {
    let mut stage = Stage::serving("a");
    stage.change("b");
    stage.quiet();
    let ticket = stage.look("b").unwrap();
    stage.course.stop(stage.now);
    stage.compiled(ticket, "b");
    stage.course.halted(true, true);
    stage.quiet();
    assert!(matches!(stage.step(), Step::Rest));
    assert_eq!((stage.running(), &stage.course.verdict), ("a", &Verdict::Stopped));

    stage.course.start(stage.now);
    let ticket = stage.look("b").unwrap();
    stage.compiled(ticket, "b");
    let plan = stage.swap();
    stage.swapped(plan);
    assert!(matches!(stage.step(), Step::Resume));
    stage.course.halted(false, true);
    assert_eq!((stage.running(), &stage.course.verdict), ("b", &Verdict::Serving));
    assert!(matches!(stage.step(), Step::Rest));
}

#[test]
fn a_stopped_space_whose_file_did_not_change_just_resumes() {
    let mut stage = Stage::serving("a");
    stage.course.stop(stage.now);
    assert!(matches!(stage.step(), Step::Wait(None)));
    stage.course.halted(true, true);
    stage.course.start(stage.now);
    assert!(matches!(stage.step(), Step::Resume));
    stage.course.halted(false, true);
    assert_eq!(stage.course.verdict, Verdict::Serving);
}
