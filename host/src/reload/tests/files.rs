//! Files that come, change and go, settings, and orders of the operator.

use super::*;

#[tokio::test]
async fn what_lies_in_the_folder_serves_after_the_first_scan() {
    let scene = Scene::new(&[("a.wasm", "ok 1"), ("b.wasm", "broken"), ("Bad_Name.wasm", "ok"), ("notes", "x")]).await;
    assert_eq!(scene.fake.deployed(), ["a=ok 1"]);
    assert_eq!(scene.verdict("a"), Some(Verdict::Serving));
    assert!(scene.is_rejected("b", "the file is not WebAssembly"));
    assert!(scene.is_rejected("Bad_Name", "is no space name"));
    assert_eq!(scene.reloads.status().len(), 3);
    assert_eq!(scene.fake.seen(|seen| seen.topics.len()), 2, "a reload and a rejection; a bad name has no topic");
}

#[tokio::test]
async fn every_way_to_write_a_file_is_one_reload() {
    let scene = Scene::new(&[("a.wasm", "ok 0")]).await;
    let mut expected = vec!["a=ok 0"];

    // cp over: truncated and written.
    std::fs::write(scene.root.path().join("new"), "ok cp").unwrap();
    std::fs::copy(scene.root.path().join("new"), scene.path("a.wasm")).unwrap();
    expected.push("a=ok cp");
    scene.serves(&expected).await;

    // mv over.
    std::fs::write(scene.root.path().join("new"), "ok mv").unwrap();
    std::fs::rename(scene.root.path().join("new"), scene.path("a.wasm")).unwrap();
    expected.push("a=ok mv");
    scene.serves(&expected).await;

    // Truncated, left empty for a moment, written in pieces.
    scene.write("a.wasm", "");
    scene.write("a.wasm", "o");
    scene.write("a.wasm", "ok rewritten");
    expected.push("a=ok rewritten");
    scene.serves(&expected).await;

    // An editor's way: the old file goes aside, a new one takes the name, the old one is removed.
    std::fs::rename(scene.path("a.wasm"), scene.path("a.wasm~")).unwrap();
    scene.write("a.wasm", "ok edited");
    std::fs::remove_file(scene.path("a.wasm~")).unwrap();
    expected.push("a=ok edited");
    scene.serves(&expected).await;
    assert!(scene.fake.seen(|seen| seen.removed.is_empty()));
}

/// Writes a thousand versions in about a second. The longest time that one of them stood.
fn touch_a_thousand_times(path: &Path) -> Duration {
    let (mut written, mut longest) = (Instant::now(), Duration::ZERO);
    for n in 1..=1_000 {
        std::fs::write(path, format!("ok {n:04}")).unwrap();
        longest = longest.max(written.elapsed());
        written = Instant::now();
        std::thread::sleep(Duration::from_millis(1));
    }
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_touches_in_a_second_are_one_reload_of_the_last_bytes() {
    let begun = Instant::now();
    loop {
        let scene = Scene::new(&[("a.wasm", "ok 0")]).await;
        let path = scene.path("a.wasm");
        let longest = tokio::task::spawn_blocking(move || touch_a_thousand_times(&path)).await.unwrap();
        // On a machine so loaded that the writer himself was held up, a version in between was finished by any measure.
        if longest >= decision::QUIET && begun.elapsed() < DEADLINE {
            continue;
        }
        scene.serves(&["a=ok 0", "a=ok 1000"]).await;
        return assert_eq!(scene.fake.loads(), 2);
    }
}

#[tokio::test]
async fn a_removed_file_stops_its_space_and_a_new_one_starts_it() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    std::fs::remove_file(scene.path("a.wasm")).unwrap();
    scene.until("removed", |scene| scene.verdict("a") == Some(Verdict::Removed)).await;
    assert_eq!(scene.fake.seen(|seen| seen.removed.clone()), ["a"]);
    assert!(scene.fake.seen(|seen| seen.topics.contains(&"spacehost.a.removed".to_owned())));
    assert!(matches!(scene.reloads.reload(&name("a"), false).await, Err(ReloadError::Unknown(_))));
    scene.write("a.wasm", "ok 1");
    scene.serves(&["a=ok 1", "a=ok 1"]).await;
}

