//! The first files of a new space.
//!
//! Owns the template and where it goes. Must not know how spaces are built or run; what the template says is checked
//! by building it. Fails before it writes anything when the name or the place will not do.

use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::name::{BadName, check_name};

/// Each file and its template.
const FILES: [(&str, &str); 5] = [
    ("Cargo.toml", include_str!("../template/Cargo.toml.in")),
    ("src/lib.rs", include_str!("../template/lib.rs.in")),
    ("src/tests.rs", include_str!("../template/tests.rs.in")),
    ("README.md", include_str!("../template/README.md.in")),
    (".gitignore", include_str!("../template/gitignore.in")),
];

/// Names of spaces that no Rust crate can have: keywords, and crates that every crate knows already.
const TAKEN: [&str; 51] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "priv",
    "pub",
    "ref",
    "return",
    "schemars",
    "self",
    "serde",
    "spacehost-sdk",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "use",
    "where",
];

/// No new space was made.
#[derive(Debug, Error)]
pub enum ScaffoldError {
    #[error(transparent)]
    Name(#[from] BadName),
    #[error(
        "`{0}` cannot be the name of a Rust crate, and a space made here is one: a crate begins with a letter, and \
         keywords and names such as `std` and `test` are taken. Try `my-{0}` or `{0}-space`"
    )]
    NotACrate(String),
    #[error("{} is already there, and nothing of it was changed: choose another name, or remove it first", .0.display())]
    Exists(PathBuf),
    #[error("could not write {}: {source}. Check that the folder is yours and has room", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

/// Makes a space in a new folder `<parent>/<name>`, which is answered. It builds, tests and runs as it is.
pub fn new(name: &str, parent: &Path) -> Result<PathBuf, ScaffoldError> {
    check_name(name)?;
    check_crate_name(name)?;
    let folder = parent.join(name);
    if fs::symlink_metadata(&folder).is_ok() {
        return Err(ScaffoldError::Exists(folder));
    }
    let sdk = sdk_dependency(&checkout_sdk());
    for (file, template) in FILES {
        let path = folder.join(file);
        let text = template.replace("{{name}}", name).replace("{{sdk}}", &sdk);
        write(&path, &text).map_err(|source| ScaffoldError::Io { path, source })?;
    }
    Ok(folder)
}

fn check_crate_name(name: &str) -> Result<(), ScaffoldError> {
    let begins_with_letter = name.starts_with(|first: char| first.is_ascii_lowercase());
    if begins_with_letter && !TAKEN.contains(&name) {
        return Ok(());
    }
    Err(ScaffoldError::NotACrate(name.trim_matches('-').to_owned()))
}

/// The SDK beside the sources that this crate was compiled from, if they are still there.
fn checkout_sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Where a checkout has the SDK, it is the one that fits this host; elsewhere its release of the same version does.
fn sdk_dependency(sdk: &Path) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    if sdk.join("Cargo.toml").is_file() {
        format!("{{ path = {} }}", text(&sdk.to_string_lossy()))
    } else {
        text(env!("CARGO_PKG_VERSION"))
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_space_has_its_files_and_its_name_everywhere() {
        let parent = tempfile::tempdir().unwrap();
        let folder = new("order-book", parent.path()).unwrap();
        assert_eq!(folder, parent.path().join("order-book"));
        for (file, _) in FILES {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            assert!(!text.contains("{{"), "{file} has a place that was not filled");
        }
        let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some("order-book"));
        assert!(manifest["workspace"].is_table(), "it must not join a workspace around it");
    }

    #[test]
    fn the_code_of_a_new_space_is_short() {
        let code = FILES[1].1.split("#[cfg(test)]").next().unwrap();
        assert!(code.trim_end().lines().count() < 25);
    }

    #[test]
    fn the_sdk_is_that_of_the_checkout_or_else_a_release() {
        assert!(sdk_dependency(&checkout_sdk()).starts_with("{ path = \""));
        assert_eq!(sdk_dependency(Path::new("/no/such/folder")), format!("\"{}\"", env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn a_name_that_is_no_space_or_no_crate_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["Order", "a_b", "", "7up", "-a", "fn", "std", "test"] {
            assert!(new(name, parent.path()).is_err(), "{name}");
        }
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0, "nothing may be written");
    }

    #[test]
    fn what_is_there_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("orders"), "mine").unwrap();
        let error = new("orders", parent.path()).unwrap_err();
        assert!(matches!(error, ScaffoldError::Exists(_)), "{error}");
        assert_eq!(fs::read_to_string(parent.path().join("orders")).unwrap(), "mine");
    }
}
