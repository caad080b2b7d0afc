//! How a failed command ends: what happened, why, what to do next, and an exit code.
//!
//! Owns the kinds of failure that scripts tell apart. Must not know commands.

use super::style::Style;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::process::ExitCode;

/// Failures with an exit code or advice of their own; all others exit with 1.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Exit code 3.
    #[error("no host is reachable at {url}: {why}")]
    Unreachable { url: String, why: String },
    /// The host answered with a problem. Exit code 1.
    #[error("{title}: {detail}")]
    Problem { title: String, detail: String, code: Option<String>, next: String, retryable: bool },
}

impl Failure {
    pub fn usage(what: impl std::fmt::Display) -> anyhow::Error {
        Failure::Usage(what.to_string()).into()
    }

    fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Unreachable { .. } => 3,
            Failure::Problem { .. } => 1,
        }
    }

    fn next(&self) -> Option<&str> {
        match self {
            Failure::Usage(_) => None,
            Failure::Unreachable { .. } => Some(
                "Start one with `spacehost run`. If one runs elsewhere, name its data folder with --data, or its address \
                 with --url.",
            ),
            Failure::Problem { next, .. } => Some(next),
        }
    }
}

/// Prints the failure and gives its exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if reader_is_gone(error) {
        return ExitCode::SUCCESS;
    }
    eprint!("{}", text(error, &Style::of_stderr()));
    ExitCode::from(error.downcast_ref::<Failure>().map_or(1, Failure::exit_code))
}

/// `spacehost ps | head` is no failure.
fn reader_is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn text(error: &anyhow::Error, style: &Style) -> String {
    let mut text = format!("{} {error}\n", style.bad("error:"));
    for cause in error.chain().skip(1) {
        // Errors often repeat their source in their own sentence.
        let cause = cause.to_string();
        if !text.contains(&cause) {
            let _ = writeln!(text, "  why: {cause}");
        }
    }
    let failure = error.downcast_ref::<Failure>();
    if let Some(Failure::Problem { code: Some(code), .. }) = failure {
        let _ = writeln!(text, "  code: {code}");
    }
    if let Some(next) = failure.and_then(Failure::next) {
        let _ = writeln!(text, "  {} {next}", style.dim("next:"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_failure_says_what_why_and_what_next() {
        let error = Failure::Unreachable { url: "http://127.0.0.1:7070".into(), why: "connection refused".into() };
        let text = text(&error.into(), &Style::plain());
        assert!(text.starts_with("error: no host is reachable at http://127.0.0.1:7070: connection refused\n"));
        assert!(text.contains("next: Start one with `spacehost run`"));
    }

    #[test]
    fn causes_are_told_once() {
        let low = std::io::Error::other("disk full");
        let error = Err::<(), _>(low).context("could not write x: disk full").unwrap_err();
        assert_eq!(text(&error, &Style::plain()), "error: could not write x: disk full\n");
    }

    #[test]
    fn exit_codes_tell_usage_and_absence_apart() {
        assert_eq!(Failure::Usage(String::new()).exit_code(), 2);
        assert_eq!(Failure::Unreachable { url: String::new(), why: String::new() }.exit_code(), 3);
        let pipe: anyhow::Error = std::io::Error::from(ErrorKind::BrokenPipe).into();
        assert!(reader_is_gone(&pipe));
    }
}
