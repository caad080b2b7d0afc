//! Which compiler builds guests, and how it is called.
//!
//! Owns the loop of probing, deciding and installing, and the [`Toolchain`] that comes out of it. Must not know what
//! is compiled. The rule itself is in `decide` (pure), the looking around in `probe`, the changing of the machine in
//! `install`. Fails when no way is left, with the one command to type.

mod decide;
pub(crate) mod install;
pub(crate) mod probe;

use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

use crate::environment::Environment;
use crate::progress::{Phase, Progress};

pub use decide::{Facts, Missing, Way, Wish, decide};
pub use probe::Compiler;
use probe::{ComponentLinker, Found};

/// rustup ships a ready std for it.
pub(crate) const WASI_TARGET: &str = "wasm32-wasip2";
/// Needs no libc, so its std can be built from the compiler's own sources alone.
pub(crate) const BARE_TARGET: &str = "wasm32-unknown-unknown";
/// The wish, as a variable.
pub(crate) const WISH_VAR: &str = "SPACEHOST_GUEST_TOOLCHAIN";
/// Forbids every install.
pub(crate) const NO_INSTALL_VAR: &str = "SPACEHOST_NO_INSTALL";

/// No guest can be built on this machine as it is.
#[derive(Debug, Error)]
pub enum ToolchainError {
    #[error("{WISH_VAR}={0} is not understood: it may be `auto`, `rustup` or `distro`")]
    BadWish(String),
    #[error("no compiler for guests: {}. To get one, type: {}", .0.why, .0.command)]
    Missing(Missing),
}

/// A compiler for guests, ready to be called.
#[derive(Debug, Clone)]
pub struct Toolchain {
    /// Which way it took.
    pub way: Way,
    /// Why, in a sentence for people.
    pub why: String,
    /// The compiler and its cargo.
    pub compiler: Compiler,
    linker: Option<ComponentLinker>,
}

impl Toolchain {
    /// Finds a toolchain for the crate in `folder` (where rustup may have an override), and installs one if it must
    /// and may.
    pub fn detect(
        environment: &Environment,
        folder: &Path,
        progress: &mut dyn Progress,
    ) -> Result<Self, ToolchainError> {
        let wish = Wish::of(environment).map_err(ToolchainError::BadWish)?;
        let mut failed: Vec<(Way, String)> = Vec::new();
        loop {
            let found = Found::probe(environment, folder);
            let way = decide(&found.facts(environment, wish), &failed).map_err(ToolchainError::Missing)?;
            if let Some(compiler) = found.compiler_for(way) {
                let toolchain = Self::of(way, compiler, found.linker, &failed);
                progress.phase(Phase::Toolchain, &toolchain.why);
                return Ok(toolchain);
            }
            // Whatever the outcome, the next round looks again, and this way is not gone twice.
            let said = match install::install(way, environment, folder, progress) {
                Ok(()) => "it ended well, but what it should install is still not there".to_owned(),
                Err(error) => error.to_string(),
            };
            failed.push((way, said));
        }
    }

    fn of(way: Way, compiler: Compiler, linker: Option<ComponentLinker>, tried: &[(Way, String)]) -> Self {
        let linker = linker.filter(|_| way != Way::RustupTarget);
        let mut why = match &linker {
            None => format!("{compiler} has the target {WASI_TARGET}"),
            Some(linker) => format!(
                "{compiler} has the sources of std, which is built for {BARE_TARGET} and linked by {}",
                linker.program.display()
            ),
        };
        if let Some((way, _)) = tried.last() {
            why.push_str(&format!(" (after {})", way.as_words()));
        }
        Self { way, why, compiler, linker }
    }

    /// The target that it compiles for.
    pub fn target(&self) -> &'static str {
        match self.linker {
            None => WASI_TARGET,
            Some(_) => BARE_TARGET,
        }
    }

    /// This toolchain's cargo, with its own compiler and nothing of the surrounding build.
    pub fn cargo(&self, environment: &Environment) -> Command {
        let mut command = environment.command(&self.compiler.cargo);
        command.env("RUSTC", &self.compiler.rustc);
        if self.linker.is_some() {
            // Building std is an unstable feature of cargo; the compiler's own sources fit it by definition.
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command
    }

    /// What `cargo build` needs to be told to compile a guest.
    pub fn build_arguments(&self, environment: &Environment) -> Vec<String> {
        let target = self.target();
        let mut arguments = vec!["--target".to_owned(), target.to_owned()];
        let mut flags = self.path_flags(environment);
        if let Some(linker) = &self.linker {
            arguments.push("-Zbuild-std=std,panic_abort".to_owned());
            arguments.extend(config(target, "linker", &quoted(&linker.program.to_string_lossy())));
            flags.push(format!("-Clink-arg=--wasm-ld-path={}", linker.wasm_ld.display()));
        }
        let flags: Vec<String> = flags.iter().map(|flag| quoted(flag)).collect();
        arguments.extend(config(target, "rustflags", &format!("[{}]", flags.join(","))));
        arguments
    }

    /// Panics carry the paths of sources. With those of this machine taken out, the same sources give the same bytes
    /// everywhere, and a digest tells whether two hosts run the same space.
    fn path_flags(&self, environment: &Environment) -> Vec<String> {
        let sources = self.compiler.sysroot.join("lib/rustlib/src/rust");
        let mut flags = vec![format!("--remap-path-prefix={}=/rustc", sources.display())];
        if let Some(home) = environment.cargo_home() {
            flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
        }
        flags
    }
}

/// `--config` is joined with what the author's own configuration says, which a variable would replace; and it
/// takes paths with spaces.
fn config(target: &str, key: &str, value: &str) -> [String; 2] {
    ["--config".to_owned(), format!("target.{target}.{key}={value}")]
}

/// A text as a TOML string: JSON's escapes are a part of TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The folder of a compiler's libraries for `target`.
pub(crate) fn target_folder(sysroot: &Path, target: &str) -> PathBuf {
    sysroot.join("lib/rustlib").join(target).join("lib")
}
