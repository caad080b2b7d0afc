//! From a path to verified components.
//!
//! Owns the order of things: find the spaces, find a toolchain, compile, check all, and only then place any. Must not
//! know how each of these is done. Fails without having touched the drop folder, unless the file system itself
//! refuses in the middle of placing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::cargo::{Artifact, CargoError, Job, compile};
use crate::component::{ComponentError, check};
use crate::environment::Environment;
use crate::metadata::{MetadataError, Package, Workspace, members};
use crate::name::{BadName, check_name};
use crate::place::{PlaceError, place};
use crate::progress::{Phase, Progress};
use crate::toolchain::{Toolchain, ToolchainError};

/// Folders deeper than this below the path are not searched for crates.
const DEEPEST: usize = 4;

/// Why there is no component.
#[derive(Debug, Error)]
pub enum BuildError {
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error("there is no {}: give the folder of a space, or a folder of spaces", .0.display())]
    NoPath(PathBuf),
    #[error(
        "no space in {}: a space is a crate with `crate-type = [\"cdylib\"]` under `[lib]` in its Cargo.toml. \
         `spacehost new <name>` makes one",
        .0.display()
    )]
    NoSpaces(PathBuf),
    #[error("{}: {source} Change `name` under `[package]`, or set one under `[package.metadata.spacehost]`", manifest.display())]
    Name { manifest: PathBuf, source: BadName },
    #[error("{} and {} are both called `{name}`: two spaces of one host need two names", first.display(), second.display())]
    SameName { name: String, first: PathBuf, second: PathBuf },
    #[error("the build failed:\n{0}")]
    Cargo(#[from] CargoError),
    #[error("`{name}` was compiled to {}, but it is no space: {source}", artifact.display())]
    Component { name: String, artifact: PathBuf, source: ComponentError },
    #[error("`{name}` is built but not installed: {source}")]
    Place { name: String, source: PlaceError },
}

/// What to build, and where to.
#[derive(Debug, Clone)]
pub struct Request {
    /// A space's folder, or one with spaces somewhere below.
    pub path: PathBuf,
    /// The drop folder; none: the components stay where cargo puts them.
    pub into: Option<PathBuf>,
    /// One target folder for all; none: `spacehost` in each workspace's own.
    pub target_dir: Option<PathBuf>,
    pub environment: Environment,
}

impl Request {
    /// Builds what is at `path`, in the surroundings of this process.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), into: None, target_dir: None, environment: Environment::of_this_process() }
    }

    /// Installs each space as `<folder>/<its name>.wasm`.
    #[must_use]
    pub fn into_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.into = Some(folder.into());
        self
    }

    /// Shares one target folder with other builds, so that std and the SDK are compiled once for all of them.
    #[must_use]
    pub fn target_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.target_dir = Some(folder.into());
        self
    }

    /// Builds in other surroundings.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// The folder that is meant: the path itself, or that of the Cargo.toml which it names.
    pub(crate) fn folder(&self) -> Result<PathBuf, BuildError> {
        let path = fs::canonicalize(&self.path).map_err(|_| BuildError::NoPath(self.path.clone()))?;
        let folder = if path.is_dir() { Some(path.as_path()) } else { path.parent() };
        Ok(folder.unwrap_or(&path).to_owned())
    }
}

/// A finished space.
#[derive(Debug, Clone)]
pub struct Built {
    /// The space's name: that of its crate, unless its manifest gives another.
    pub name: String,
    /// The crate's folder.
    pub folder: PathBuf,
    /// Where cargo put the component.
    pub artifact: PathBuf,
    /// Where it was installed, if that was asked for.
    pub installed: Option<PathBuf>,
    /// Whether the installed file changed; false when it held the same bytes before.
    pub changed: bool,
    /// The size of the component.
    pub bytes: u64,
    /// What the component imports.
    pub imports: Vec<String>,
}

