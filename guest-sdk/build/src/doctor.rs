//! The doctor's view of the machine: can it build guests, and if not, what would help.
//!
//! Owns the list of checks, their words and their fixes. Must not know how findings are shown, nor anything of a running
//! host. The checks cannot fail; a fix fails when installs are forbidden or the tool that it runs does.

use std::path::Path;

use thiserror::Error;

use crate::environment::Environment;
use crate::process::ask;
use crate::progress::Progress;
use crate::toolchain::install::{InstallError, install};
use crate::toolchain::probe::Found;
use crate::toolchain::{Compiler, Facts, Missing, NO_INSTALL_VAR, WASI_TARGET, Way, Wish, decide};

/// What std, the SDK and a few spaces take, with room to spare.
const ROOM_NEEDED_MIB: u64 = 1024;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// False when it stands in the way; a missing thing that is not needed is well.
    pub ok: bool,
    /// What is there.
    pub found: String,
    /// What it is good for.
    pub why: String,
    /// What would make it well.
    pub fix: Option<Fix>,
}

/// A change of the machine that can be made for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fix(Way);

/// A fix that did not work.
#[derive(Debug, Error)]
pub enum FixError {
    #[error("{NO_INSTALL_VAR} forbids installs, so `{0}` was not run: type it yourself, or unset the variable")]
    Forbidden(String),
    #[error(transparent)]
    Install(#[from] InstallError),
}

impl Fix {
    /// The command that the fix stands for.
    pub fn command(&self) -> String {
        self.0.as_command()
    }

    /// Runs it, for the toolchain that rustup uses in `folder`.
    pub fn run(&self, environment: &Environment, folder: &Path, progress: &mut dyn Progress) -> Result<(), FixError> {
        if environment.is_on(NO_INSTALL_VAR) {
            return Err(FixError::Forbidden(self.command()));
        }
        Ok(install(self.0, environment, folder, progress)?)
    }
}

/// Looks at everything that building guests in `folder` depends on.
pub fn checks(environment: &Environment, folder: &Path) -> Vec<Check> {
    let found = Found::probe(environment, folder);
    let wish = Wish::of(environment);
    let facts = found.facts(environment, wish.clone().unwrap_or_default());
    let way = match wish {
        Ok(_) => decide(&facts, &[]),
        Err(word) => Err(bad_wish(&word)),
    };
    let is_ready = way.as_ref().is_ok_and(|way| way.is_ready());
    vec![
        way_check(&way),
        compiler_check("rustup", found.rustup.as_ref(), facts.rustup, is_ready),
        compiler_check("distribution's compiler", found.distro.as_ref(), facts.distro_compiler(&found), is_ready),
        target_check(&facts, is_ready),
        sources_check(&facts, is_ready),
        linker_check(&found, is_ready || facts.rustup_target),
        room_check(environment, folder),
    ]
}

impl Facts {
    fn distro_compiler(&self, found: &Found) -> bool {
        self.distro_sources || found.distro.as_ref().is_some_and(Compiler::is_new_enough)
    }

