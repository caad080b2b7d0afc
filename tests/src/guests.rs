//! The guests of `tests/guests`, built once per test process, and the sample systems of `plugins`.
//!
//! They share one target folder with everything else that builds guests in this checkout, so that std is compiled once.

use spacehost_build::{Phase, Progress, Request, build};
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

const GUESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/guests");
const SYSTEMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins");
const TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/spacehost-guests");

/// The component of the guest with that crate name.
pub fn guest(name: &str) -> &'static [u8] {
    static BUILT: OnceLock<HashMap<String, Vec<u8>>> = OnceLock::new();
    let built = BUILT.get_or_init(build_all);
    built.get(name).unwrap_or_else(|| panic!("there is no guest `{name}` in {GUESTS}"))
}

/// Builds a sample system into the folder.
pub fn system_into(system: &str, folder: &Path) {
    let request = Request::new(Path::new(SYSTEMS).join(system)).target_dir(Path::new(TARGET)).into_dir(folder);
    build(&request, &mut Told).unwrap_or_else(|error| panic!("{system} does not build: {error}"));
}

/// Says what is being built, and above all what is being installed. Past the test harness, which would keep it to itself.
struct Told;

impl Progress for Told {
    fn phase(&mut self, _: Phase, what: &str) {
        // Whoever closed the terminal does not want to know.
        let _ = writeln!(std::io::stderr(), "guests: {what}");
    }

    fn line(&mut self, _: &str) {}
}

fn build_all() -> HashMap<String, Vec<u8>> {
    let request = Request::new(GUESTS).target_dir(Path::new(TARGET));
    let built = build(&request, &mut Told).unwrap_or_else(|error| panic!("the guests do not build: {error}"));
    let read = |path: &Path| std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    built.into_iter().map(|guest| (guest.name.clone(), read(&guest.artifact))).collect()
}
