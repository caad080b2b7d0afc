//! A daemon that is killed at any step of a reload with migration: the next one finds the space wholly old or wholly new.
//!
//! strace sends the SIGKILL, at the nth call of one kind on one part of the data folder; `SPACEHOST_RELOAD_KILLS=all` tries
//! every point, from the start of the daemon to the last call of the reload.

use futures::{StreamExt, stream};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use spacehost_tests::strace::{Folder, Place, Places, Strace};
use spacehost_tests::{Daemon, Dice, Launch, guest, until};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use tempfile::TempDir;

const PARTS: &[&str] = &["journal", "tables", "artifacts", "cache"];
const FATAL: [&str; 7] = ["openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "renameat"];
const AT_ONCE: usize = 3;

fn points_tried() -> usize {
    match std::env::var("SPACEHOST_RELOAD_KILLS") {
        Ok(all) if all == "all" => usize::MAX,
        Ok(points) => points.parse().expect("SPACEHOST_RELOAD_KILLS is a number or `all`"),
        Err(_) => 20,
    }
}

/// What a daemon that has served version 1 leaves behind. It has compiled version 2, too, but not kept it: a reload under
/// strace then takes its steps, and not the time of a compiler that gives way to everything else.
struct Before(Folder);

impl Before {
    async fn new() -> Self {
        let daemon = Daemon::start().await;
        daemon.install("a", "one").await;
        assert_eq!(daemon.run("a", &json!([{ "add": 5 }])).await, (200, json!(5)));
        let compiled = daemon.install("b", "two").await;
        daemon.order("b", "stop").await;
        let purged = daemon.command(&["purge", "b", "--yes"]).await;
        assert!(purged.status.success(), "{purged:?}");
        fs::remove_file(daemon.file("b.wasm")).expect("a file");
        let folder = daemon.shared_folder();
        daemon.end(Signal::TERM).await;
        let kept = format!("data/artifacts/{}.wasm", compiled["digest"].as_str().expect("a digest"));
        fs::remove_file(folder.path().join(kept)).expect("its component was kept");
        Before(Folder::read(&folder.path().join("data")))
    }

    fn copy(&self) -> Arc<TempDir> {
        let copy = Daemon::new_folder();
        self.0.write(&copy.path().join("data"));
        fs::write(copy.path().join("spaces/a.wasm"), guest("one")).expect("a file");
        copy
    }
}

/// Drops version 2 in, and waits until the host says that the reload is done, or is gone.
async fn reload(daemon: &Daemon) {
    let spaces = daemon.folder().join("spaces");
    fs::write(daemon.folder().join("next"), guest("two")).expect("a file");
    fs::rename(daemon.folder().join("next"), spaces.join("a.wasm")).expect("a rename");
    let look = async || {
        if daemon.has_ended() {
            return Some(());
        }
        let answer = daemon.request(Method::GET, "/v1/spaces/a").send().await.ok()?;
        let space: Value = answer.json().await.ok()?;
        (space["file"]["last_reload"]["to_generation"] == 2).then_some(())
    };
    until("version 2 serves, or the daemon is gone", look).await;
}

/// The calls of a start and a reload on the data folder, by their paths below it.
async fn recorded(before: &Before) -> Places {
    let folder = before.copy();
    let strace = Strace::new(&folder.path().join("calls"));
    let daemon = Daemon::start_in(folder.clone(), &Launch::under(strace.clone())).await;
    daemon.ready().await;
    reload(&daemon).await;
    let process = daemon.process();
    daemon.end(Signal::TERM).await;
    until("the recorder is done", async || strace.is_complete(process).then_some(())).await;
    let log = fs::read_to_string(&strace.log).expect("a log");
    Places::of(&log, folder.path(), PARTS, &FATAL)
}

/// As many as asked for: the last of each pair of call and part first, because those belong to the reload.
fn sample(points: Vec<Place>, count: usize) -> Vec<Place> {
    let mut dice = Dice(5);
    let mut by_pair = BTreeMap::<(&str, String), Vec<Place>>::new();
    for point in points {
        by_pair.entry((point.part, point.call.clone())).or_default().push(point);
    }
    let mut ranked: Vec<(usize, u64, Place)> = Vec::new();
    for of_pair in by_pair.into_values() {
        ranked.extend(of_pair.into_iter().rev().enumerate().map(|(rank, point)| (rank, dice.roll(1 << 30), point)));
    }
    ranked.sort_by_key(|(rank, roll, _)| (*rank, *roll));
    ranked.into_iter().map(|(_, _, point)| point).take(count).collect()
}

/// Kills a daemon at that point, and answers whether it came there and which version the next one finds.
async fn try_point(before: &Before, places: &Places, point: &Place) -> (bool, String) {
    let folder = before.copy();
    let what = format!("{}:signal=KILL:when={}", point.call, point.nth);
    let strace = Strace::new(&folder.path().join("calls"));
    let strace = strace.with_sabotage(&what, &places.paths(folder.path(), point.part));
    let mut killed = true;
    if let Ok(daemon) = Daemon::try_start_in(folder.clone(), &Launch::under(strace)).await {
        reload(&daemon).await;
        killed = daemon.has_ended();
        if !killed {
            daemon.kill();
        }
    }
    // So that the data folder alone says what serves.
    fs::write(folder.path().join("spaces/a.wasm"), "broken").expect("a file");
    let next = Daemon::start_in(folder, &Launch::default()).await;
    next.ready().await;
    let (space, notes) = (next.space("a").await, next.noted("a", 1).await);
    let version = space["version"].as_str().expect("a version").to_owned();
    let (first, second) = (json!({ "from": null, "to": "1" }), json!({ "from": "1", "to": "2" }));
    match version.as_str() {
        "1" => assert_eq!((notes, &space["generation"]), (vec![first], &json!(1)), "{point:?}"),
        _ => assert_eq!((notes, &space["generation"]), (vec![first, second], &json!(2)), "{point:?}"),
    }
    assert_eq!(next.run("a", &json!([{ "add": 0 }])).await, (200, json!(5)), "{point:?}");
    assert!(killed || version == "2", "{point:?}: a reload that was done is undone");
    (killed, version)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_at_any_step_of_a_reload_the_space_is_wholly_old_or_wholly_new() {
    let before = Before::new().await;
    let places = recorded(&before).await;
    let all = places.all();
    let chosen = sample(all.clone(), points_tried());
    println!("{} of {} points", chosen.len(), all.len());
    let tried = async |point: Place| {
        let (killed, version) = try_point(&before, &places, &point).await;
        println!("{point:?}: {}, version {version}", if killed { "killed" } else { "not reached" });
        (killed, version)
    };
    let outcomes: Vec<_> = stream::iter(chosen).map(tried).buffer_unordered(AT_ONCE).collect().await;
    let (reached, all) = (outcomes.iter().filter(|(killed, _)| *killed).count(), outcomes.len());
    assert!(reached * 2 >= all, "most points are reached again, not {reached} of {all}");
    for version in ["1", "2"] {
        assert!(outcomes.iter().any(|(_, found)| *found == version), "no kill has left version {version} behind");
    }
}