#[tokio::test]
async fn odd_files_are_each_named_and_touch_nothing_else() {
    let scene = Scene::new(&[("a.wasm", "ok 1"), ("empty.wasm", "")]).await;
    std::fs::create_dir(scene.path("directory.wasm")).unwrap();
    symlink("/etc/hostname", scene.path("out.wasm")).unwrap();
    scene.until("the directory", |scene| scene.is_rejected("directory", "it is a directory")).await;
    scene.until("the link", |scene| scene.is_rejected("out", "symbolic link")).await;
    assert!(scene.is_rejected("empty", "it is empty"));
    // In the place of a version that serves, it leaves that alone.
    std::fs::remove_file(scene.path("a.wasm")).unwrap();
    std::fs::create_dir(scene.path("a.wasm")).unwrap();
    scene.until("the directory a", |scene| scene.is_rejected("a", "it is a directory")).await;
    assert_eq!(scene.fake.deployed(), ["a=ok 1"]);
    assert!(scene.fake.seen(|seen| seen.removed.is_empty()));
}

#[tokio::test]
async fn settings_beside_the_component_are_applied_without_compiling() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    scene.write("a.toml", "limits.attempts = 2");
    scene.serves(&["a=ok 1", "a=ok 1"]).await;
    assert_eq!(scene.fake.loads(), 1);
    assert_eq!(scene.fake.seen(|seen| seen.deployed[1].2.limits.attempts), 2);

    scene.write("a.toml", "limits.attempts = 6");
    scene.until("a raised limit", |scene| scene.is_rejected("a", "a.toml: line 1: `attempts = 6` raises")).await;
    scene.write("a.toml", "limits.component_bytes = 3");
    scene.until("too large", |scene| scene.is_rejected("a", "`component_bytes` allows 3")).await;
    std::fs::remove_file(scene.path("a.toml")).unwrap();
    scene.serves(&["a=ok 1", "a=ok 1", "a=ok 1"]).await;
}

#[tokio::test]
async fn the_hosts_settings_are_applied_to_the_spaces_concerned() {
    let scene = Scene::new(&[("a.wasm", "ok 1"), ("b.wasm", "ok 1")]).await;
    let file = scene.root.path().join("spacehost.toml");
    std::fs::write(&file, "[spaces.a.limits]\nattempts = 9").unwrap();
    scene.until("applied", |scene| scene.fake.deployed().len() == 3).await;
    let (name, attempts) = scene.fake.seen(|seen| (seen.deployed[2].0.clone(), seen.deployed[2].2.limits.attempts));
    assert_eq!((name.as_str(), attempts), ("a", 9));

    std::fs::write(&file, "[spaces.a.limits]\natempts = 9").unwrap();
    scene.until("refused", |scene| scene.is_rejected("spacehost.toml", "did you mean `attempts`?")).await;
    std::fs::write(&file, "[spaces.a.limits]\nattempts = 9").unwrap();
    scene.until("mended", |scene| scene.verdict("spacehost.toml").is_none()).await;
    assert_eq!(scene.fake.deployed().len(), 3);
}

#[tokio::test]
async fn a_stopped_space_starts_in_the_version_that_lies_there() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    let a = name("a");
    scene.reloads.stop(&a).await.unwrap();
    assert_eq!(scene.verdict("a"), Some(Verdict::Stopped));
    assert!(matches!(scene.reloads.reload(&a, true).await, Err(ReloadError::Stopped(_))));
    scene.write("a.wasm", "ok 2");
    scene.reloads.start(&a).await.unwrap();
    assert_eq!(scene.fake.deployed(), ["a=ok 1", "a=ok 2"]);
    assert_eq!(scene.fake.seen(|seen| seen.halted.clone()), [("a".to_owned(), true), ("a".to_owned(), false)]);
    assert_eq!(scene.verdict("a"), Some(Verdict::Serving));
    assert!(matches!(scene.reloads.stop(&name("none")).await, Err(ReloadError::Unknown(_))));
}

