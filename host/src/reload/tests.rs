//! The whole of reload on real folders, against a runtime that records what it is asked. Bytes that start with `ok` are a
//! component; tests wait for conditions, never for a time.

use super::deployer::Deployer;
use super::status::Unfit;
use super::*;
use crate::runtime::api::{Checked, DeployError, FailedProbation, Holdings, Kept, Refusal, ReloadNote, Remembered};
use crate::words::SpaceSettings;
use bytes::Bytes;
use std::collections::HashMap;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::mpsc;

const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Recorded {
    deployed: Vec<(String, String, SpaceSettings)>,
    loaded: Vec<String>,
    removed: Vec<String>,
    halted: Vec<(String, bool)>,
    purged: Vec<String>,
    topics: Vec<String>,
    kept: HashMap<String, Kept>,
    components: HashMap<String, Vec<u8>>,
    notes: Vec<ReloadNote>,
    quarantined: Vec<String>,
    parked: Vec<String>,
    /// Lines of the audit trail.
    refused: Vec<String>,
}

/// Loads of bytes that contain `slow` wait until the gate opens; those that contain `known` have been compiled before.
#[derive(Clone)]
struct Fake {
    recorded: Arc<Mutex<Recorded>>,
    gate: Arc<(Mutex<bool>, Condvar)>,
    failed: (mpsc::Sender<FailedProbation>, Arc<tokio::sync::Mutex<mpsc::Receiver<FailedProbation>>>),
}

impl Default for Fake {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(8);
        let failed = (sender, Arc::new(tokio::sync::Mutex::new(receiver)));
        Fake { recorded: Arc::default(), gate: Arc::default(), failed }
    }
}

impl Fake {
    fn seen<T>(&self, look: impl FnOnce(&mut Recorded) -> T) -> T {
        look(&mut self.recorded.lock().unwrap())
    }

    fn deployed(&self) -> Vec<String> {
        self.seen(|seen| seen.deployed.iter().map(|(name, bytes, _)| format!("{name}={bytes}")).collect())
    }

    fn loads(&self) -> usize {
        self.seen(|seen| seen.loaded.len())
    }

    fn open_gate(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }
}

impl Deployer for Fake {
    type Artifact = String;

    fn load_known(&self, bytes: &[u8], _: &SpaceSettings) -> Option<String> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.contains("known").then_some(text)
    }

    fn load(&self, bytes: &[u8], _: &SpaceSettings) -> Result<String, Unfit> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.seen(|seen| seen.loaded.push(text.clone()));
        if text.contains("slow") {
            let open = self.gate.0.lock().unwrap();
            drop(self.gate.1.wait_while(open, |open| !*open).unwrap());
        }
        assert!(!text.contains("panic"), "this component is poison for the compiler");
        if text.starts_with("ok") { Ok(text) } else { Err(Unfit::lasting("the file is not WebAssembly")) }
    }

    async fn check(&self, _: &SpaceName, artifact: &String, _: &SpaceSettings) -> Result<Checked, DeployError> {
        if artifact.contains("lacks") {
            return Err(DeployError::Checked("it lacks the command `list`".into()));
        }
        let warnings = artifact.contains("differs").then(|| "it answers otherwise".to_owned());
        Ok(Checked { warnings: warnings.into_iter().collect(), ..Checked::default() })
    }

    async fn deploy(
        &self,
        name: &SpaceName,
        artifact: String,
        settings: SpaceSettings,
    ) -> Result<Deployed, DeployError> {
        if artifact.contains("refused") {
            return Err(DeployError::Refused("`start` failed: no".into()));
        }
        let generation = self.seen(|seen| {
            let digest = blake3::hash(artifact.as_bytes()).to_hex().as_str().into();
            seen.kept.entry(name.to_string()).or_default().digest = Some(digest);
            seen.deployed.push((name.to_string(), artifact, settings));
            seen.deployed.len() as u64
        });
        Ok(Deployed { generation, version: "1".into(), ..Deployed::default() })
    }

    async fn roll_back(
        &self,
        name: &SpaceName,
        artifact: String,
        settings: SpaceSettings,
    ) -> Result<Deployed, DeployError> {
        if artifact.contains("barred") {
            return Err(DeployError::NoWayBack { from: "2".into(), to: "1".into(), committed: 7 });
        }
        self.deploy(name, artifact, settings).await
    }

    async fn failed_probation(&self) -> FailedProbation {
        self.failed.1.lock().await.recv().await.expect("the sender lives here")
    }

    async fn park(&self, name: &SpaceName, _: &str) {
        self.seen(|seen| seen.parked.push(name.to_string()));
    }

    async fn quarantine(&self, name: &SpaceName, reason: &str) {
        self.seen(|seen| seen.quarantined.push(format!("{name}: {reason}")));
    }

    async fn remove(&self, name: &SpaceName, _: Duration) {
        self.seen(|seen| seen.removed.push(name.to_string()));
    }

    async fn stop(&self, name: &SpaceName) -> Result<(), Refusal> {
        self.seen(|seen| seen.halted.push((name.to_string(), true)));
        Ok(())
    }

    async fn resume(&self, name: &SpaceName) -> Result<(), Refusal> {
        self.seen(|seen| seen.halted.push((name.to_string(), false)));
        Ok(())
    }

    async fn purge(&self, name: &SpaceName) -> Result<Holdings, Refusal> {
        self.seen(|seen| seen.purged.push(name.to_string()));
        Ok(Holdings { keys: 1, ..Holdings::default() })
    }

    fn publish(&self, topic: &str, _: Bytes) -> Result<(), Refusal> {
        self.seen(|seen| seen.topics.push(topic.to_owned()));
        Ok(())
    }

    fn kept(&self, name: &SpaceName) -> Kept {
        self.seen(|seen| seen.kept.get(name.as_str()).cloned().unwrap_or_default())
    }

    fn keep_component(&self, bytes: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if text.contains("too much") {
            return Err("no room".to_owned());
        }
        self.seen(|seen| seen.components.insert(blake3::hash(bytes).to_hex().to_string(), bytes.to_vec()));
        Ok(())
    }

    fn kept_component(&self, digest: &str) -> Result<Vec<u8>, String> {
        self.seen(|seen| seen.components.get(digest).cloned().ok_or_else(|| "its copy is missing".to_owned()))
    }

    fn remember(&self, name: &SpaceName, remembered: &Remembered) {
        self.seen(|seen| seen.kept.entry(name.to_string()).or_default().remembered = remembered.clone());
    }

    fn note_refusal(&self, name: &SpaceName, cause: &'static str, _: &str) {
        self.seen(|seen| seen.refused.push(format!("{name}: {cause}")));
    }

    fn note_reload(&self, _: &SpaceName, note: &ReloadNote) {
        self.seen(|seen| seen.notes.push(note.clone()));
    }

    fn forget_old_components(&self) {}
}

