//! The ways to a toolchain, walked with stand-ins: shell scripts in place of rustup, rustc, cargo and apt-get.
//!
//! Owns a small machine in a temporary folder and a log of all that was called there. Must not touch the real one. A test
//! fails with the log in its message.

mod machine;

use std::time::Duration;

use machine::Machine;
use spacehost_build::{Environment, Phase, Progress, Silent, Toolchain, ToolchainError, Way, checks};

#[derive(Default)]
struct Heard(Vec<String>);

impl Progress for Heard {
    fn phase(&mut self, _phase: Phase, what: &str) {
        self.0.push(what.to_owned());
    }
    fn line(&mut self, line: &str) {
        self.0.push(line.to_owned());
    }
}

fn detect(machine: &Machine, environment: &Environment) -> Result<Toolchain, ToolchainError> {
    Toolchain::detect(environment, machine.folder(), &mut Silent)
}

#[test]
fn an_installed_target_is_used_as_it_is() {
    let machine = Machine::new().with_rustup().with_target();
    let toolchain = detect(&machine, &machine.environment()).unwrap();
    assert_eq!(toolchain.way, Way::RustupTarget);
    assert_eq!(toolchain.target(), "wasm32-wasip2");
    assert!(!machine.log().contains("target add"), "{}", machine.log());
}

#[test]
fn a_printed_folder_alone_is_no_target() {
    let machine = Machine::new().with_rustup().with_target_folder_but_no_std();
    let environment = machine.environment().with("SPACEHOST_NO_INSTALL", "1");
    assert!(detect(&machine, &environment).is_err());
}

#[test]
fn the_distributions_compiler_builds_std_with_rustups_linker() {
    let machine = Machine::new().with_rustup().with_component_linker().with_distro();
    let environment = machine.environment();
    let toolchain = detect(&machine, &environment).unwrap();
    assert_eq!((toolchain.way, toolchain.target()), (Way::DistroStd, "wasm32-unknown-unknown"));
    let arguments = toolchain.build_arguments(&environment).join(" ");
    for part in ["-Zbuild-std=std,panic_abort", "linker=\"", "bin/wasm-component-ld\"", "--wasm-ld-path="] {
        assert!(arguments.contains(part), "{part} is missing in {arguments}");
    }
}

#[test]
fn the_target_is_added_when_nothing_else_is_there_and_that_is_said() {
    let machine = Machine::new().with_rustup().whose_target_add("mkdir -p \"$TARGET\"; : > \"$TARGET/libstd-1.rlib\"");
    let mut heard = Heard::default();
    let toolchain = Toolchain::detect(&machine.environment(), machine.folder(), &mut heard).unwrap();
    assert_eq!(toolchain.way, Way::RustupTarget);
    assert_eq!(machine.log().matches("rustup target add wasm32-wasip2").count(), 1, "{}", machine.log());
    assert!(heard.0[0].starts_with("running `rustup target add wasm32-wasip2`"), "{:?}", heard.0);
    assert!(toolchain.why.contains("after adding"), "{}", toolchain.why);
}

#[test]
fn a_target_that_cannot_be_added_is_an_error_with_rustups_words() {
    let machine = Machine::new().with_rustup().whose_target_add("echo 'no route to host' >&2; exit 1");
    let said = detect(&machine, &machine.environment()).unwrap_err().to_string();
    assert!(said.contains("no route to host"), "{said}");
    assert!(said.ends_with("type: rustup target add wasm32-wasip2"), "{said}");
}

#[test]
fn a_target_that_takes_too_long_is_given_up() {
    let machine = Machine::new().with_rustup().whose_target_add("exec sleep 600");
    let mut environment = machine.environment();
    environment.install_limit = Duration::from_millis(200);
    let said = detect(&machine, &environment).unwrap_err().to_string();
    assert!(said.contains("took longer than 0.2 s"), "{said}");
}

#[test]
fn an_install_that_changes_nothing_is_not_repeated() {
    let machine = Machine::new().with_rustup().whose_target_add("exit 0");
    let said = detect(&machine, &machine.environment()).unwrap_err().to_string();
    assert!(said.contains("still not there"), "{said}");
    assert_eq!(machine.log().matches("target add").count(), 1, "{}", machine.log());
}

#[test]
fn packages_are_installed_as_root_on_debian_12_after_rustup_has_failed() {
    let machine = Machine::new()
        .with_rustup()
        .whose_target_add("exit 1")
        .with_component_linker()
        .with_debian_12()
        .with_apt_that_installs_the_distro();
    let mut environment = machine.environment();
    environment.is_root = true;
    let toolchain = detect(&machine, &environment).unwrap();
    assert_eq!(toolchain.way, Way::DistroStd);
    let expected = "apt-get install -y --no-install-recommends rustc-web cargo-web rust-web-src";
    assert!(machine.log().contains(expected), "{}", machine.log());
}

#[test]
fn nothing_is_installed_when_that_is_forbidden() {
    let machine = Machine::new().with_rustup().with_component_linker().with_debian_12();
    let mut environment = machine.environment().with("SPACEHOST_NO_INSTALL", "1");
    environment.is_root = true;
    let said = detect(&machine, &environment).unwrap_err().to_string();
    assert!(said.contains("SPACEHOST_NO_INSTALL"), "{said}");
    assert!(!machine.log().contains("add") && !machine.log().contains("apt-get"), "{}", machine.log());
}

#[test]
fn an_empty_machine_gets_the_one_command_to_type() {
    let machine = Machine::new();
    let said = detect(&machine, &machine.environment()).unwrap_err().to_string();
    assert!(said.contains("type: ") && said.contains("https://rustup.rs"), "{said}");
}

#[test]
fn an_unknown_wish_is_refused_with_the_known_ones() {
    let machine = Machine::new().with_rustup().with_target();
    let environment = machine.environment().with("SPACEHOST_GUEST_TOOLCHAIN", "nix");
    let said = detect(&machine, &environment).unwrap_err().to_string();
    assert!(said.contains("`auto`, `rustup` or `distro`"), "{said}");
}

#[test]
fn the_surrounding_builds_variables_do_not_reach_the_tools() {
    let machine = Machine::new().with_rustup().with_target();
    let environment = machine.environment().with("RUSTUP_TOOLCHAIN", "leaked").with("RUSTFLAGS", "leaked");
    detect(&machine, &environment).unwrap();
    assert!(!machine.log().contains("leaked"), "{}", machine.log());
}

#[test]
fn the_doctors_fix_makes_its_own_check_well() {
    let machine = Machine::new().with_rustup().whose_target_add("mkdir -p \"$TARGET\"; : > \"$TARGET/libstd-1.rlib\"");
    let environment = machine.environment();
    let before = checks(&environment, machine.folder());
    assert!(!before[0].ok);
    let fix = before[0].fix.expect("rustup can add the target");
    fix.run(&environment, machine.folder(), &mut Silent).unwrap();
    let after = checks(&environment, machine.folder());
    assert!(after.iter().all(|check| check.ok), "{after:#?}");
}