/// Builds every space at the request's path.
pub fn build(request: &Request, progress: &mut dyn Progress) -> Result<Vec<Built>, BuildError> {
    let folder = request.folder()?;
    let toolchain = Toolchain::detect(&request.environment, &folder, progress)?;
    let workspaces = spaces_below(&folder, &toolchain, &request.environment)?;
    check_names(&workspaces)?;
    let mut finished = Vec::new();
    for workspace in &workspaces {
        let artifacts = compile_workspace(workspace, request, &toolchain, progress)?;
        finished.extend(workspace.packages.iter().zip(artifacts));
    }
    progress.phase(Phase::Check, "each result must be a component that imports nothing foreign");
    let mut built = Vec::new();
    for (package, artifact) in &finished {
        built.push(checked(package, artifact)?);
    }
    if let Some(into) = &request.into {
        progress.phase(Phase::Install, &format!("into {}", into.display()));
        for (built, (_, artifact)) in built.iter_mut().zip(&finished) {
            install(built, into, &artifact.bytes)?;
        }
    }
    Ok(built)
}

fn compile_workspace(
    workspace: &Workspace,
    request: &Request,
    toolchain: &Toolchain,
    progress: &mut dyn Progress,
) -> Result<Vec<Artifact>, BuildError> {
    let packages: Vec<&Package> = workspace.packages.iter().collect();
    let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    progress.phase(Phase::Compile, &names.join(", "));
    // Not cargo's usual folder: a native `cargo test` of the same crate would have to wait for us, and we for it.
    let own = workspace.target_directory.join("spacehost");
    let job = Job {
        toolchain,
        environment: &request.environment,
        workspace,
        packages: &packages,
        target_dir: request.target_dir.as_deref().unwrap_or(&own),
    };
    Ok(compile(&job, progress)?)
}

/// The workspaces with spaces in or below `folder`, each reduced to these spaces.
pub(crate) fn spaces_below(
    folder: &Path,
    toolchain: &Toolchain,
    environment: &Environment,
) -> Result<Vec<Workspace>, BuildError> {
    let mut workspaces: BTreeMap<PathBuf, Workspace> = BTreeMap::new();
    for manifest in manifests_below(folder, DEEPEST) {
        let known = |workspace: &Workspace| workspace.packages.iter().any(|package| package.manifest == manifest);
        if workspaces.values().any(known) {
            continue;
        }
        let mut workspace = members(toolchain.cargo(environment), &manifest)?;
        workspace.packages.retain(|package| package.is_cdylib && package.manifest.starts_with(folder));
        workspaces.insert(workspace.root.clone(), workspace);
    }
    workspaces.retain(|_, workspace| !workspace.packages.is_empty());
    if workspaces.is_empty() {
        return Err(BuildError::NoSpaces(folder.to_owned()));
    }
    Ok(workspaces.into_values().collect())
}

/// The uppermost manifests: below one, cargo itself knows its members.
fn manifests_below(folder: &Path, deepest: usize) -> Vec<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    if manifest.is_file() {
        return vec![manifest];
    }
    if deepest == 0 {
        return Vec::new();
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries
        .filter(|entry| !is_passed_over(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders.iter().flat_map(|folder| manifests_below(folder, deepest - 1)).collect()
}

fn is_passed_over(name: &str) -> bool {
    name.starts_with('.') || name == "target"
}

fn check_names(workspaces: &[Workspace]) -> Result<(), BuildError> {
    let mut seen: BTreeMap<&str, &Package> = BTreeMap::new();
    for package in workspaces.iter().flat_map(|workspace| &workspace.packages) {
        check_name(&package.space).map_err(|source| BuildError::Name { manifest: package.manifest.clone(), source })?;
        if let Some(first) = seen.insert(&package.space, package) {
            return Err(BuildError::SameName {
                name: package.space.clone(),
                first: first.manifest.clone(),
                second: package.manifest.clone(),
            });
        }
    }
    Ok(())
}

fn checked(package: &Package, artifact: &Artifact) -> Result<Built, BuildError> {
    let imports = check(&artifact.bytes).map_err(|source| BuildError::Component {
        name: package.space.clone(),
        artifact: artifact.path.clone(),
        source,
    })?;
    Ok(Built {
        name: package.space.clone(),
        folder: package.folder().to_owned(),
        artifact: artifact.path.clone(),
        installed: None,
        changed: false,
        bytes: artifact.bytes.len() as u64,
        imports,
    })
}

fn install(built: &mut Built, into: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let file_name = format!("{}.wasm", built.name);
    built.changed =
        place(into, &file_name, bytes).map_err(|source| BuildError::Place { name: built.name.clone(), source })?;
    built.installed = Some(into.join(file_name));
    Ok(())
}