#[tokio::test]
async fn an_order_for_a_space_that_is_coming_in_waits_for_it() {
    let scene = Scene::new(&[]).await;
    scene.write("a.wasm", "ok lengthy");
    scene.until("the runtime has it", |scene| scene.fake.deployed() == ["a=ok lengthy"]).await;
    let a = name("a");
    let stop = scene.reloads.stop(&a);
    tokio::pin!(stop);
    assert!(futures::poll!(&mut stop).is_pending());
    scene.fake.open_gate();
    stop.await.unwrap();
    assert_eq!(scene.verdict("a"), Some(Verdict::Stopped));
}

#[tokio::test]
async fn a_folder_that_is_gone_removes_nothing_and_one_that_is_back_goes_on() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    std::fs::rename(scene.root.path().join("spaces"), scene.root.path().join("aside")).unwrap();
    assert!(matches!(scene.reloads.reload(&name("a"), false).await, Err(ReloadError::Folder(_))));
    assert_eq!(scene.verdict("a"), Some(Verdict::Serving));
    std::fs::rename(scene.root.path().join("aside"), scene.root.path().join("spaces")).unwrap();
    scene.write("a.wasm", "ok 2");
    scene.serves(&["a=ok 1", "a=ok 2"]).await;
    assert!(scene.fake.seen(|seen| seen.removed.is_empty()));
}

#[tokio::test]
async fn after_shutdown_orders_are_refused() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    scene.reloads.shutdown().await;
    assert!(matches!(scene.reloads.reload(&name("a"), false).await, Err(ReloadError::Stopping)));
    scene.reloads.shutdown().await;
}

#[tokio::test]
async fn a_folder_that_is_not_there_or_holds_the_hosts_settings_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let spawn = |dir: &Path, settings: Option<PathBuf>| Reloads::spawn_on(Fake::default(), dir.into(), settings, false);
    let missing = spawn(&root.path().join("none"), None).err().unwrap().to_string();
    assert!(missing.contains("create it, or name another"), "{missing}");
    let inside = spawn(root.path(), Some(root.path().join("spacehost.toml"))).err().unwrap().to_string();
    assert!(inside.contains("Put it outside"), "{inside}");
}

#[tokio::test]
async fn a_purged_space_stays_stopped_and_starts_as_if_for_the_first_time() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    scene.reloads.stop(&name("a")).await.unwrap();
    assert_eq!(scene.reloads.purge(&name("a")).await.unwrap().keys, 1);
    assert_eq!((scene.verdict("a"), scene.fake.deployed()), (Some(Verdict::Stopped), owned(&["a=ok 1"])));
    scene.reloads.start(&name("a")).await.unwrap();
    assert_eq!(scene.fake.deployed(), ["a=ok 1", "a=ok 1"], "deployed anew, before it is resumed");
    assert_eq!(scene.verdict("a"), Some(Verdict::Serving));
    let rollback = scene.reloads.rollback(&name("a")).await;
    assert!(matches!(rollback, Err(ReloadError::NoFormerVersion(_))), "{rollback:?}");
}

#[tokio::test]
async fn a_purged_space_whose_file_is_gone_is_gone() {
    let scene = Scene::new(&[("a.wasm", "ok 1")]).await;
    std::fs::remove_file(scene.path("a.wasm")).unwrap();
    scene.until("removed", |scene| scene.verdict("a") == Some(Verdict::Removed)).await;
    scene.reloads.purge(&name("a")).await.unwrap();
    assert_eq!(scene.verdict("a"), None);
    scene.reloads.purge(&name("never-seen")).await.unwrap();
    assert_eq!(scene.fake.seen(|seen| seen.purged.clone()), ["a", "never-seen"], "the store may know it all the same");
}
