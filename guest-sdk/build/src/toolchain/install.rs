//! The installs that make a toolchain, each within its time limit and never silently.
//!
//! Owns the exact commands. Must not decide whether they are wanted: callers ask `decide`, or the user asked the
//! doctor. Fails with what the tool said.

use std::path::Path;
use std::process::Command;

use thiserror::Error;

use crate::environment::Environment;
use crate::process::{Line, RunError, run};
use crate::progress::{Phase, Progress};

use super::decide::PACKAGES;
use super::{WASI_TARGET, Way};

/// Of a failing tool's output, the part that says why.
const KEPT_LINES: usize = 6;

/// An install did not work.
#[derive(Debug, Error)]
pub enum InstallError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("`{command}` ended with {status}: {said}")]
    Refused { command: String, status: String, said: String },
}

/// Goes a way that changes the machine; for the others there is nothing to do.
pub(crate) fn install(
    way: Way,
    environment: &Environment,
    folder: &Path,
    progress: &mut dyn Progress,
) -> Result<(), InstallError> {
    match way {
        Way::AddTarget => add_target(environment, folder, progress),
        Way::InstallPackages => install_packages(environment, progress),
        Way::RustupTarget | Way::DistroStd | Way::RustupStd => Ok(()),
    }
}

/// `rustup target add wasm32-wasip2`, for the toolchain that rustup uses in `folder`.
pub(crate) fn add_target(
    environment: &Environment,
    folder: &Path,
    progress: &mut dyn Progress,
) -> Result<(), InstallError> {
    let rustup = environment.find("rustup").unwrap_or_else(|| "rustup".into());
    let mut command = environment.command(rustup);
    command.args(["target", "add", WASI_TARGET]).current_dir(folder);
    execute(command, environment, progress)
}

/// The packages of Debian 12, as its lists have them now.
pub(crate) fn install_packages(environment: &Environment, progress: &mut dyn Progress) -> Result<(), InstallError> {
    let apt_get = |arguments: &[&str]| {
        let program = environment.find("apt-get").unwrap_or_else(|| "apt-get".into());
        let mut command = environment.command(program);
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        command
    };
    let install = ["install", "-y", "--no-install-recommends"];
    let install = [&install[..], &PACKAGES[..]].concat();
    // Old lists would bring an old compiler, which may not do. Without a network it may still be at hand.
    let updated = execute(apt_get(&["update"]), environment, progress);
    execute(apt_get(&install), environment, progress).map_err(|error| updated.err().unwrap_or(error))
}

fn execute(command: Command, environment: &Environment, progress: &mut dyn Progress) -> Result<(), InstallError> {
    let words = shown(&command);
    let limit = environment.install_limit;
    let what = format!("running `{words}` (at most {} s)", limit.as_secs());
    progress.phase(Phase::Toolchain, &what);
    let mut said = Vec::new();
    let status = run(command, Some(limit), &mut |line| {
        let (Line::Out(text) | Line::Err(text)) = line;
        progress.line(&text);
        said.push(text);
    })?;
    if status.success() {
        return Ok(());
    }
    let last = said.split_off(said.len().saturating_sub(KEPT_LINES));
    Err(InstallError::Refused { command: words, status: status.to_string(), said: last.join(" / ") })
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let mut words = vec![program.to_string_lossy()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy()));
    words.join(" ")
}
