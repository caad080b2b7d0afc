//! What cargo knows of a folder of crates.
//!
//! Owns the reading of `cargo metadata`'s JSON, of which little is needed. Must not know toolchains beyond being
//! given a cargo to call. Fails with what cargo said, or with a sentence on JSON that is not as expected.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use thiserror::Error;

use crate::process::{RunError, ask};

/// cargo did not say what was asked.
#[derive(Debug, Error)]
pub enum MetadataError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("cargo cannot read {}:\n{}", manifest.display(), said.trim_end())]
    Refused { manifest: PathBuf, said: String },
    #[error("cargo's answer on {} is not understood: {why}. Is this cargo much newer than Spacehost?", manifest.display())]
    NotUnderstood { manifest: PathBuf, why: String },
}

/// One workspace, or one crate that is its own.
#[derive(Debug, Clone)]
pub struct Workspace {
    pub root: PathBuf,
    pub target_directory: PathBuf,
    pub packages: Vec<Package>,
}

/// One crate.
#[derive(Debug, Clone)]
pub struct Package {
    pub id: String,
    pub name: String,
    /// What its space is to be called: `name` under `[package.metadata.spacehost]`, or else the crate's name.
    pub space: String,
    pub manifest: PathBuf,
    /// The name of its library, by which the compiled file is called.
    pub library: String,
    /// Whether its library is a cdylib, as that of a space is.
    pub is_cdylib: bool,
    /// Whether its sources are on this machine for its author to edit, not fetched from a registry.
    pub is_local: bool,
    /// The ids of the crates that it is built from; known only when they were asked for.
    pub dependencies: Vec<String>,
}

impl Package {
    /// The folder of the crate.
    pub fn folder(&self) -> &Path {
        self.manifest.parent().unwrap_or(&self.manifest)
    }
}

/// The members of the workspace that `manifest` belongs to.
pub fn members(cargo: Command, manifest: &Path) -> Result<Workspace, MetadataError> {
    read(cargo, manifest, &["--no-deps"])
}

/// The members and all that they are built from.
pub fn members_and_dependencies(cargo: Command, manifest: &Path) -> Result<Workspace, MetadataError> {
    read(cargo, manifest, &[])
}

fn read(mut cargo: Command, manifest: &Path, further: &[&str]) -> Result<Workspace, MetadataError> {
    cargo.args(["metadata", "--format-version", "1", "--manifest-path"]).arg(manifest).args(further);
    let answer = ask(cargo, None)?;
    if !answer.success {
        return Err(MetadataError::Refused { manifest: manifest.to_owned(), said: answer.err });
    }
    parse(&answer.out).map_err(|why| MetadataError::NotUnderstood { manifest: manifest.to_owned(), why })
}

fn parse(json: &str) -> Result<Workspace, String> {
    let value: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let packages = list(&value, "packages")?;
    let packages = packages.iter().map(|package| parse_package(package, &value)).collect::<Result<_, _>>()?;
    Ok(Workspace {
        root: text(&value, "workspace_root")?.into(),
        target_directory: text(&value, "target_directory")?.into(),
        packages,
    })
}

fn parse_package(package: &Value, whole: &Value) -> Result<Package, String> {
    let id = text(package, "id")?.to_owned();
    let targets = list(package, "targets")?;
    let is_cdylib = |target: &&Value| list(target, "crate_types").is_ok_and(|types| types.contains(&"cdylib".into()));
    let cdylib = targets.iter().find(is_cdylib);
    let name = text(package, "name")?.to_owned();
    Ok(Package {
        library: cdylib.map_or(Ok(name.as_str()), |target| text(target, "name"))?.replace('-', "_"),
        is_cdylib: cdylib.is_some(),
        space: space_name(package, &name),
        name,
        manifest: text(package, "manifest_path")?.into(),
        is_local: package["source"].is_null(),
        dependencies: dependencies(whole, &id),
        id,
    })
}

/// As the manifest has it: whether that can be a space's name is for whoever builds it to say, and what is no text cannot.
fn space_name(package: &Value, otherwise: &str) -> String {
    match &package["metadata"]["spacehost"]["name"] {
        Value::Null => otherwise.to_owned(),
        Value::String(name) => name.clone(),
        other => format!("name = {other}"),
    }
}

/// Without those of tests: they are no part of a component.
fn dependencies(whole: &Value, id: &str) -> Vec<String> {
    let nodes = whole["resolve"]["nodes"].as_array().into_iter().flatten();
    let is_built_in = |dependency: &&Value| {
        let mut kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
        kinds.any(|kind| kind["kind"] != "dev")
    };
    nodes
        .filter(|node| node["id"] == id)
        .flat_map(|node| node["deps"].as_array().into_iter().flatten())
        .filter(is_built_in)
        .filter_map(|dependency| dependency["pkg"].as_str().map(str::to_owned))
        .collect()
}

fn text<'v>(value: &'v Value, key: &str) -> Result<&'v str, String> {
    value[key].as_str().ok_or_else(|| format!("`{key}` is no text"))
}

fn list<'v>(value: &'v Value, key: &str) -> Result<&'v Vec<Value>, String> {
    value[key].as_array().ok_or_else(|| format!("`{key}` is no list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{
        "workspace_root": "/w", "target_directory": "/w/target",
        "packages": [
            {"id": "a", "name": "orders", "manifest_path": "/w/orders/Cargo.toml", "source": null,
             "targets": [{"name": "orders", "crate_types": ["cdylib", "rlib"]}]},
            {"id": "b", "name": "serde", "manifest_path": "/r/serde/Cargo.toml", "source": "registry+x",
             "targets": [{"name": "serde", "crate_types": ["lib"]}, {"name": "x", "crate_types": ["bin"]}]}],
        "resolve": {"nodes": [{"id": "b", "deps": []}, {"id": "a", "deps": [
            {"pkg": "b", "dep_kinds": [{"kind": null}]}, {"pkg": "c", "dep_kinds": [{"kind": "dev"}]}]}]}}"#;

    #[test]
    fn a_space_is_told_from_its_dependencies() {
        let workspace = parse(ANSWER).unwrap();
        let [orders, serde] = &workspace.packages[..] else { panic!("two packages") };
        assert!(orders.is_cdylib && orders.is_local);
        assert!(!serde.is_cdylib && !serde.is_local);
        assert_eq!(orders.dependencies, ["b"]);
        assert_eq!(orders.folder(), Path::new("/w/orders"));
    }

    #[test]
    fn a_space_is_called_after_its_crate_unless_the_manifest_says_otherwise() {
        let called = |metadata: &str| {
            let with = format!(r#""name": "orders", "metadata": {metadata}, "manifest_path""#);
            parse(&ANSWER.replace(r#""name": "orders", "manifest_path""#, &with)).unwrap().packages[0].space.clone()
        };
        assert_eq!(called("null"), "orders");
        assert_eq!(called(r#"{"docs": {}}"#), "orders");
        assert_eq!(called(r#"{"spacehost": {"name": "book"}}"#), "book");
        assert!(
            crate::check_name(&called(r#"{"spacehost": {"name": 7}}"#)).unwrap_err().to_string().contains("name = 7")
        );
    }

    #[test]
    fn without_resolution_no_dependencies_are_known() {
        let without = ANSWER.replace("resolve", "other");
        assert!(parse(&without).unwrap().packages[0].dependencies.is_empty());
    }

    #[test]
    fn an_answer_of_another_shape_is_an_error_that_names_the_field() {
        assert_eq!(parse("{}").unwrap_err(), "`packages` is no list");
    }
}
