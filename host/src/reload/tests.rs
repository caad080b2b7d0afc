//! The whole of reload on real folders, against a runtime that records what it is asked: `files` what lies there and what an
//! operator orders, `versions` which of them serve. Bytes that start with `ok` are a component; tests wait for conditions,
//! never for a time.

mod files;
mod versions;

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

/// Loads of bytes that contain `slow` wait until the gate opens, and so does the end of a deploy of bytes that contain
/// `lengthy`; those that contain `known` have been compiled before.
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

    fn wait_for_gate(&self) {
        let open = self.gate.0.lock().unwrap();
        drop(self.gate.1.wait_while(open, |open| !*open).unwrap());
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
            self.wait_for_gate();
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
        let is_lengthy = artifact.contains("lengthy");
        let generation = self.seen(|seen| {
            let digest = blake3::hash(artifact.as_bytes()).to_hex().as_str().into();
            seen.kept.entry(name.to_string()).or_default().digest = Some(digest);
            seen.deployed.push((name.to_string(), artifact, settings));
            seen.deployed.len() as u64
        });
        if is_lengthy {
            let fake = self.clone();
            tokio::task::spawn_blocking(move || fake.wait_for_gate()).await.unwrap();
        }
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
