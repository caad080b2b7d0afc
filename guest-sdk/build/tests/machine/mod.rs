//! A machine of shell scripts in a temporary folder.
//!
//! Owns the scripts, the folders that they pretend to manage, and the log of their calls. Must not know what is tested.
//! Panics when the temporary folder cannot be written.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use spacehost_build::Environment;
use tempfile::TempDir;

const HOST: &str = "x86_64-unknown-linux-gnu";

/// The programs that the scripts and the doctor use.
const TOOLS: [&str; 6] = ["basename", "cp", "df", "mkdir", "sleep", "sh"];

/// One machine at a time: a process that is being started somewhere else may hold a script open for writing at the
/// moment when it should run, and the kernel then refuses to run it.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A machine with nothing on it at first but the shell.
pub struct Machine {
    root: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Machine {
    pub fn new() -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let machine = Self { root: tempfile::tempdir().unwrap(), _alone: alone };
        fs::create_dir_all(machine.tools()).unwrap();
        let real = Environment::of_this_process();
        for tool in TOOLS {
            symlink(real.find(tool).unwrap(), machine.tools().join(tool)).unwrap();
        }
        machine
    }

    /// rustup with one toolchain, whose compiler answers as a real one does.
    pub fn with_rustup(self) -> Self {
        let rustc = self.toolchain().join("bin/rustc");
        self.compiler(&rustc, &self.toolchain(), "1.95.0");
        self.whose_target_add("exit 1")
    }

    /// What `rustup target add` does; `$TARGET` is where the target's libraries belong.
    pub fn whose_target_add(self, does: &str) -> Self {
        let rustc = self.toolchain().join("bin/rustc");
        let script = format!(
            "TARGET={}\ncase \"$1\" in\nwhich) echo {} ;;\ntarget) {does} ;;\nesac",
            self.target_folder().display(),
            rustc.display()
        );
        self.script(&self.path().join("rustup"), &script);
        self
    }

    pub fn with_target(self) -> Self {
        write(&self.target_folder().join("libstd-1.rlib"), "");
        self
    }

    pub fn with_target_folder_but_no_std(self) -> Self {
        fs::create_dir_all(self.target_folder()).unwrap();
        self
    }

    pub fn with_component_linker(self) -> Self {
        let bin = self.toolchain().join("lib/rustlib").join(HOST).join("bin");
        write(&bin.join("wasm-component-ld"), "");
        write(&bin.join("gcc-ld/wasm-ld"), "");
        self
    }

    /// A compiler of the distribution with the sources of std.
    pub fn with_distro(self) -> Self {
        self.distro_in(&self.root.path().join("usr"));
        self
    }

    pub fn with_debian_12(self) -> Self {
        write(&self.root.path().join("etc/os-release"), "ID=debian\nVERSION_ID=\"12\"\n");
        self
    }

    /// apt-get that puts the distribution's compiler in place.
    pub fn with_apt_that_installs_the_distro(self) -> Self {
        let (store, usr) = (self.root.path().join("packages"), self.root.path().join("usr"));
        self.distro_in(&store);
        self.script(&self.path().join("apt-get"), &format!("cp -r {} {}", store.display(), usr.display()));
        self
    }

    /// What a process on this machine sees.
    pub fn environment(&self) -> Environment {
        let path = format!("{}:{}", self.path().display(), self.tools().display());
        Environment::empty(self.root.path())
            .with("PATH", path)
            .with("HOME", self.root.path())
            .with("RUSTUP_HOME", self.root.path().join("rustup"))
    }

    /// Where a crate would be.
    pub fn folder(&self) -> &Path {
        self.root.path()
    }

    /// All that was called so far, one call a line.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.root.path().join("log")
    }

    fn path(&self) -> PathBuf {
        self.root.path().join("path")
    }

    /// Apart from PATH's first folder: what lies beside a rustup is taken for rustup's.
    fn tools(&self) -> PathBuf {
        self.root.path().join("tools")
    }

    fn toolchain(&self) -> PathBuf {
        self.root.path().join("rustup/toolchains/stable")
    }

    fn target_folder(&self) -> PathBuf {
        self.toolchain().join("lib/rustlib/wasm32-wasip2/lib")
    }

    fn distro_in(&self, usr: &Path) {
        // It names the place where it is installed, also while it is still a package.
        self.compiler(&usr.join("bin/rustc"), &self.root.path().join("usr"), "1.96.0");
        write(&usr.join("lib/rustlib/src/rust/library/std/Cargo.toml"), "");
    }

    fn compiler(&self, rustc: &Path, sysroot: &Path, version: &str) {
        let script = format!(
            "case \"$1\" in\n-vV) echo 'host: {HOST}'; echo 'release: {version}' ;;\n--print) echo {} ;;\nesac",
            sysroot.display()
        );
        self.script(rustc, &script);
        self.script(&rustc.with_file_name("cargo"), "exit 1");
    }

    /// Every script first notes how it was called, and what it sees of the variables that must not leak.
    fn script(&self, path: &Path, body: &str) {
        let log = self.log_file();
        let note = format!("echo \"$(basename \"$0\") $* $RUSTUP_TOOLCHAIN $RUSTFLAGS\" >> {}", log.display());
        write(path, &format!("#!/bin/sh\n{note}\n{body}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
