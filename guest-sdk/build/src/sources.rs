//! What a build is made from, and whether that has changed.
//!
//! Owns the list of folders and files behind the spaces at a path, and a fingerprint of their content, for a loop that
//! builds again exactly when there is a reason. Must not watch anything, nor build. Fails only where cargo cannot read
//! a manifest; a file that vanishes while it is looked at is a change like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::build::{BuildError, Request, spaces_below};
use crate::metadata::{Package, Workspace, members_and_dependencies};
use crate::progress::Progress;
use crate::toolchain::Toolchain;

/// Files of a workspace, outside of its crates, that decide what is built.
const OF_A_WORKSPACE: [&str; 6] =
    ["Cargo.toml", "Cargo.lock", "rust-toolchain", "rust-toolchain.toml", ".cargo/config.toml", ".cargo/config"];

/// The content of some sources at one moment. Comparable within one process only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

/// The folders and files that a build reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    folders: BTreeSet<PathBuf>,
    files: BTreeSet<PathBuf>,
    ignored: BTreeSet<PathBuf>,
}

impl Sources {
    /// The sources behind a request: the spaces at its path and the crates that they depend on by path.
    pub fn of(request: &Request, progress: &mut dyn Progress) -> Result<Self, BuildError> {
        let folder = request.folder()?;
        let environment = &request.environment;
        let toolchain = Toolchain::detect(environment, &folder, progress)?;
        let mut sources = Self::default();
        for spaces in spaces_below(&folder, &toolchain, environment)? {
            let manifest = spaces.root.join("Cargo.toml");
            let all = members_and_dependencies(toolchain.cargo(environment), &manifest)?;
            sources.add(&spaces, &all);
        }
        let outputs = [&request.into, &request.target_dir].into_iter().flatten();
        sources.ignored.extend(outputs.filter_map(|path| std::path::absolute(path).ok()));
        Ok(sources)
    }

    fn add(&mut self, spaces: &Workspace, all: &Workspace) {
        let packages: BTreeMap<&str, &Package> =
            all.packages.iter().map(|package| (package.id.as_str(), package)).collect();
        let mut open: Vec<&str> = spaces.packages.iter().map(|package| package.id.as_str()).collect();
        while let Some(package) = open.pop().and_then(|id| packages.get(id)) {
            // What comes from a registry never changes, nor does what it depends on.
            if package.is_local && self.folders.insert(package.folder().to_owned()) {
                open.extend(package.dependencies.iter().map(String::as_str));
            }
        }
        self.files.extend(OF_A_WORKSPACE.iter().map(|file| spaces.root.join(file)));
        self.ignored.insert(spaces.target_directory.clone());
    }

    /// What to watch: each folder with all below it, and the folders of single files.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(PathBuf::as_path)
    }

    /// Single files outside of these folders (the workspace's manifest, its lock file), whether or not they exist.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// Whether a change at `path` may be a change of the sources.
    pub fn concerns(&self, path: &Path) -> bool {
        let is_below = |folder: &PathBuf| path.strip_prefix(folder).is_ok_and(|rest| !has_hidden_part(rest));
        let is_source = self.files.contains(path) || self.folders.iter().any(is_below);
        is_source && !self.ignored.iter().any(|ignored| path.starts_with(ignored))
    }

    /// The content of all sources now. Take it before a build: what changes during the build then counts as new.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        let mut seen = BTreeSet::new();
        for folder in &self.folders {
            self.hash_folder(folder, &mut seen, &mut hasher);
        }
        for file in &self.files {
            hash_file(file, &mut hasher);
        }
        Fingerprint(hasher.finish())
    }

    fn hash_folder(&self, folder: &Path, seen: &mut BTreeSet<PathBuf>, hasher: &mut DefaultHasher) {
        // Links may lead round in circles, and one crate may lie inside another.
        let is_new = fs::canonicalize(folder).is_ok_and(|canonical| seen.insert(canonical));
        if !is_new || self.ignored.contains(folder) || is_made_by_cargo(folder) {
            return;
        }
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| !is_hidden(path)).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                self.hash_folder(&path, seen, hasher);
            } else {
                hash_file(&path, hasher);
            }
        }
    }
}

