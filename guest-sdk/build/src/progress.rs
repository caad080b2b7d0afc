//! What a long job tells while it runs.
//!
//! Owns the words (phases, lines) only. Must not know who listens: a terminal's bar, a test, nobody. Cannot fail.

/// The steps of a build, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Find, or install, what can compile a space.
    Toolchain,
    /// Run cargo.
    Compile,
    /// See that each result is a component that imports nothing foreign.
    Check,
    /// Put the results into the folder asked for.
    Install,
}

impl Phase {
    /// All phases, so that a bar knows its length.
    pub const ALL: [Phase; 4] = [Phase::Toolchain, Phase::Compile, Phase::Check, Phase::Install];
}

/// Listens to a job.
pub trait Progress {
    /// A phase begins; `what` is a sentence for people.
    fn phase(&mut self, phase: Phase, what: &str);
    /// A line of output of a tool, such as cargo's `Compiling serde v1.0`.
    fn line(&mut self, line: &str);
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn phase(&mut self, _phase: Phase, _what: &str) {}
    fn line(&mut self, _line: &str) {}
}
