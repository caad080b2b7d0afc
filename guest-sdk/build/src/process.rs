//! Runs one program to its end, line by line, within a time limit.
//!
//! Owns the two reading threads and the kill at the limit. Must not know what the lines mean. Fails when the program
//! cannot be started or takes too long; an exit code other than 0 is an answer, not a failure.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use thiserror::Error;

/// One line of a program's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Out(String),
    Err(String),
}

/// A program that gave no exit code.
#[derive(Debug, Error)]
pub enum RunError {
    #[error("`{}` could not be started: {source}. Is it installed, and executable?", program.display())]
    Start { program: PathBuf, source: std::io::Error },
    #[error("`{}` was stopped because it took longer than {} s", program.display(), limit.as_secs_f32())]
    TooLong { program: PathBuf, limit: Duration },
}

/// What a short command answered.
#[derive(Debug)]
pub struct Answer {
    pub success: bool,
    pub out: String,
    pub err: String,
}

/// Runs `command` and gives each line to `on_line` as it comes; without a limit it may take any time.
pub fn run(
    mut command: Command,
    limit: Option<Duration>,
    on_line: &mut dyn FnMut(Line),
) -> Result<ExitStatus, RunError> {
    let program = PathBuf::from(command.get_program());
    let start_error = |source| RunError::Start { program: PathBuf::from(&program), source };
    let started = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(start_error)?;
    let lines = read_lines(child.stdout.take(), child.stderr.take());
    if !forward(&lines, limit.map(|limit| started + limit), on_line) {
        // It may have ended in this very moment, and then there is nothing to kill.
        let _ = child.kill();
        let _ = child.wait();
        let limit = limit.unwrap_or_default();
        return Err(RunError::TooLong { program, limit });
    }
    child.wait().map_err(start_error)
}

/// Runs `command` and keeps all it says.
pub fn ask(command: Command, limit: Option<Duration>) -> Result<Answer, RunError> {
    let (mut out, mut err) = (String::new(), String::new());
    let status = run(command, limit, &mut |line| match line {
        Line::Out(text) => push_line(&mut out, &text),
        Line::Err(text) => push_line(&mut err, &text),
    })?;
    Ok(Answer { success: status.success(), out, err })
}

/// Adds a line and its end.
pub fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Passes lines on until both streams have ended: true, or the deadline has passed: false.
fn forward(lines: &Receiver<Line>, deadline: Option<Instant>, on_line: &mut dyn FnMut(Line)) -> bool {
    loop {
        let next = match deadline {
            None => lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => lines.recv_timeout(deadline.saturating_duration_since(Instant::now())),
        };
        match next {
            Ok(line) => on_line(line),
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

fn read_lines(out: Option<impl Read + Send + 'static>, err: Option<impl Read + Send + 'static>) -> Receiver<Line> {
    let (sender, receiver) = channel();
    if let Some(out) = out {
        read_stream(out, Line::Out, sender.clone());
    }
    if let Some(err) = err {
        read_stream(err, Line::Err, sender);
    }
    receiver
}

/// The thread ends with its stream, or at the first line that nobody wants any more.
fn read_stream(stream: impl Read + Send + 'static, kind: fn(String) -> Line, sender: Sender<Line>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            if sender.send(kind(line)).is_err() {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_streams_and_the_exit_code_arrive() {
        let answer = ask(shell("echo one; echo two >&2; exit 3"), None).unwrap();
        assert_eq!((answer.out.as_str(), answer.err.as_str()), ("one\n", "two\n"));
        assert!(!answer.success);
    }

    #[test]
    fn a_program_that_takes_too_long_is_stopped() {
        let error = ask(shell("exec sleep 600"), Some(Duration::from_millis(50))).unwrap_err();
        assert!(matches!(error, RunError::TooLong { .. }), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = ask(Command::new("/no/such/program"), None).unwrap_err();
        assert!(error.to_string().starts_with("`/no/such/program` could not be started"));
    }
}
