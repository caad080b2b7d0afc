//! One file of the folder as the reconciler holds it: its course, who waits for it, and its status as last shown.
//!
//! Knows how to answer those who wait; begins nothing.

use super::Reply;
use super::course::Course;
use super::decision::Watched;
use super::jobs::{Files, file_name};
use super::status::{FileStatus, ReloadError, Verdict};
use crate::runtime::api::{Deployed, FailedProbation, Holdings, Kept, Refusal, Remembered};
use crate::words::SpaceName;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// An order that needs the runtime to itself.
#[derive(Debug)]
pub enum Exclusive {
    Rollback(Cause),
    Stop(Reply<()>),
    Purge(Reply<Holdings>),
}

/// Who wants the version before.
#[derive(Debug)]
pub enum Cause {
    Operator(Reply<Deployed>),
    /// The version of that digest has failed its probation.
    Failed(FailedProbation),
}

impl Exclusive {
    /// Answers whoever gave it; the host itself needs no answer.
    pub fn refuse(self, error: ReloadError) {
        // Whoever asked may have gone.
        match self {
            Exclusive::Rollback(Cause::Operator(reply)) => drop(reply.send(Err(error))),
            Exclusive::Rollback(Cause::Failed(_)) => {}
            Exclusive::Stop(reply) => drop(reply.send(Err(error))),
            Exclusive::Purge(reply) => drop(reply.send(Err(error))),
        }
    }
}

#[derive(Debug)]
pub struct Tracked<A> {
    pub files: Files,
    pub course: Course<A>,
    /// What the runtime is at, when an operator ordered it.
    pub current: Option<Exclusive>,
    pub queued: VecDeque<Exclusive>,
    /// Waiting until all is done that can be done.
    pub reloading: Vec<Reply<FileStatus>>,
    pub starting: Vec<Reply<()>>,
    pub shown: Arc<FileStatus>,
    /// As it was last written down.
    remembered: Remembered,
}

impl<A: Clone> Tracked<A> {
    /// A file that was not there before, and what the data folder knows of its space.
    pub fn new(dir: &Path, stem: &str, watched: Watched, kept: Kept) -> Self {
        let files = Files {
            name: SpaceName::parse(stem).ok(),
            component: dir.join(format!("{stem}.wasm")),
            settings: dir.join(format!("{stem}.toml")),
        };
        let shown = Arc::new(FileStatus {
            name: stem.to_owned(),
            file: file_name(&files.component),
            digest: None,
            verdict: Verdict::Compiling,
            since_ms: now_ms(),
            last_reload: None,
        });
        let remembered = kept.remembered.clone();
        let course = Course::of_before(watched, kept);
        let (reloading, starting) = (Vec::new(), Vec::new());
        Tracked { files, course, current: None, queued: VecDeque::new(), reloading, starting, shown, remembered }
    }

    /// What is remembered of its versions, if it is to be written down anew.
    pub fn remember(&mut self) -> Option<&Remembered> {
        let now = self.course.memory.remembered();
        if now == self.remembered {
            return None;
        }
        self.remembered = now;
        Some(&self.remembered)
    }

    /// Brings the status up to date. The one before, if it was another.
    pub fn show(&mut self) -> Option<Arc<FileStatus>> {
        let course = &self.course;
        let same_verdict = self.shown.verdict == course.verdict;
        let same = same_verdict
            && self.shown.digest.as_deref() == course.digest.as_deref()
            && self.shown.last_reload == course.report;
        if same {
            return None;
        }
        let now = FileStatus {
            name: self.shown.name.clone(),
            file: self.shown.file.clone(),
            digest: course.digest.as_deref().map(str::to_owned),
            verdict: course.verdict.clone(),
            since_ms: if same_verdict { self.shown.since_ms } else { now_ms() },
            last_reload: course.report.clone(),
        };
        Some(std::mem::replace(&mut self.shown, Arc::new(now)))
    }

    /// Whether the runtime knows a space of this name.
    pub fn runs(&self) -> bool {
        self.course.memory.running.is_some()
    }

    pub fn answer_reloads(&mut self) {
        for reply in self.reloading.drain(..) {
            // Whoever asked may have gone.
            let _ = reply.send(Ok(self.shown.as_ref().clone()));
        }
    }

    pub fn answer_starts(&mut self, outcome: &Result<(), Refusal>) {
        for reply in std::mem::take(&mut self.starting) {
            let _ = reply.send(self.translated(outcome.clone()));
        }
    }

    pub fn translated<T>(&self, outcome: Result<T, Refusal>) -> Result<T, ReloadError> {
        match (&self.files.name, outcome) {
            (_, Ok(done)) => Ok(done),
            (Some(name), Err(refusal)) => Err(ReloadError::Runtime { space: name.clone(), refusal }),
            (None, Err(_)) => Err(ReloadError::Stopping),
        }
    }

    /// The file is gone for good, and with it what was to be done.
    pub fn answer_gone(&mut self) {
        let Some(name) = self.files.name.clone() else { return };
        let gone = || ReloadError::Unknown(name.clone());
        for reply in self.reloading.drain(..) {
            let _ = reply.send(Err(gone()));
        }
        for reply in self.starting.drain(..) {
            let _ = reply.send(Err(gone()));
        }
        for order in self.queued.drain(..) {
            order.refuse(gone());
        }
    }
}

pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
