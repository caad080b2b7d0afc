//! How guests are optimised.
//!
//! Owns the release profile of a guest whose author says nothing of it. Must not know cargo's other settings. Cannot
//! fail: a manifest that cannot be read says nothing, and cargo itself will complain of it.

use std::path::Path;

/// Speed before size: a space is called a million times for each time that it is compiled or copied, though the space
/// that `spacehost new` makes takes 175 KB so, and 110 KB with `opt-level = "s"` (an author may set that). One codegen
/// unit and fat LTO let the allocator and the bindings be inlined into the handlers, and leave std's unused parts out.
/// A panic ends the instance in any case, so nothing is unwound; symbols are of no use to a host that shows no guest
/// backtraces.
const DEFAULTS: [(&str, &str); 5] =
    [("opt-level", "3"), ("lto", "\"fat\""), ("codegen-units", "1"), ("panic", "\"abort\""), ("strip", "\"symbols\"")];

/// The settings, as arguments of cargo, that the manifest of the workspace at `root` leaves open.
pub fn arguments(root: &Path) -> Vec<String> {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    open_settings(&manifest)
        .flat_map(|(key, value)| ["--config".to_owned(), format!("profile.release.{key}={value}")])
        .collect()
}

fn open_settings(manifest: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    let release = manifest.get("profile").and_then(|profile| profile.get("release")).cloned();
    DEFAULTS.into_iter().filter(move |(key, _)| release.as_ref().is_none_or(|release| release.get(key).is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(manifest: &str) -> Vec<&'static str> {
        open_settings(manifest).map(|(key, _)| key).collect()
    }

    #[test]
    fn an_author_who_says_nothing_gets_all_defaults() {
        assert_eq!(keys("[package]\nname = \"a\"").len(), DEFAULTS.len());
    }

    #[test]
    fn what_the_author_sets_is_left_alone() {
        let manifest = "[profile.release]\nopt-level = \"z\"\nlto = false";
        assert_eq!(keys(manifest), ["codegen-units", "panic", "strip"]);
    }
}