struct Scene {
    root: TempDir,
    fake: Fake,
    reloads: Reloads,
}

impl Scene {
    /// A host over a folder that holds these files.
    async fn new(files: &[(&str, &str)]) -> Scene {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("spaces")).unwrap();
        for (file, text) in files {
            std::fs::write(root.path().join("spaces").join(file), text).unwrap();
        }
        let fake = Fake::default();
        let settings = Some(root.path().join("spacehost.toml"));
        let (reloads, _task) = Reloads::spawn_on(fake.clone(), root.path().join("spaces"), settings, false).unwrap();
        let scene = Scene { root, fake, reloads };
        tokio::time::timeout(DEADLINE, scene.reloads.wait_first_scan()).await.unwrap();
        scene
    }

    /// The next host on the same folders, with other files in them.
    async fn restarted(self, files: &[(&str, &str)]) -> Scene {
        self.reloads.shutdown().await;
        for (file, text) in files {
            self.write(file, text);
        }
        self.fake.seen(|seen| seen.deployed.clear());
        let settings = Some(self.root.path().join("spacehost.toml"));
        let (reloads, _task) =
            Reloads::spawn_on(self.fake.clone(), self.root.path().join("spaces"), settings, false).unwrap();
        let scene = Scene { root: self.root, fake: self.fake, reloads };
        tokio::time::timeout(DEADLINE, scene.reloads.wait_first_scan()).await.unwrap();
        scene
    }

    fn path(&self, file: &str) -> PathBuf {
        self.root.path().join("spaces").join(file)
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).unwrap();
    }

    fn verdict(&self, name: &str) -> Option<Verdict> {
        self.reloads.status().into_iter().find(|file| file.name == name).map(|file| file.verdict)
    }

    async fn until(&self, what: &str, condition: impl Fn(&Scene) -> bool) {
        let mut changes = self.reloads.snapshot.clone();
        let waiting = async {
            while !condition(self) {
                // The fake records before the status shows, so look again after a while at the latest.
                let _ = tokio::time::timeout(Duration::from_millis(10), changes.changed()).await;
            }
        };
        if tokio::time::timeout(DEADLINE, waiting).await.is_err() {
            panic!("{what}: {:#?} {:?}", self.reloads.status(), self.fake.deployed());
        }
    }

    /// The space serves exactly these bytes, after exactly these deployments, and nothing is left to do.
    async fn serves(&self, deployments: &[&str]) {
        let last = deployments.last().unwrap();
        self.until(last, |scene| scene.fake.deployed().last().is_some_and(|deployed| deployed == last)).await;
        let status = self.reloads.reload(&name("a"), false).await.unwrap();
        assert_eq!((status.verdict, self.fake.deployed()), (Verdict::Serving, owned(deployments)));
    }

    fn is_rejected(&self, name: &str, part: &str) -> bool {
        let verdict = self.verdict(name);
        verdict.as_ref().and_then(Verdict::reason).is_some_and(|reason| reason.contains(part))
    }
}

fn name(text: &str) -> SpaceName {
    SpaceName::parse(text).unwrap()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

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
