//! Real builds of tiny guests, with whatever toolchain this machine has.
//!
//! Owns the guests, which need no SDK, and one target folder for all tests, so that std is compiled once. Must not
//! know how a toolchain is found. A test passes over, and says so, only where there is no toolchain and installs are
//! forbidden.

use std::fs;
use std::path::{Path, PathBuf};

use spacehost_build::{
    BuildError, Built, CargoError, Environment, Request, Silent, Sources, Toolchain, build, scaffold,
};
use tempfile::TempDir;

/// A function that needs std, so that there is something to link.
const CODE: &str =
    "#[unsafe(no_mangle)]\npub extern \"C\" fn length() -> usize {\n    format!(\"{:?}\", vec![1]).len()\n}\n";

fn guest(folder: &Path, name: &str, code: &str) -> PathBuf {
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n"
    );
    let folder = folder.join(name);
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/lib.rs"), code).unwrap();
    folder
}

/// Makes the folder a workspace of the guests in it.
fn workspace(folder: &Path) {
    fs::write(folder.join("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n").unwrap();
}

fn request(path: &Path) -> Request {
    Request::new(path).target_dir(Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests"))
}

/// A folder for the test, if it can be run here.
fn folder_if_guests_can_be_built() -> Option<TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment::of_this_process();
    match Toolchain::detect(&environment, folder.path(), &mut Silent) {
        Err(error) if environment.is_on("SPACEHOST_NO_INSTALL") => {
            println!("passed over: {error}");
            None
        }
        Err(error) => panic!("{error}"),
        Ok(_) => Some(folder),
    }
}

fn names(built: &[Built]) -> Vec<&str> {
    built.iter().map(|space| space.name.as_str()).collect()
}

#[test]
fn a_crate_becomes_a_component_in_the_drop_folder() {
    let Some(folder) = folder_if_guests_can_be_built() else {
        return;
    };
    let spaces = folder.path().join("spaces");
    let request = request(&guest(folder.path(), "one-guest", CODE)).into_dir(&spaces);
    let first = build(&request, &mut Silent).unwrap();
    let file = spaces.join("one-guest.wasm");
    assert_eq!(first[0].installed.as_deref(), Some(file.as_path()));
    assert!(first[0].changed);
    assert_eq!(fs::read(&file).unwrap()[..8], *b"\0asm\x0d\0\x01\0");
    let second = build(&request, &mut Silent).unwrap();
    assert!(!second[0].changed, "the same sources give the same bytes");
}

#[test]
fn a_space_may_be_called_otherwise_than_its_crate() {
    let Some(folder) = folder_if_guests_can_be_built() else {
        return;
    };
    let crates = ["shop-orders", "trading-orders"].map(|name| guest(folder.path(), name, CODE));
    for of in &crates {
        let manifest = fs::read_to_string(of.join("Cargo.toml")).unwrap();
        let named = format!("{manifest}[package.metadata.spacehost]\nname = \"orders\"\n");
        fs::write(of.join("Cargo.toml"), named).unwrap();
    }
    let spaces = folder.path().join("spaces");
    let built = build(&request(&crates[0]).into_dir(&spaces), &mut Silent).unwrap();
    assert_eq!((names(&built), spaces.join("orders.wasm").is_file()), (vec!["orders"], true));
    // In one folder they would be two spaces of one name.
    let error = build(&request(folder.path()), &mut Silent).unwrap_err();
    assert!(matches!(&error, BuildError::SameName { name, .. } if name == "orders"), "{error}");
}

#[test]
fn a_component_carries_no_path_of_this_machine() {
    let Some(folder) = folder_if_guests_can_be_built() else {
        return;
    };
    let panicking = CODE.replace("vec![1]).len()", "vec![1]).parse::<usize>().expect(\"a number\")");
    let built = build(&request(&guest(folder.path(), "path-guest", &panicking)), &mut Silent).unwrap();
    let bytes = fs::read(&built[0].artifact).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let home = Environment::of_this_process().cargo_home().unwrap();
    assert!(text.contains("src/lib.rs"), "the panic's own place is there");
    assert!(!text.contains(home.to_str().unwrap()) && !text.contains(folder.path().to_str().unwrap()));
}

#[test]
fn a_folder_of_spaces_is_built_whole_and_a_member_alone() {
    let Some(folder) = folder_if_guests_can_be_built() else {
        return;
    };
    for name in ["left-guest", "right-guest"] {
        guest(folder.path(), name, CODE);
    }
    workspace(folder.path());
    let all = build(&request(folder.path()), &mut Silent).unwrap();
    assert_eq!(names(&all), ["left-guest", "right-guest"]);
    let one = build(&request(&folder.path().join("right-guest")), &mut Silent).unwrap();
    assert_eq!(names(&one), ["right-guest"]);
}

#[test]
fn namesakes_of_two_workspaces_do_not_get_each_others_bytes() {
    let Some(folder) = folder_if_guests_can_be_built() else {
        return;
    };
    let other_code = CODE.replace("length", "other_length").replace("vec![1]", "vec![1, 2, 3]");
    let first = guest(&folder.path().join("a"), "same-guest", CODE);
    let second = guest(&folder.path().join("b"), "same-guest", &other_code);
    let bytes = |path: &Path| fs::read(&build(&request(path), &mut Silent).unwrap()[0].artifact).unwrap();
    let (one, other) = (bytes(&first), bytes(&second));
    assert!(one != other);
    assert!(bytes(&first) == one, "also when cargo has built it before");
}

#[test]
fn a_compile_error_arrives_as_the_compiler_renders_it_and_nothing_is_installed() {
    let Some(folder) = folder_if_guests_can_be_built() else {
        return;
    };
    let spaces = folder.path().join("spaces");
    let path = guest(folder.path(), "broken-guest", "pub fn f() -> u32 { \"text\" }\n");
    let error = build(&request(&path).into_dir(&spaces), &mut Silent).unwrap_err();
    assert!(matches!(error, BuildError::Cargo(CargoError::Compile(_))), "{error}");
    let said = error.to_string();
    assert!(said.contains("error[E0308]: mismatched types") && said.contains("src/lib.rs:1:21"), "{said}");
    assert!(!spaces.exists());
}

#[test]
fn what_is_no_space_is_refused_with_a_way_on() {
    let Some(folder) = folder_if_guests_can_be_built() else {
        return;
    };
    let said = |path: &Path| build(&request(path), &mut Silent).unwrap_err().to_string();
    assert!(said(folder.path()).contains("spacehost new"), "an empty folder");
    assert!(said(&folder.path().join("nowhere")).starts_with("there is no "));
    assert!(said(&guest(folder.path(), "Bad_Name", CODE)).contains("try `bad-name`"));
}

#[test]
fn the_sources_of_a_space_include_the_crates_that_it_depends_on_by_path() {
    let Some(folder) = folder_if_guests_can_be_built() else {
        return;
    };
    let space = guest(folder.path(), "space-guest", CODE);
    let library = guest(folder.path(), "library", "");
    let manifest = fs::read_to_string(space.join("Cargo.toml")).unwrap();
    let manifest = format!("{manifest}[dependencies]\nlibrary = {{ path = \"../library\" }}\n");
    fs::write(space.join("Cargo.toml"), manifest).unwrap();
    let sources = Sources::of(&request(&space), &mut Silent).unwrap();
    let before = sources.fingerprint();
    fs::write(library.join("src/lib.rs"), "pub fn new() {}\n").unwrap();
    assert_ne!(sources.fingerprint(), before);
    assert!(sources.concerns(&fs::canonicalize(&library).unwrap().join("src/lib.rs")));
}

#[test]
fn a_new_space_passes_its_own_tests_and_becomes_a_component() {
    let Some(folder) = folder_if_guests_can_be_built() else {
        return;
    };
    let space = scaffold::new("new-guest", folder.path()).unwrap();
    let environment = Environment::of_this_process();
    let toolchain = Toolchain::detect(&environment, &space, &mut Silent).unwrap();
    let native = Path::new(env!("CARGO_TARGET_TMPDIR")).join("native");
    let mut cargo = toolchain.cargo(&environment);
    let tested = cargo.args(["test", "--target-dir"]).arg(native).current_dir(&space).output().unwrap();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
    let built = build(&request(&space), &mut Silent).unwrap();
    assert!(built[0].imports.contains(&"spacehost:space/state@1.0.0".to_owned()), "{:?}", built[0].imports);
}
