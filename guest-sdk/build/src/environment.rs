//! The surroundings of a build, as a value.
//!
//! Owns environment variables, the place of the system's files, the user's rights and the time limit for installs, so
//! that tests can build a small world of their own instead of changing the process's. Must not know what any tool
//! is used for. Cannot fail: what is not there is absent.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long `rustup target add` and the like may take before they count as failed.
const INSTALL_LIMIT: Duration = Duration::from_secs(180);

/// Cargo variables that say where things are or how the network is reached. All others say how the *surrounding*
/// build is done (we often run inside `cargo test`) and would change what a guest is compiled with.
const KEPT_CARGO: [&str; 7] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTR",
    "CARGO_SOURCE_",
    "CARGO_BUILD_JOBS",
    "CARGO_TERM_COLOR",
];

/// Rust variables that stay, for the same reason.
const KEPT_RUST: [&str; 4] = ["RUSTUP_HOME", "RUSTUP_DIST_", "RUSTUP_UPDATE_ROOT", "RUST_BACKTRACE"];

/// What a build sees of the machine.
#[derive(Debug, Clone)]
pub struct Environment {
    vars: BTreeMap<OsString, OsString>,
    /// Where the system's files begin: `/`, but in tests a folder.
    pub system_root: PathBuf,
    /// Whether this user may install packages of the system.
    pub is_root: bool,
    /// How long one install may take.
    pub install_limit: Duration,
}

impl Environment {
    /// The surroundings of this process.
    pub fn of_this_process() -> Self {
        Self {
            vars: std::env::vars_os().collect(),
            system_root: PathBuf::from("/"),
            is_root: is_root(),
            install_limit: INSTALL_LIMIT,
        }
    }

    /// Surroundings with nothing in them: no variables, no rights, the system's files below `system_root`.
    pub fn empty(system_root: impl Into<PathBuf>) -> Self {
        Self { vars: BTreeMap::new(), system_root: system_root.into(), is_root: false, install_limit: INSTALL_LIMIT }
    }

    /// The same with one variable set.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.vars.insert(name.into(), value.into());
        self
    }

    /// The value of a variable; an empty one counts as absent.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        let value = self.vars.get(OsStr::new(name))?;
        (!value.is_empty()).then_some(value.as_os_str())
    }

    /// Whether a switch such as `SPACEHOST_NO_INSTALL` is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.var(name).is_some_and(|value| value != "0" && value != "false")
    }

    /// The folders of PATH, in their order.
    pub fn path_folders(&self) -> Vec<PathBuf> {
        self.var("PATH").map(|path| std::env::split_paths(path).collect()).unwrap_or_default()
    }

    /// The first file called `program` on PATH.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        self.path_folders().into_iter().map(|folder| folder.join(program)).find(|file| file.is_file())
    }

    /// A path of the system, such as `usr/bin`.
    pub fn system(&self, path: &str) -> PathBuf {
        self.system_root.join(path)
    }

    /// Where cargo keeps what it fetched.
    pub fn cargo_home(&self) -> Option<PathBuf> {
        self.home_of("CARGO_HOME", ".cargo")
    }

    /// Where rustup keeps its toolchains.
    pub fn rustup_home(&self) -> Option<PathBuf> {
        self.home_of("RUSTUP_HOME", ".rustup")
    }

    fn home_of(&self, var: &str, folder: &str) -> Option<PathBuf> {
        let named = self.var(var).map(PathBuf::from);
        named.or_else(|| Some(Path::new(self.var("HOME")?).join(folder)))
    }

    /// A command that sees these surroundings and nothing of a cargo or rustup that may have started us.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        command.envs(self.vars.iter().filter(|(name, _)| self.passes_on(name)));
        // A missing toolchain must be an answer, not the start of a download that nobody asked for.
        command.env("RUSTUP_AUTO_INSTALL", "0");
        command
    }

    fn passes_on(&self, name: &OsStr) -> bool {
        let Some(name) = name.to_str() else {
            return true;
        };
        let is_kept = |kept: &[&str]| kept.iter().any(|prefix| name.starts_with(prefix));
        match name {
            // Cargo points the loader at its own toolchain's libraries; another compiler must not find them.
            "LD_LIBRARY_PATH" | "DYLD_FALLBACK_LIBRARY_PATH" => self.var("CARGO").is_none(),
            _ if name.starts_with("CARGO") => is_kept(&KEPT_CARGO),
            _ if name.starts_with("RUST") => is_kept(&KEPT_RUST),
            _ => true,
        }
    }
}

/// The owner of our own entry in /proc is the user we run as; where there is no /proc, nothing needs root.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_passed_on(environment: &Environment) -> Vec<String> {
        let command = environment.command("true");
        let envs = command.get_envs().filter(|(_, value)| value.is_some());
        envs.map(|(name, _)| name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn variables_of_the_surrounding_cargo_do_not_pass_on() {
        let mut environment = Environment::empty("/");
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
            "CARGO",
            "RUSTC",
            "RUSTC_WRAPPER",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_MANIFEST_DIR",
            "LD_LIBRARY_PATH",
        ] {
            environment = environment.with(name, "x");
        }
        assert_eq!(names_passed_on(&environment), ["RUSTUP_AUTO_INSTALL"]);
    }

    #[test]
    fn places_and_the_network_pass_on() {
        let environment = Environment::empty("/")
            .with("CARGO_HOME", "x")
            .with("CARGO_NET_OFFLINE", "true")
            .with("RUSTUP_HOME", "x")
            .with("HTTPS_PROXY", "x")
            .with("LD_LIBRARY_PATH", "the user's own");
        assert_eq!(names_passed_on(&environment).len(), 6);
    }

    #[test]
    fn an_empty_variable_counts_as_absent() {
        assert_eq!(Environment::empty("/").with("A", "").var("A"), None);
    }
}
