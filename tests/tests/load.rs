//! Bytes that are no space: each refused by one line that says what is wrong and what to do.

use spacehost::words::SpaceSettings;
use spacehost_tests::{Host, guest, limits, raw};

fn said(bytes: &[u8]) -> String {
    let said = Host::start().load_error(bytes).to_string();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn a_file_that_is_no_component_says_what_it_is() {
    assert!(said(b"").contains("empty"));
    assert!(said(b"#!/bin/sh\n").contains("not WebAssembly (its first bytes are 23 21 2f 62"));
    assert!(said(&raw::core_module()).contains("core module, not a component"));
    assert!(said(b"\0asm\x07\0\x01\0").contains("its version field is 07 00 01 00"));
    assert!(said(b"\0asm").contains("its version field"));
}

#[test]
fn a_half_written_component_is_invalid() {
    let whole = guest("probe");
    for part in [9, whole.len() / 2, whole.len() - 1] {
        assert!(said(&whole[..part]).contains("invalid"), "{part} bytes: {}", said(&whole[..part]));
    }
}

#[test]
fn an_unknown_import_is_named() {
    let foreign = raw::renamed(guest("probe"), "spacehost:space/context@", "spacehost:space/kontext@");
    assert!(said(&foreign).contains("`spacehost:space/kontext@1.0.0`, which this host does not offer"));
    let newer = raw::renamed(guest("probe"), "set-interval", "set-calendar");
    assert!(said(&newer).contains("the function `set-calendar` of `timers`"), "{}", said(&newer));
}

#[test]
fn a_mistyped_import_is_shown_with_both_types() {
    let bent = raw::exchanged(guest("probe"), "source", "random");
    let said = said(&bent);
    assert!(said.contains("of `context` as `func() -> "), "{said}");
    assert!(said.contains("u64") && said.contains("string"), "{said}");
}

#[test]
fn a_missing_export_is_named() {
    let bent = raw::renamed(guest("ear"), "spacehost:space/handler@", "spacehost:space/hendler@");
    assert!(said(&bent).contains("does not export `spacehost:space/handler@1.0.0`"), "{}", said(&bent));
    let empty = b"\0asm\x0d\0\x01\0";
    assert!(said(empty).contains("does not export `spacehost:space/handler@1.0.0`"), "{}", said(empty));
}

#[test]
fn a_mistyped_export_is_shown_with_both_types() {
    let said = said(&raw::describes_itself_by_a_number());
    assert!(said.contains("exports `describe` of `handler` as `func() -> u32`"), "{said}");
    assert!(said.contains("expects `func() -> string`"), "{said}");
}

#[test]
fn a_component_beyond_its_limit_is_refused_unread() {
    let host = Host::start();
    let Err(error) = host.runtime.load(guest("probe"), &limits(|limits| limits.component_bytes = 1_000)) else {
        panic!("it is larger than that");
    };
    assert!(error.to_string().contains("`component_bytes` allows 1000"), "{error}");
}

#[test]
fn what_a_component_imports_and_says_of_itself_is_there_to_read() {
    let host = Host::start();
    let Ok(probe) = host.runtime.load(guest("probe"), &SpaceSettings::default()) else { panic!("a space") };
    let Ok(ear) = host.runtime.load(guest("ear"), &SpaceSettings::default()) else { panic!("a space") };
    assert!(probe.imports().iter().any(|import| import == "messaging.request-with"), "{:?}", probe.imports());
    assert!(!ear.imports().iter().any(|import| import.contains("request")), "{:?}", ear.imports());
    assert!(ear.imports().iter().all(|import| !import.starts_with("wasi:")), "{:?}", ear.imports());
    assert_eq!(ear.descriptor().subscriptions[0].pattern.as_str(), "news.>");
}