/// A target folder may have any name, but cargo marks each; a module of the author's may well be called `target`.
fn is_made_by_cargo(folder: &Path) -> bool {
    folder.join("CACHEDIR.TAG").is_file()
}

fn hash_file(path: &Path, hasher: &mut DefaultHasher) {
    if let Ok(content) = fs::read(path) {
        path.hash(hasher);
        content.hash(hasher);
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn has_hidden_part(path: &Path) -> bool {
    path.ancestors().any(is_hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(id: &str, folder: &str, is_local: bool, dependencies: &[&str]) -> Package {
        Package {
            id: id.to_owned(),
            name: id.to_owned(),
            space: id.to_owned(),
            manifest: PathBuf::from(folder).join("Cargo.toml"),
            library: id.to_owned(),
            is_cdylib: true,
            is_local,
            dependencies: dependencies.iter().map(|&id| id.to_owned()).collect(),
        }
    }

    fn workspace(packages: Vec<Package>) -> Workspace {
        Workspace { root: "/w".into(), target_directory: "/w/target".into(), packages }
    }

    fn write(folder: &Path, file: &str, content: &str) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn sources_in(folder: &Path) -> Sources {
        Sources { folders: BTreeSet::from([folder.to_owned()]), ..Sources::default() }
    }

    #[test]
    fn path_dependencies_count_and_fetched_or_unrelated_crates_do_not() {
        let orders = package("orders", "/w/orders", true, &["sdk", "serde"]);
        let all = workspace(vec![
            orders.clone(),
            package("sdk", "/sdk", true, &["macros"]),
            package("macros", "/sdk/macros", true, &[]),
            package("serde", "/r/serde", false, &[]),
            package("stock", "/w/stock", true, &[]),
        ]);
        let mut sources = Sources::default();
        sources.add(&workspace(vec![orders]), &all);
        let folders: Vec<_> = sources.folders().collect();
        assert_eq!(folders, ["/sdk", "/sdk/macros", "/w/orders"].map(Path::new));
    }

    #[test]
    fn a_change_concerns_sources_and_nothing_else() {
        let mut sources = sources_in(Path::new("/w"));
        sources.ignored.extend(["/w/target", "/w/spaces"].map(PathBuf::from));
        sources.files.insert("/up/.cargo/config.toml".into());
        for path in ["/w/src/lib.rs", "/w/Cargo.toml", "/w/src/target/mod.rs", "/up/.cargo/config.toml"] {
            assert!(sources.concerns(Path::new(path)), "{path}");
        }
        for path in ["/w/target/release/a.wasm", "/w/spaces/a.wasm", "/w/.git/HEAD", "/w/src/.lib.rs.swp", "/x/lib.rs"]
        {
            assert!(!sources.concerns(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn the_fingerprint_changes_with_content_name_and_number_of_files() {
        let folder = tempfile::tempdir().unwrap();
        let sources = sources_in(folder.path());
        let mut seen = BTreeSet::new();
        let mut is_new = || seen.insert(format!("{:?}", sources.fingerprint()));
        write(folder.path(), "src/lib.rs", "one");
        assert!(is_new());
        assert!(!is_new(), "nothing changed");
        write(folder.path(), "src/lib.rs", "two");
        assert!(is_new());
        fs::rename(folder.path().join("src/lib.rs"), folder.path().join("src/main.rs")).unwrap();
        assert!(is_new());
        write(folder.path(), "src/more/x.rs", "");
        assert!(is_new());
    }

    #[test]
    fn outputs_and_hidden_files_leave_the_fingerprint_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut sources = sources_in(folder.path());
        sources.ignored.insert(folder.path().join("spaces"));
        write(folder.path(), "src/lib.rs", "one");
        write(folder.path(), "build/CACHEDIR.TAG", "made by cargo");
        let before = sources.fingerprint();
        write(folder.path(), "build/release/a.wasm", "1");
        write(folder.path(), "spaces/a.wasm", "1");
        write(folder.path(), ".git/HEAD", "1");
        assert_eq!(sources.fingerprint(), before);
    }

    #[test]
    fn links_in_a_circle_end() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "src/lib.rs", "one");
        std::os::unix::fs::symlink(folder.path(), folder.path().join("src/round")).unwrap();
        let sources = sources_in(folder.path());
        assert_eq!(sources.fingerprint(), sources.fingerprint());
    }
}
