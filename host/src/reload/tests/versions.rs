//! Which version serves: checked, refused, superseded, gone back from, brought back by the next host.

use super::*;

fn failed(bytes: &str) -> FailedProbation {
    let digest = blake3::hash(bytes.as_bytes()).to_hex().to_string();
    FailedProbation { space: name("a"), digest, reason: "3 of its first 4 turns broke off".into() }
}

#[tokio::test]
async fn a_version_that_fails_its_probation_gives_way_to_the_one_before_and_is_not_tried_again() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    scene.write("a.wasm", "ok 2");
    scene.serves(&["a=ok 1", "a=ok 2"]).await;
    // What is said of a version that has gone is of no concern.
    scene.fake.failed.0.send(failed("ok 1")).await.unwrap();
    scene.fake.failed.0.send(failed("ok 2")).await.unwrap();
    let gone_back = |scene: &Scene| matches!(scene.verdict("a"), Some(Verdict::RolledBack { .. }));
    scene.until("gone back", gone_back).await;
    assert_eq!(scene.fake.deployed(), ["a=ok 1", "a=ok 2", "a=ok 1"]);
    let reason = scene.verdict("a").unwrap().reason().unwrap().to_owned();
    assert!(reason.contains(": 3 of its first 4 turns broke off; it is not tried again"), "{reason}");
    scene.reloads.reload(&name("a"), false).await.unwrap();
    assert_eq!((scene.fake.deployed().len(), gone_back(&scene)), (3, true));
    assert_eq!(scene.fake.seen(|seen| seen.notes.last().unwrap().verdict.clone()), "rolled-back");
}

#[tokio::test]
async fn a_version_that_fails_its_probation_and_cannot_give_way_is_quarantined_with_the_ways_on() {
    let scene = Scene::new(&[("a.wasm", "ok barred")]).await;
    scene.write("a.wasm", "ok 2");
    scene.serves(&["a=ok barred", "a=ok 2"]).await;
    scene.fake.failed.0.send(failed("ok 2")).await.unwrap();
    scene.until("quarantined", |scene| scene.fake.seen(|seen| !seen.quarantined.is_empty())).await;
    let reason = scene.fake.seen(|seen| seen.quarantined[0].clone());
    assert!(reason.starts_with("a: 3 of its first 4 turns broke off; version 2 has migrated the state"), "{reason}");
    assert!(reason.contains("7 turns or more rest on it") && reason.contains("drop a newer version"), "{reason}");
    let status = scene.reloads.reload(&name("a"), false).await.unwrap();
    assert_eq!(
        (status.verdict, scene.fake.deployed().len()),
        (Verdict::Serving, 2),
        "it is still the version that is there"
    );
}

#[tokio::test]
async fn versions_that_come_together_are_swapped_in_the_order_of_their_names() {
    let names: Vec<String> = (0..10).map(|number| format!("s{number}.wasm")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "ok 1")).collect();
    let scene = Scene::new(&files).await;
    scene.fake.seen(|seen| seen.deployed.clear());
    for name in names.iter().rev() {
        scene.write(name, if name == "s2.wasm" { "ok 2, slow" } else { "ok 2" });
    }
    scene.until("all others are compiled", |scene| scene.fake.loads() == 20).await;
    scene.fake.open_gate();
    scene.until("all are swapped", |scene| scene.fake.deployed().len() == 10).await;
    let order: Vec<String> = scene.fake.deployed().iter().map(|deployed| deployed[..2].to_owned()).collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn a_component_whose_code_is_known_is_kept_all_the_same() {
    let scene = Scene::new(&[("a.wasm", "ok known")]).await;
    assert_eq!((scene.fake.loads(), scene.fake.deployed()), (0, owned(&["a=ok known"])));
    assert_eq!(scene.fake.seen(|seen| seen.components.len()), 1);
    scene.write("a.wasm", "ok known, and too much");
    scene.until("not kept", |scene| scene.is_rejected("a", "no room")).await;
    assert_eq!(scene.fake.deployed().len(), 1);
}

