//! Looks at the machine: which compilers, sources, targets and linkers are there.
//!
//! Owns every question asked of the file system, `rustc` and `rustup`. Must not change anything, nor choose. Cannot
//! fail: what does not answer is not there.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::environment::Environment;
use crate::process::ask;

use super::{Facts, NO_INSTALL_VAR, WASI_TARGET, Way, Wish, target_folder};

/// A question that takes longer has no answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A compiler with the cargo beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compiler {
    pub rustc: PathBuf,
    pub cargo: PathBuf,
    /// Where its libraries and sources are.
    pub sysroot: PathBuf,
    /// Such as `1.96.0`.
    pub version: String,
    /// The triple that it runs on.
    pub host: String,
}

/// The linker that turns objects into a component, and the one that it calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ComponentLinker {
    pub program: PathBuf,
    pub wasm_ld: PathBuf,
}

/// All that was found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub rustup: Option<Compiler>,
    pub distro: Option<Compiler>,
    pub linker: Option<ComponentLinker>,
}

impl Found {
    /// Looks around, from `folder`: rustup may have another toolchain for it than elsewhere.
    pub fn probe(environment: &Environment, folder: &Path) -> Self {
        let rustup = rustup_compiler(environment, folder);
        let distro = distro_compiler(environment);
        let linker = component_linker(environment, rustup.as_ref());
        Self { rustup, distro, linker }
    }

    /// The compiler that goes this way; none for a way that first changes the machine.
    pub fn compiler_for(&self, way: Way) -> Option<Compiler> {
        match way {
            Way::RustupTarget | Way::RustupStd => self.rustup.clone(),
            Way::DistroStd => self.distro.clone(),
            Way::AddTarget | Way::InstallPackages => None,
        }
    }

    /// What matters for the choice.
    pub fn facts(&self, environment: &Environment, wish: Wish) -> Facts {
        let rustup = self.rustup.as_ref().filter(|compiler| compiler.is_new_enough());
        let distro = self.distro.as_ref().filter(|compiler| compiler.is_new_enough());
        Facts {
            wish,
            may_install: !environment.is_on(NO_INSTALL_VAR),
            rustup: rustup.is_some(),
            rustup_target: rustup.is_some_and(|compiler| compiler.has_target(WASI_TARGET)),
            rustup_sources: rustup.is_some_and(Compiler::has_sources),
            distro_sources: distro.is_some_and(Compiler::has_sources),
            component_linker: self.linker.is_some(),
            debian_12: is_debian_12(environment),
            root: environment.is_root,
        }
    }
}

impl fmt::Display for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rustc.display(), self.version)
    }
}

impl Compiler {
    /// Asks the compiler who it is.
    fn of(environment: &Environment, rustc: PathBuf) -> Option<Self> {
        let cargo = rustc.with_file_name("cargo");
        let version = answer(environment, &rustc, &["-vV"])?;
        let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name));
        let sysroot = answer(environment, &rustc, &["--print", "sysroot"])?;
        cargo.is_file().then(|| Self {
            sysroot: PathBuf::from(sysroot.trim()),
            version: field("release: ").unwrap_or_default().to_owned(),
            host: field("host: ").unwrap_or_default().to_owned(),
            rustc,
            cargo,
        })
    }

    /// Whether the libraries for `target` are on disk. (`--print target-libdir` names a folder in any case.)
    pub fn has_target(&self, target: &str) -> bool {
        let is_std = |name: &OsStr| name.to_string_lossy().starts_with("libstd-");
        fs::read_dir(target_folder(&self.sysroot, target))
            .is_ok_and(|entries| entries.flatten().any(|entry| is_std(&entry.file_name())))
    }

    /// Whether std can be built from its sources.
    pub fn has_sources(&self) -> bool {
        self.sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
    }

    /// Whether it knows the language that the SDK is written in.
    pub fn is_new_enough(&self) -> bool {
        numbers(&self.version) >= numbers(env!("CARGO_PKG_RUST_VERSION"))
    }

    fn component_linker(&self) -> Option<ComponentLinker> {
        component_linker_in(&self.sysroot.join("lib/rustlib").join(&self.host).join("bin"))
    }
}

/// Major and minor: a distribution may add what it likes behind them.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').take(2).map_while(|part| part.parse().ok()).collect()
}

/// What a program says, if it says it with success.
pub(crate) fn answer(environment: &Environment, program: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = environment.command(program);
    command.args(arguments);
    answer_to(command)
}

fn answer_to(command: Command) -> Option<String> {
    let answer = ask(command, Some(PATIENCE)).ok()?;
    answer.success.then_some(answer.out)
}

