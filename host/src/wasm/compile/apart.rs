//! One compile in a process of its own, seen from the host.
//!
//! Owns that process: it is started with nothing but the component, listened to, and gone when this returns, however it
//! returns. What it hands back counts only if it ended well. Whatever else it does is one line.

use super::child::{INVALID, MODE, OUT_OF_MEMORY, UNPREPARED};
use super::{CompileBounds, CompileError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::process::Signal;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long the end of the host may go unnoticed here.
const GLANCE: Duration = Duration::from_millis(50);
/// Of its complaints, as much as goes into a line.
const MOST_SAID: usize = 4 << 10;
const PIECE: usize = 64 << 10;

/// Must be called on a thread that outlives the process: that ends with the thread that started it.
pub fn compile(
    program: &Path,
    bounds: &CompileBounds,
    component: &[u8],
    stopping: &AtomicBool,
) -> Result<Vec<u8>, CompileError> {
    let mut running = Running(start(program, bounds, component).map_err(CompileError::Unstartable)?);
    let deadline = Instant::now() + bounds.wall;
    let mut heard = Heard { most: usize::try_from(bounds.memory_bytes).unwrap_or(usize::MAX), ..Heard::default() };
    while heard.listen(&mut running.0).map_err(CompileError::Unstartable)? {
        if stopping.load(Ordering::Acquire) {
            return Err(CompileError::Stopping);
        }
        if Instant::now() >= deadline {
            return Err(CompileError::Wall(bounds.wall));
        }
        if heard.code.len() > heard.most {
            return Err(CompileError::Crashed("wrote more than it can have in memory".to_owned()));
        }
    }
    let status = running.0.wait().map_err(CompileError::Unstartable)?;
    judge(status, heard, bounds)
}

fn start(program: &Path, bounds: &CompileBounds, component: &[u8]) -> io::Result<Child> {
    // In memory, so that nobody has to wait until the other side has read it.
    let mut input = File::from(memfd_create("component", MemfdFlags::CLOEXEC)?);
    input.write_all(component)?;
    input.rewind()?;
    let numbers = [bounds.memory_bytes, bounds.cpu_s, u64::from(std::process::id())];
    Command::new(program)
        .arg(MODE)
        .args(numbers.map(|number| number.to_string()))
        .env_clear()
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Never outlives its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already needs no killing.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What has come from the process so far.
#[derive(Default)]
struct Heard {
    code: Vec<u8>,
    said: Vec<u8>,
    most: usize,
}

impl Heard {
    /// Takes in what there is, waiting a moment for it. False when both streams have ended.
    fn listen(&mut self, child: &mut Child) -> io::Result<bool> {
        let glance = Timespec { tv_sec: 0, tv_nsec: GLANCE.as_nanos() as i64 };
        let streams = (child.stdout.as_ref().map(AsFd::as_fd), child.stderr.as_ref().map(AsFd::as_fd));
        let mut polled: Vec<_> = [streams.0, streams.1]
            .into_iter()
            .flatten()
            .map(|stream| PollFd::from_borrowed_fd(stream, PollFlags::IN))
            .collect();
        if polled.is_empty() {
            return Ok(false);
        }
        match poll(&mut polled, Some(&glance)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = polled.iter().map(|stream| !stream.revents().is_empty()).collect::<Vec<_>>().into_iter();
        drop(polled);
        if child.stdout.is_some() && ready.next() == Some(true) {
            take(&mut child.stdout, &mut self.code, usize::MAX)?;
        }
        if child.stderr.is_some() && ready.next() == Some(true) {
            take(&mut child.stderr, &mut self.said, MOST_SAID)?;
        }
        Ok(true)
    }

    fn line(&self) -> String {
        let text = String::from_utf8_lossy(&self.said);
        // The notes are for whoever could set its environment.
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("note: "));
        lines.collect::<Vec<_>>().join(" ")
    }
}

/// One read from a stream that has something, or its end, to tell. What is beyond `most` is dropped.
fn take(stream: &mut Option<impl Read>, into: &mut Vec<u8>, most: usize) -> io::Result<()> {
    let Some(open) = stream else { return Ok(()) };
    let mut piece = [0; PIECE];
    let count = open.read(&mut piece)?;
    if count == 0 {
        *stream = None;
    }
    into.extend_from_slice(&piece[..count.min(most - into.len().min(most))]);
    Ok(())
}

fn judge(status: ExitStatus, heard: Heard, bounds: &CompileBounds) -> Result<Vec<u8>, CompileError> {
    let line = heard.line();
    if status.success() {
        warn_once(&line);
        return Ok(heard.code);
    }
    let out_of_memory = line.contains("memory allocation of");
    Err(match (status.code().and_then(|code| u8::try_from(code).ok()), status.signal()) {
        (Some(INVALID), _) => CompileError::Invalid(line),
        (Some(OUT_OF_MEMORY), _) => CompileError::Memory(bounds.memory_bytes),
        (Some(UNPREPARED), _) => CompileError::Unstartable(io::Error::other(line)),
        // Panics and the like.
        (Some(_), _) => CompileError::Crashed(format!("crashed ({line})")),
        (None, Some(signal)) if signal == Signal::XCPU.as_raw() => CompileError::Cpu(bounds.cpu_s),
        (None, Some(signal)) if signal == Signal::ABORT.as_raw() && out_of_memory => {
            CompileError::Memory(bounds.memory_bytes)
        }
        (None, Some(signal)) if signal == Signal::KILL.as_raw() => {
            CompileError::Crashed("was killed (signal 9) by somebody, or by a kernel short of memory".to_owned())
        }
        (None, signal) => CompileError::Crashed(format!("crashed (signal {})", signal.unwrap_or_default())),
    })
}

/// A compiler that did its work and still complains does so each time.
fn warn_once(line: &str) {
    static SAID: Once = Once::new();
    if !line.is_empty() {
        SAID.call_once(|| tracing::warn!("the compiling process says: {line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the host makes of that wait status and those last words.
    fn verdict(status: i32, said: &str) -> String {
        let heard = Heard { said: said.as_bytes().to_vec(), code: b"code".to_vec(), most: 0 };
        match judge(ExitStatus::from_raw(status), heard, &CompileBounds::default()) {
            Ok(code) => String::from_utf8(code).unwrap(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_end_of_the_compiler_is_one_clear_line() {
        let exit = |code: u8| i32::from(code) << 8;
        for (status, said, says) in [
            (0, "", "code"),
            (exit(INVALID), "bad section\n", "the component is invalid: bad section"),
            (exit(OUT_OF_MEMORY), "mmap", "the compiler ran out of memory (limit 2 GiB)"),
            (exit(UNPREPARED), "no limits", "the compiler could not be started: no limits"),
            (exit(101), "panicked at x:\nno\nnote: run with y\n", "the compiler crashed (panicked at x: no)"),
            (6, "memory allocation of 8 bytes failed\n", "the compiler ran out of memory (limit 2 GiB)"),
            (6, "", "the compiler crashed (signal 6)"),
            (9, "", "the compiler was killed (signal 9)"),
            (11, "", "the compiler crashed (signal 11)"),
            (24, "", "the compiler took longer than 60 s of CPU"),
        ] {
            let line = verdict(status, said);
            assert!(line.starts_with(says) && line.lines().count() == 1, "{status}: {line}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_or_never_ends_holds_up_nobody() {
        let bounds = CompileBounds { wall: Duration::from_millis(100), ..CompileBounds::default() };
        let run = |program: &str, stopping| compile(program.as_ref(), &bounds, b"", &AtomicBool::new(stopping));
        assert!(matches!(run("/nowhere", false), Err(CompileError::Unstartable(_))));
        let folder = tempfile::tempdir().unwrap();
        let endless = folder.path().join("endless");
        std::fs::write(&endless, "#!/bin/sh\nwhile :; do :; done\n").unwrap();
        std::fs::set_permissions(&endless, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let endless = endless.to_str().unwrap();
        assert!(matches!(run(endless, false), Err(CompileError::Wall(_))));
        assert!(matches!(run(endless, true), Err(CompileError::Stopping)));
    }
}