#[tokio::test]
async fn what_a_check_finds_is_in_the_report_and_may_keep_the_version_out() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    scene.write("a.wasm", "ok 2, differs");
    scene.serves(&["a=ok 1", "a=ok 2, differs"]).await;
    let status = scene.reloads.status().remove(0);
    assert_eq!(status.last_reload.map(|report| report.warnings), Some(owned(&["it answers otherwise"])));
    scene.write("a.wasm", "ok 3, lacks something");
    scene.until("refused", |scene| scene.is_rejected("a", "it lacks the command `list`")).await;
    assert_eq!(scene.fake.deployed().len(), 2);
    let noted = scene.fake.seen(|seen| seen.notes.iter().map(|note| note.reason.clone()).collect::<Vec<_>>());
    assert_eq!(noted, ["", "it answers otherwise", "it lacks the command `list`"]);
}

#[tokio::test]
async fn a_broken_version_is_refused_once_and_a_sound_one_follows() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    scene.write("a.wasm", "broken");
    scene.until("rejected", |scene| scene.is_rejected("a", "not WebAssembly")).await;
    // The same bytes anew, and an operator's look: still refused, not compiled again.
    scene.write("a.wasm", "broken");
    let status = scene.reloads.reload(&name("a"), false).await.unwrap();
    assert!(matches!(status.verdict, Verdict::Rejected { .. }));
    assert_eq!((scene.fake.loads(), scene.fake.deployed()), (2, owned(&["a=ok 1"])));
    // By force it is.
    scene.reloads.reload(&name("a"), true).await.unwrap();
    assert_eq!(scene.fake.loads(), 3);

    scene.write("a.wasm", "ok 2");
    scene.serves(&["a=ok 1", "a=ok 2"]).await;
}

#[tokio::test]
async fn what_the_runtime_refuses_or_what_panics_is_a_rejection() {
    let scene = Scene::new(&[("a.wasm", "ok 1"), ("b.wasm", "panic"), ("c.wasm", "ok refused")]).await;
    assert!(scene.is_rejected("b", "failed within the host"));
    assert!(scene.is_rejected("c", "`start` failed: no"));
    let audited = scene.fake.seen(|seen| seen.refused.clone());
    assert!(["b: rejected", "c: rejected"].iter().all(|line| audited.contains(&(*line).to_owned())), "{audited:?}");
    scene.serves(&["a=ok 1"]).await;
}

#[tokio::test]
async fn a_version_that_is_superseded_while_it_compiles_never_serves() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    scene.write("a.wasm", "ok slow");
    scene.until("compiling", |scene| scene.fake.loads() == 2).await;
    scene.write("a.wasm", "ok 3");
    scene.until("the new one", |scene| scene.fake.deployed().len() == 2).await;
    scene.fake.open_gate();
    scene.serves(&["a=ok 1", "a=ok 3"]).await;
}

#[tokio::test]
async fn a_version_whose_file_is_removed_while_it_compiles_never_serves() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    scene.write("a.wasm", "ok 2, slow");
    scene.until("it compiles", |scene| scene.fake.loads() == 2).await;
    std::fs::remove_file(scene.path("a.wasm")).unwrap();
    scene.until("the space is removed", |scene| scene.verdict("a") == Some(Verdict::Removed)).await;
    scene.fake.open_gate();
    scene.write("a.wasm", "ok 3");
    scene.serves(&["a=ok 1", "a=ok 3"]).await;
    assert_eq!(scene.fake.seen(|seen| seen.removed.clone()), ["a"]);
}

#[tokio::test]
async fn what_is_known_is_not_compiled_and_waits_for_no_compile() {
    let scene = Scene::new(&[]).await;
    for name in ["a.wasm", "b.wasm"] {
        scene.write(name, "ok slow");
    }
    scene.until("both slots are taken", |scene| scene.fake.loads() == 2).await;
    scene.write("c.wasm", "ok known");
    scene.until("c serves", |scene| scene.verdict("c") == Some(Verdict::Serving)).await;
    assert_eq!((scene.fake.loads(), scene.fake.deployed()), (2, owned(&["c=ok known"])));
    scene.fake.open_gate();
    scene.until("all serve", |scene| scene.fake.deployed().len() == 3).await;
}