/// The toolchain that rustup would use in `folder`, called past rustup's proxies: those would follow variables of
/// the surrounding build.
fn rustup_compiler(environment: &Environment, folder: &Path) -> Option<Compiler> {
    let mut which = environment.command(environment.find("rustup")?);
    which.args(["which", "rustc"]).current_dir(folder);
    let rustc = answer_to(which)?;
    Compiler::of(environment, PathBuf::from(rustc.trim()))
}

/// The first compiler that is none of rustup's: in the system's folder, else on PATH.
fn distro_compiler(environment: &Environment) -> Option<Compiler> {
    let rustup_home = environment.rustup_home();
    let is_rustups = |folder: &PathBuf| {
        folder.join("rustup").exists() || rustup_home.as_ref().is_some_and(|home| folder.starts_with(home))
    };
    let mut folders = vec![environment.system("usr/bin")];
    folders.extend(environment.path_folders());
    folders
        .into_iter()
        .filter(|folder| !is_rustups(folder))
        .map(|folder| folder.join("rustc"))
        .filter(|rustc| rustc.is_file())
        .find_map(|rustc| Compiler::of(environment, rustc))
}

/// The active toolchain's linker, else that of any other toolchain, else one on PATH.
fn component_linker(environment: &Environment, active: Option<&Compiler>) -> Option<ComponentLinker> {
    active
        .and_then(Compiler::component_linker)
        .or_else(|| component_linker_of_any_toolchain(&environment.rustup_home()?))
        .or_else(|| {
            Some(ComponentLinker {
                program: environment.find("wasm-component-ld")?,
                wasm_ld: environment.find("wasm-ld")?,
            })
        })
}

fn component_linker_of_any_toolchain(rustup_home: &Path) -> Option<ComponentLinker> {
    let folders = |path: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        // By name, so that the same machine gives the same answer each time.
        paths.sort();
        paths
    };
    folders(&rustup_home.join("toolchains"))
        .iter()
        .flat_map(|toolchain| folders(&toolchain.join("lib/rustlib")))
        .find_map(|host| component_linker_in(&host.join("bin")))
}

fn component_linker_in(folder: &Path) -> Option<ComponentLinker> {
    let program = folder.join("wasm-component-ld");
    let wasm_ld = folder.join("gcc-ld/wasm-ld");
    (program.is_file() && wasm_ld.is_file()).then_some(ComponentLinker { program, wasm_ld })
}

fn is_debian_12(environment: &Environment) -> bool {
    let text = fs::read_to_string(environment.system("etc/os-release")).unwrap_or_default();
    let says = |name: &str, value: &str| {
        text.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.trim_matches('"') == value))
    };
    says("ID=", "debian") && says("VERSION_ID=", "12")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiler(version: &str) -> Compiler {
        Compiler { version: version.to_owned(), ..Compiler::default() }
    }

    #[test]
    fn a_compiler_is_new_enough_from_the_version_that_the_sdk_names() {
        for (version, is_new) in [
            ("1.63.0", false),
            ("1.94.1", false),
            ("1.95.0", true),
            ("1.96.0-nightly", true),
            ("2.0.0", true),
            ("", false),
        ] {
            assert_eq!(compiler(version).is_new_enough(), is_new, "{version}");
        }
    }

    #[test]
    fn a_target_counts_only_with_its_std_on_disk() {
        let sysroot = tempfile::tempdir().unwrap();
        let compiler = Compiler { sysroot: sysroot.path().to_owned(), ..Compiler::default() };
        let folder = target_folder(sysroot.path(), WASI_TARGET);
        assert!(!compiler.has_target(WASI_TARGET));
        fs::create_dir_all(&folder).unwrap();
        assert!(!compiler.has_target(WASI_TARGET));
        fs::write(folder.join("libstd-0123.rlib"), "").unwrap();
        assert!(compiler.has_target(WASI_TARGET));
    }

    #[test]
    fn only_debian_12_is_debian_12() {
        let root = tempfile::tempdir().unwrap();
        let is_debian_12_with = |text: &str| {
            fs::create_dir_all(root.path().join("etc")).unwrap();
            fs::write(root.path().join("etc/os-release"), text).unwrap();
            is_debian_12(&Environment::empty(root.path()))
        };
        assert!(is_debian_12_with("ID=debian\nVERSION_ID=\"12\"\n"));
        assert!(!is_debian_12_with("ID=debian\nVERSION_ID=\"13\"\n"));
        assert!(!is_debian_12_with("ID=ubuntu\nVERSION_ID=\"12\"\n"));
        assert!(!is_debian_12_with(""));
    }
}
