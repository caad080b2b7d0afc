//! Components whose shape is the attack: types that explode, nesting without end, instances by the thousand.

use super::{assert_names, refusal_of};
use serde_json::json;
use spacehost::runtime::{CompileBounds, Place};
use spacehost_tests::hostile::Hostile;
use spacehost_tests::{Host, binary, granting_all, raw};

fn text(component: &str) -> Vec<u8> {
    wat::parse_str(component).unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn a_type_that_doubles_forty_times_is_refused() {
    let doubles: String = (0..40).map(|n| format!("(type $t{} (tuple $t{n} $t{n}))", n + 1)).collect();
    let bomb = format!("(component (type $t0 (tuple u8 u8)) {doubles} (import \"f\" (func (param \"a\" $t40))))");
    assert_names(&refusal_of(text(&bomb)).await, "the component is invalid");
}

#[tokio::test]
async fn types_nested_without_end_are_refused() {
    let nested: String = (0..5_000).map(|n| format!("(type $t{} (list $t{n}))", n + 1)).collect();
    let deep = format!("(component (type $t0 (list u8)) {nested} (import \"f\" (func (param \"a\" $t5000))))");
    assert_names(&refusal_of(text(&deep)).await, "the component is invalid");
}

#[tokio::test]
async fn an_import_whose_type_is_deep_and_wide_is_refused_in_a_few_words() {
    let nested: String = (0..80).map(|n| format!("(type $t{} (list $t{n}))", n + 1)).collect();
    let deep = format!(
        "(component (type $t0 (list u8)) {nested}
            (import \"spacehost:space/state@1.0.0\" (instance (export \"get\" (func (param \"key\" $t80))))))"
    );
    let reason = refusal_of(text(&deep)).await;
    assert!(reason.len() < 2_000, "{reason}");
}

#[tokio::test]
async fn components_nested_without_end_cost_their_compiler_at_most() {
    let program = tokio::task::spawn_blocking(binary).await.unwrap();
    let host = Host::with(|config| config.compiler = Place::Apart { program, bounds: CompileBounds::default() });
    for depth in [50, 5_000, 500_000] {
        let refused = host.deploy_bytes("bad", raw::nested(depth), granting_all()).await.unwrap_err();
        let says = ["the component is invalid", "it does not export", "the compiler"];
        assert!(refused.len() < 1_000 && says.iter().any(|says| refused.contains(says)), "{depth}: {refused}");
    }
    host.deploy("good", "ear").await;
    assert_eq!(host.run("good", json!([{ "add": 1 }])).await, 1);
}

#[tokio::test]
async fn a_thousand_core_instances_are_more_than_one_component_may_have() {
    for (count, says) in [(100_u32, "limit `core_instances` reached"), (900, "limit `core_instances` reached")] {
        let crowded = raw::crowded(&Hostile::default().component(), count);
        assert_names(&refusal_of(crowded).await, says);
    }
    let too_many = refusal_of(raw::crowded(&Hostile::default().component(), 1_500)).await;
    assert_names(&too_many, "instances");
}

#[tokio::test]
async fn exports_by_the_ten_thousand_are_refused_or_ignored_but_never_shown_at_length() {
    let exports: String = (0..10_000).map(|n| format!("(export \"{}{n}\" (func 0))", "x".repeat(100))).collect();
    let reason = refusal_of(text(&format!("(component (core module (func) {exports}))"))).await;
    assert!(reason.len() < 2_000, "{reason}");
}
