//! A host in this process, as its edges see it, in memory unless it says otherwise, with few instances so that many fit beside each other.
//!
//! The methods that answer plain values are for what a test takes for granted: they panic with the refusal.

use crate::{guest, until};
use bytes::Bytes;
use serde_json::{Value, json};
use spacehost::runtime::api::{DeadLetter, Delivery, DeployError, Deployed, Refusal, SpaceStatus, Usage};
use spacehost::runtime::{Artifact, LoadError, Runtime, RuntimeConfig};
use spacehost::store::{Store, StoreConfig};
use spacehost::words::{Failure, Grants, Limits, MessageId, SpaceName, SpaceSettings};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

pub struct Host {
    pub runtime: Runtime,
    /// What this host has loaded, by guest: most tests deploy one guest several times.
    loaded: Mutex<HashMap<String, Artifact>>,
    /// Where a durable one keeps its data.
    data: Option<TempDir>,
}

/// The settings of most tests: any guest may send anything anywhere.
pub fn granting_all() -> SpaceSettings {
    SpaceSettings { grants: Grants::all(), ..SpaceSettings::default() }
}

/// The same with some limits changed.
pub fn limits(change: impl FnOnce(&mut Limits)) -> SpaceSettings {
    let mut settings = granting_all();
    change(&mut settings.limits);
    settings
}

/// Settings under which no retry has to be waited for.
pub fn fast_retries() -> SpaceSettings {
    limits(|limits| (limits.retry_first_ms, limits.retry_most_ms) = (1, 5))
}

impl Host {
    /// Two threads for guests; a swap cuts turns short after a second.
    pub fn start() -> Self {
        Host::with(|config| config.executors = 2)
    }

