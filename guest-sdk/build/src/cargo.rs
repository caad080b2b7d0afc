//! The one call of `cargo build`, and what it hands over.
//!
//! Owns the command line, the reading of cargo's messages and the lock of a target folder. Must not know what a space
//! is. Fails with the compiler's own rendered diagnostics.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use crate::environment::Environment;
use crate::metadata::{Package, Workspace};
use crate::process::{Line, RunError, push_line, run};
use crate::profile;
use crate::progress::Progress;
use crate::toolchain::Toolchain;

/// cargo built nothing.
#[derive(Debug, Error)]
pub enum CargoError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("{}", .0.trim_end())]
    Compile(String),
    #[error("cargo built `{0}` but named no .wasm file for it")]
    NoArtifact(String),
    #[error("could not use {}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

/// What is compiled, and where to.
pub struct Job<'j> {
    pub toolchain: &'j Toolchain,
    pub environment: &'j Environment,
    pub workspace: &'j Workspace,
    pub packages: &'j [&'j Package],
    pub target_dir: &'j Path,
}

/// The bytes of one finished space.
pub struct Artifact {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// Compiles all packages of the job in one go and reads the results, in the packages' order.
///
/// Another process may build into the same folder. Cargo's own lock ends with cargo, so ours is held until the
/// results are read: what comes out is what went in.
pub fn compile(job: &Job<'_>, progress: &mut dyn Progress) -> Result<Vec<Artifact>, CargoError> {
    let _held = lock(job.target_dir)?;
    forget_namesakes(job)?;
    let mut diagnostics = String::new();
    let mut files = BTreeMap::new();
    let status = run(command(job), None, &mut |line| match line {
        Line::Err(text) => {
            progress.line(&text);
            push_line(&mut diagnostics, &text);
        }
        Line::Out(json) => files.extend(wasm_file(&json)),
    })?;
    if !status.success() {
        return Err(CargoError::Compile(diagnostics));
    }
    let artifact = |package: &&Package| {
        let path = files.get(&package.id).cloned();
        let path = path.ok_or_else(|| CargoError::NoArtifact(package.name.clone()))?;
        let bytes = fs::read(&path).map_err(refused(&path))?;
        Ok(Artifact { path, bytes })
    };
    job.packages.iter().map(artifact).collect()
}

fn command(job: &Job<'_>) -> std::process::Command {
    let mut cargo = job.toolchain.cargo(job.environment);
    cargo
        .current_dir(&job.workspace.root)
        .args(["build", "--release", "--lib"])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(job.target_dir)
        .args(job.toolchain.build_arguments(job.environment))
        .args(profile::arguments(&job.workspace.root));
    for package in job.packages {
        cargo.args(["--package", &package.id]);
    }
    cargo
}

/// The package and the file that one of cargo's messages announces, if it announces a finished .wasm.
fn wasm_file(json: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(json).ok()?;
    if message["reason"] != "compiler-artifact" {
        return None;
    }
    let files = message["filenames"].as_array()?.iter().filter_map(Value::as_str);
    let file = files.into_iter().find(|file| file.ends_with(".wasm"))?;
    Some((message["package_id"].as_str()?.to_owned(), file.into()))
}

fn lock(target_dir: &Path) -> Result<File, CargoError> {
    fs::create_dir_all(target_dir).map_err(refused(target_dir))?;
    let path = target_dir.join("spacehost.lock");
    let file = File::create(&path).map_err(refused(&path))?;
    file.lock().map_err(refused(&path))?;
    Ok(file)
}

/// In a folder shared by several workspaces two crates may have one name. Cargo keeps their fingerprints apart but
/// gives both the same file, and would take the other's for fresh. So the file's owner is noted, and a file of
/// another owner is removed: cargo then makes it anew.
fn forget_namesakes(job: &Job<'_>) -> Result<(), CargoError> {
    let release = job.target_dir.join(job.toolchain.target()).join("release");
    let owners = release.join("spacehost-owners");
    fs::create_dir_all(&owners).map_err(refused(&owners))?;
    for package in job.packages {
        let stem = package.library.as_str();
        let note = owners.join(stem);
        let owner = package.manifest.to_string_lossy();
        if fs::read_to_string(&note).is_ok_and(|noted| noted == owner) {
            continue;
        }
        for stale in [release.join("deps"), release.clone()] {
            remove_if_there(&stale.join(format!("{stem}.wasm")))?;
        }
        fs::write(&note, owner.as_bytes()).map_err(refused(&note))?;
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> Result<(), CargoError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(refused(path)(error)),
        _ => Ok(()),
    }
}

fn refused(path: &Path) -> impl FnOnce(std::io::Error) -> CargoError {
    let path = path.to_owned();
    move |source| CargoError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_wasm_file_is_told_from_all_other_messages() {
        let artifact = r#"{"reason":"compiler-artifact","package_id":"a","filenames":["/t/a.wasm","/t/a.rlib"]}"#;
        assert_eq!(wasm_file(artifact), Some(("a".into(), "/t/a.wasm".into())));
        for other in [
            r#"{"reason":"compiler-artifact","package_id":"a","filenames":["/t/a.rlib"]}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "a line that a build script printed",
        ] {
            assert_eq!(wasm_file(other), None, "{other}");
        }
    }
}