#[tokio::test]
async fn a_rollback_holds_until_the_bytes_change() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    let a = name("a");
    assert!(matches!(scene.reloads.rollback(&a).await, Err(ReloadError::NoFormerVersion(_))));
    scene.write("a.wasm", "ok 2");
    scene.serves(&["a=ok 1", "a=ok 2"]).await;
    assert_eq!(scene.reloads.rollback(&a).await.unwrap().generation, 3);
    assert!(matches!(scene.verdict("a"), Some(Verdict::RolledBack { .. })));
    scene.write("a.wasm", "ok 2");
    let status = scene.reloads.reload(&a, false).await.unwrap();
    assert!(matches!(status.verdict, Verdict::RolledBack { .. }));
    scene.write("a.wasm", "ok 3");
    scene.serves(&["a=ok 1", "a=ok 2", "a=ok 1", "a=ok 3"]).await;
}

#[tokio::test]
async fn the_next_host_begins_with_what_served_and_another_file_is_a_reload() {
    let scene = Scene::new(&[("a.wasm", "ok 1"), ("b.wasm", "ok 1")]).await;
    let scene = scene.restarted(&[("a.wasm", "ok 2")]).await;
    let mut deployed = scene.fake.deployed();
    deployed.sort();
    assert_eq!(deployed, ["a=ok 1", "a=ok 2", "b=ok 1"]);
    let scene = scene.restarted(&[("a.wasm", "broken")]).await;
    let mut deployed = scene.fake.deployed();
    deployed.sort();
    assert_eq!(deployed, ["a=ok 2", "b=ok 1"], "the broken file leaves what served");
    assert!(scene.is_rejected("a", "not WebAssembly"));
}

#[tokio::test]
async fn the_next_host_tries_no_version_that_was_refused_or_gone_back_from() {
    let scene = Scene::new(&[("a.wasm", "ok 1"), ("b.wasm", "ok 1")]).await;
    scene.write("a.wasm", "broken");
    scene.until("rejected", |scene| scene.is_rejected("a", "not WebAssembly")).await;
    scene.write("b.wasm", "ok 2");
    scene.until("b serves it", |scene| scene.fake.deployed().contains(&"b=ok 2".to_owned())).await;
    scene.reloads.reload(&name("b"), false).await.unwrap();
    scene.reloads.rollback(&name("b")).await.unwrap();
    let loads = scene.fake.loads();
    let scene = scene.restarted(&[]).await;
    let mut deployed = scene.fake.deployed();
    deployed.sort();
    assert_eq!(deployed, ["a=ok 1", "b=ok 1"]);
    assert_eq!(scene.fake.loads(), loads + 2, "only what had served was compiled");
    assert!(scene.is_rejected("a", "not WebAssembly"));
    assert!(matches!(scene.verdict("b"), Some(Verdict::RolledBack { .. })));
}

#[tokio::test]
async fn what_cannot_be_copied_to_the_data_folder_does_not_serve() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    scene.write("a.wasm", "ok too much");
    scene.until("rejected", |scene| scene.is_rejected("a", "no room")).await;
    assert_eq!(scene.fake.deployed(), ["a=ok 1"]);
}

#[tokio::test]
async fn every_reload_is_written_down_with_its_verdict() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    scene.write("a.wasm", "broken");
    scene.until("rejected", |scene| scene.is_rejected("a", "not WebAssembly")).await;
    let notes = scene.fake.seen(|seen| seen.notes.clone());
    let told: Vec<_> = notes.iter().map(|note| (note.to_generation, note.verdict.as_str())).collect();
    assert_eq!(told, [(Some(1), "serving"), (None, "rejected")]);
    assert_eq!(notes[1].from_generation, Some(1));
    assert!(notes[0].took_us.iter().any(|(step, _)| step == "compile"));
}