    /// The same on a data folder of its own.
    pub fn durable() -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(data.path(), &StoreConfig::default()).expect("a new data folder");
        Host::durable_on(store, data)
    }

    /// The same, and all its traces are followed.
    pub fn durable_traced() -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(data.path(), &StoreConfig::default()).expect("a new data folder");
        Host::durable_with(store, data, RuntimeConfig { executors: 2, traces: Some(1.0), ..few_instances() })
    }

    fn durable_on(store: Store, data: TempDir) -> Self {
        Host::durable_with(store, data, RuntimeConfig { executors: 2, ..few_instances() })
    }

    fn durable_with(store: Store, data: TempDir, config: RuntimeConfig) -> Self {
        let runtime = Runtime::start_on(config, store).expect("a runtime starts");
        runtime.open();
        Host { runtime, loaded: Mutex::default(), data: Some(data) }
    }

    /// Ends it, and starts another one on the same data folder.
    pub async fn restarted(mut self) -> Self {
        let data = self.data.take().expect("a data folder");
        self.runtime.shutdown(Duration::from_secs(30)).await;
        drop(self);
        // The folder is free when the last thread has let go of it.
        let open = async || Store::open(data.path(), &StoreConfig::default()).ok();
        let store = until("the data folder is free", open).await;
        Host::durable_on(store, data)
    }

    /// The data folder of a durable host.
    pub fn data(&self) -> &Path {
        self.data.as_ref().expect("a data folder").path()
    }

    pub fn with(change: impl FnOnce(&mut RuntimeConfig)) -> Self {
        let mut config = few_instances();
        change(&mut config);
        Host { runtime: Runtime::start(config).expect("a runtime starts"), loaded: Mutex::default(), data: None }
    }

    /// On what a data folder holds. Turns begin with `runtime.open()`, when all that the folder knows is deployed.
    pub fn on(store: Store) -> Self {
        let config = RuntimeConfig { executors: 1, ..few_instances() };
        let runtime = Runtime::start_on(config, store).expect("a runtime starts");
        Host { runtime, loaded: Mutex::default(), data: None }
    }

    /// Runs a guest as the space `name`.
    pub async fn deploy(&self, name: &str, guest: &str) -> Deployed {
        self.deploy_with(name, guest, granting_all()).await.expect("the guest is deployed")
    }

    pub async fn deploy_with(&self, name: &str, guest: &str, settings: SpaceSettings) -> Result<Deployed, DeployError> {
        let artifact = self.load(guest).await;
        self.runtime.deploy(&space(name), artifact, settings).await
    }

    /// Runs a component that no toolchain has made; the error is that of loading it, or of its deployment.
    pub async fn deploy_bytes(&self, name: &str, bytes: Vec<u8>, settings: SpaceSettings) -> Result<Deployed, String> {
        let (runtime, for_load) = (self.runtime.clone(), settings.clone());
        let load = move || runtime.load(&bytes, &for_load);
        let artifact = tokio::task::spawn_blocking(load).await.expect("loading does not panic");
        let artifact = artifact.map_err(|error| error.to_string())?;
        self.runtime.deploy(&space(name), artifact, settings).await.map_err(|error| error.to_string())
    }

    /// The guest, compiled for this host.
    pub async fn load(&self, name: &str) -> Artifact {
        let known = || self.loaded.lock().expect("no test panics here").get(name).cloned();
        if let Some(artifact) = known() {
            return artifact;
        }
        let (runtime, wanted) = (self.runtime.clone(), name.to_owned());
        // Compiling blocks, and the first test to come here builds the guests for all.
        let load = move || runtime.load(guest(&wanted), &SpaceSettings::default());
        let artifact = tokio::task::spawn_blocking(load).await.expect("loading does not panic");
        let artifact = artifact.unwrap_or_else(|error| panic!("{name}: {error}"));
        self.loaded.lock().expect("no test panics here").insert(name.to_owned(), artifact.clone());
        artifact
    }

    /// What loading says of bytes that are no space.
    pub fn load_error(&self, bytes: &[u8]) -> LoadError {
        match self.runtime.load(bytes, &SpaceSettings::default()) {
            Ok(_) => panic!("these bytes are a space"),
            Err(error) => error,
        }
    }

    /// Runs a script as a command of the space, and answers its reply.
    pub async fn run(&self, space: &str, script: Value) -> Value {
        let shown = script.to_string();
        self.try_run(space, script).await.unwrap_or_else(|refusal| panic!("{space} {shown}: {refusal}"))
    }

    pub async fn try_run(&self, space: &str, script: Value) -> Result<Value, Refusal> {
        self.try_run_with(space, script, Delivery::default()).await
    }

    pub async fn try_run_with(&self, space: &str, script: Value, delivery: Delivery) -> Result<Value, Refusal> {
        let reply = self.runtime.call(space, "run", body(&script), delivery).await?;
        Ok(serde_json::from_slice(&reply).expect("a reply is JSON"))
    }

    /// The failure of a script that must fail.
    pub async fn failure(&self, space: &str, script: Value) -> Failure {
        match self.try_run(space, script).await {
            Err(Refusal::Failed(failure)) => failure,
            other => panic!("no failure but {other:?}"),
        }
    }

    /// Sends a script without waiting.
    pub fn send(&self, space: &str, script: Value) -> Result<MessageId, Refusal> {
        self.send_as(0, space, script)
    }

    /// Sends as the client of that connection: its messages are in order.
    pub fn send_as(&self, connection: u64, space: &str, script: Value) -> Result<MessageId, Refusal> {
        let delivery = Delivery { connection, ..Delivery::default() };
        self.runtime.send(space, "run", body(&script), delivery)
    }

    pub fn publish(&self, topic: &str, event: Value) -> MessageId {
        self.runtime.publish(topic, body(&event), Delivery::default()).expect("an event is published")
    }

    pub fn status(&self, name: &str) -> SpaceStatus {
        self.runtime.space(&space(name)).unwrap_or_else(|| panic!("there is no space `{name}`"))
    }

    pub fn usage(&self, name: &str) -> Usage {
        self.status(name).usage
    }

    pub fn dead_letters(&self, name: &str) -> Vec<DeadLetter> {
        self.runtime.dead_letters(&space(name))
    }

    /// The log of a space as one text.
    pub fn log(&self, name: &str) -> String {
        let (lines, _) = self.runtime.logs(&space(name), usize::MAX).expect("a space has a log");
        lines.into_iter().map(|line| line.message).collect::<Vec<_>>().join("\n")
    }

    pub async fn total(&self, name: &str) -> i64 {
        self.run(name, json!([{ "add": 0 }])).await.as_i64().expect("the total is a number")
    }

    pub async fn notes(&self, name: &str) -> Vec<Value> {
        match self.run(name, json!(["notes"])).await {
            Value::Array(notes) => notes,
            other => panic!("notes are a list, not {other}"),
        }
    }

    /// Waits until the space has taken so many notes, and answers them.
    pub async fn noted(&self, name: &str, count: usize) -> Vec<Value> {
        let notes = async || Some(self.notes(name).await).filter(|notes| notes.len() >= count);
        until(&format!("{count} notes in {name}"), notes).await
    }

    /// Waits until the space has nothing more to do, and answers its dead letters.
    pub async fn settled(&self, name: &str) -> Vec<DeadLetter> {
        until(&format!("{name} is idle"), async || (self.usage(name).backlog_messages == 0).then_some(())).await;
        self.dead_letters(name)
    }
}

impl Drop for Host {
    /// Ends all threads, also after a failed test: a spinning guest must not slow the other tests down.
    fn drop(&mut self) {
        let runtime = self.runtime.clone();
        let end = move || {
            let waiter = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a small runtime");
            waiter.block_on(runtime.shutdown(Duration::ZERO));
        };
        // A runtime cannot be waited for inside another one, so this takes a thread.
        let _ = std::thread::spawn(end).join();
    }
}

fn few_instances() -> RuntimeConfig {
    let mut config = RuntimeConfig::default();
    config.engine.max_instances = 64;
    config
}

fn space(name: &str) -> SpaceName {
    SpaceName::parse(name).expect("a legal name")
}

fn body(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}