    /// The packages help where the decision would go that way by itself.
    fn packages_fix(&self) -> Option<Fix> {
        let helps = self.debian_12 && self.root && self.component_linker && !self.distro_sources;
        helps.then_some(Fix(Way::InstallPackages))
    }
}

fn bad_wish(word: &str) -> Missing {
    Missing {
        why: format!("SPACEHOST_GUEST_TOOLCHAIN={word} is not understood"),
        command: "unset SPACEHOST_GUEST_TOOLCHAIN".to_owned(),
    }
}

fn way_check(way: &Result<Way, Missing>) -> Check {
    let (found, fix) = match way {
        Ok(way) if way.is_ready() => (way.as_words().to_owned(), None),
        Ok(way) => (format!("none yet; `{}` would give one", way.as_command()), Some(Fix(*way))),
        Err(missing) => (format!("none: {}. Type: {}", missing.why, missing.command), None),
    };
    let ok = way.as_ref().is_ok_and(|way| way.is_ready());
    Check { name: "toolchain for guests", ok, found, why: "compiles a space to a component".to_owned(), fix }
}

fn compiler_check(name: &'static str, compiler: Option<&Compiler>, is_usable: bool, is_ready: bool) -> Check {
    let wanted = env!("CARGO_PKG_RUST_VERSION");
    let found = match compiler {
        None => "not there".to_owned(),
        Some(compiler) if is_usable => compiler.to_string(),
        Some(compiler) => format!("{compiler}, which is older than {wanted}"),
    };
    let why = format!("one compiler of {wanted} or newer is needed, rustup's or the distribution's");
    Check { name, ok: is_usable || is_ready, found, why, fix: None }
}

fn target_check(facts: &Facts, is_ready: bool) -> Check {
    let (ok, fix) = (facts.rustup_target || is_ready, facts.rustup.then_some(Fix(Way::AddTarget)));
    let found = if facts.rustup_target { "installed" } else { "not installed" }.to_owned();
    let why = format!("with {WASI_TARGET} std need not be built from its sources");
    Check { name: "rustup's target", ok, found, why, fix: fix.filter(|_| !facts.rustup_target) }
}

fn sources_check(facts: &Facts, is_ready: bool) -> Check {
    let found = match (facts.distro_sources, facts.rustup_sources) {
        (true, _) => "with the distribution's compiler",
        (_, true) => "with rustup's compiler",
        _ => "not there",
    };
    let ok = facts.distro_sources || facts.rustup_sources || is_ready;
    let why = "from them std is built where the target is missing".to_owned();
    Check { name: "sources of std", ok, found: found.to_owned(), why, fix: facts.packages_fix() }
}

fn linker_check(found: &Found, is_ready: bool) -> Check {
    let linker = found.linker.as_ref();
    let place = linker.map_or_else(|| "not there".to_owned(), |linker| linker.program.display().to_string());
    let why = "links objects to a component; it comes with rustup's toolchains".to_owned();
    Check { name: "component linker", ok: linker.is_some() || is_ready, found: place, why, fix: None }
}

fn room_check(environment: &Environment, folder: &Path) -> Check {
    let free = free_mib(environment, folder);
    let found = free.map_or_else(|| "unknown".to_owned(), |free| format!("{free} MiB free"));
    let why = format!("a build takes up to {ROOM_NEEDED_MIB} MiB in {}", folder.display());
    let ok = free.is_none_or(|free| free >= ROOM_NEEDED_MIB);
    Check { name: "disk space", ok, found, why, fix: None }
}

/// `df` in its portable form: kibibytes, one line for each file system.
fn free_mib(environment: &Environment, folder: &Path) -> Option<u64> {
    let mut df = environment.command(environment.find("df")?);
    df.arg("-Pk").arg(folder);
    available_kib(&ask(df, Some(environment.install_limit)).ok()?.out).map(|kib| kib / 1024)
}

fn available_kib(table: &str) -> Option<u64> {
    table.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    #[test]
    fn an_empty_machine_is_told_the_one_thing_to_type() {
        let root = tempfile::tempdir().unwrap();
        let checks = checks(&Environment::empty(root.path()), root.path());
        let first = &checks[0];
        assert!(!first.ok && first.found.contains("https://rustup.rs"), "{}", first.found);
        assert!(checks.iter().all(|check| check.fix.is_none()), "nothing here can be fixed by us");
    }

    #[test]
    fn a_forbidden_fix_says_what_it_would_have_run() {
        let forbidden = Environment::empty("/").with(NO_INSTALL_VAR, "1");
        let error = Fix(Way::AddTarget).run(&forbidden, Path::new("/"), &mut Silent).unwrap_err();
        assert!(error.to_string().contains("`rustup target add wasm32-wasip2`"), "{error}");
    }

    #[test]
    fn a_ready_way_makes_missing_alternatives_well() {
        let check = target_check(&Facts { rustup: true, ..Facts::default() }, true);
        assert!(check.ok);
        assert_eq!(check.fix, Some(Fix(Way::AddTarget)), "it may be added all the same");
    }

    #[test]
    fn the_table_of_df_is_read() {
        let table = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 100 40 60 40% /\n";
        assert_eq!(available_kib(table), Some(60));
        assert_eq!(available_kib("no table"), None);
    }
}
