//! The real binary, `spacehost run` in a folder of its own, and what a client sees of it over HTTP.
//!
//! Cargo builds the binary of another package only on request, so this asks for it once per test process.

use crate::strace::Strace;
use crate::{guest, until};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;
use tempfile::TempDir;

pub struct Daemon {
    child: Mutex<Child>,
    /// Shared with those that follow in it.
    folder: Arc<TempDir>,
    url: String,
    token: String,
    strict: bool,
    client: Client,
}

impl Daemon {
    /// Starts a host on any free port, with an empty drop folder, and waits until it is ready.
    pub async fn start() -> Self {
        Daemon::start_with("").await
    }

    /// The same with these settings of the operator.
    pub async fn start_with(settings: &str) -> Self {
        let folder = Daemon::new_folder();
        std::fs::write(folder.path().join("spacehost.toml"), settings).expect("a settings file");
        let daemon = Daemon::start_in(folder, &Launch::default()).await;
        daemon.ready().await;
        daemon
    }

    /// A folder for a host, with an empty drop folder.
    pub fn new_folder() -> Arc<TempDir> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("spaces")).expect("a drop folder");
        Arc::new(folder)
    }

    pub async fn start_in(folder: Arc<TempDir>, launch: &Launch) -> Self {
        let started = Daemon::try_start_in(folder, launch).await;
        started.unwrap_or_else(|Refused { status, said }| panic!("it does not start ({status}): {said}"))
    }

    /// Starts a host that may refuse: then it has ended, and said why.
    pub async fn try_start_in(folder: Arc<TempDir>, launch: &Launch) -> Result<Self, Refused> {
        let mut child = launch.spawn(folder.path()).await;
        let log_before = log_of(folder.path()).len();
        let output = child.stdout.take().expect("its output");
        let first_line = move || {
            let mut said = String::new();
            BufReader::new(output).read_line(&mut said).expect("a first line");
            said
        };
        let said = tokio::task::spawn_blocking(first_line).await.expect("reading does not panic");
        let Some(url) = said.split_whitespace().find_map(|word| word.strip_prefix("http://")) else {
            let status = child.wait().expect("its status");
            return Err(Refused { status, said: log_of(folder.path())[log_before..].to_owned() });
        };
        let token = std::fs::read_to_string(folder.path().join("data/token")).expect("a token");
        let (url, token) = (format!("http://{}", url.trim_end_matches(',')), token.trim().to_owned());
        let strict = launch.strict;
        Ok(Daemon { child: Mutex::new(child), folder, url, token, strict, client: Client::new() })
    }

    /// What a second host says that is started in the same folder; it must not run.
    pub async fn second_host(&self) -> String {
        let mut second = as_daemon(Command::new(binary()), self.folder());
        let second = second.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("the binary starts");
        assert!(!second.status.success(), "it runs");
        String::from_utf8_lossy(&second.stderr).into_owned()
    }

    /// Ends it without a warning, and starts another one in the same folder.
    pub async fn killed(&self) -> Self {
        self.kill();
        Daemon::start_in(self.folder.clone(), &self.launch()).await
    }

    /// The same, but the first that follow are killed after so many milliseconds, wherever they are by then.
    pub async fn killed_again(&self, after_ms: &[u64]) -> Self {
        self.kill();
        for after in after_ms {
            let mut next = self.launch().spawn(self.folder()).await;
            tokio::time::sleep(Duration::from_millis(*after)).await;
            next.kill().expect("it still runs");
            next.wait().expect("its status");
        }
        Daemon::start_in(self.folder.clone(), &self.launch()).await
    }

    /// Ends it without a warning.
    pub fn kill(&self) {
        let mut child = self.child();
        child.kill().expect("it still runs");
        child.wait().expect("its status");
    }

    /// Starts another one in the same folder, with more options, after this one has ended.
    pub async fn again(&self, options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Daemon::start_in(self.folder.clone(), &Launch { options, ..self.launch() }).await
    }

    /// Runs a command of the binary beside it, in its folder and without a terminal.
    pub async fn command(&self, words: &[&str]) -> Output {
        let mut command = Command::new(tokio::task::spawn_blocking(binary).await.expect("the binary builds"));
        command.args(words).current_dir(self.folder()).env("SPACEHOST_DATA", "data").stdin(Stdio::null());
        let run = move || command.output().expect("the binary starts");
        tokio::task::spawn_blocking(run).await.expect("a command does not panic")
    }

    /// How those that follow in its folder are started.
    fn launch(&self) -> Launch {
        Launch { strict: self.strict, ..Launch::default() }
    }

    /// Where it listens, such as `127.0.0.1:7070`.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    pub fn process(&self) -> u32 {
        self.child().id()
    }

    /// The folder, to start others in.
    pub fn shared_folder(&self) -> Arc<TempDir> {
        self.folder.clone()
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().expect("no test panics here")
    }

    /// Waits until all that lies in the drop folder serves or is refused.
    pub async fn ready(&self) {
        let ready = async || {
            let answer = self.anonymous(Method::GET, "/readyz").send().await.ok()?;
            answer.status().is_success().then_some(())
        };
        until("the first scan is finished", ready).await;
    }

    /// A file in the drop folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder().join("spaces").join(name)
    }

    /// What lies beside the drop folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Drops a guest in as the space `name`, and waits until that version serves.
    pub async fn install(&self, name: &str, guest_name: &str) -> Value {
        let before = self.space(name).await["generation"].as_u64().unwrap_or_default();
        let bytes = {
            let guest_name = guest_name.to_owned();
            tokio::task::spawn_blocking(move || guest(&guest_name)).await.expect("the guests build")
        };
        std::fs::write(self.file(&format!("{name}.wasm")), bytes).expect("the drop folder takes a file");
        let serves = async || {
            let space = self.space(name).await;
            (space["state"] == "running" && space["generation"].as_u64() > Some(before)).then_some(space)
        };
        until(&format!("`{name}` serves {guest_name}"), serves).await
    }

    /// A request with the token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.token)
    }

    /// A request without it.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// One space as the host shows it; `null` when there is none.
    pub async fn space(&self, name: &str) -> Value {
        let answer = self.request(Method::GET, &format!("/v1/spaces/{name}")).send().await.expect("an answer");
        if answer.status() == StatusCode::NOT_FOUND { Value::Null } else { json_of(answer).await }
    }

    /// Runs a script as a command, and answers status and body.
    pub async fn run(&self, space: &str, script: &Value) -> (u16, Value) {
        let path = format!("/v1/spaces/{space}/commands/run");
        let answer = self.request(Method::POST, &path).json(script).send().await.expect("an answer");
        (answer.status().as_u16(), json_of(answer).await)
    }

    /// Sends a script without waiting; it is accepted when this returns.
    pub async fn send(&self, space: &str, script: &Value) {
        let path = format!("/v1/spaces/{space}/commands/run?wait=false");
        let answer = self.request(Method::POST, &path).json(script).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 202, "{}", self.log());
    }

    /// Gives an order such as `stop`.
    pub async fn order(&self, space: &str, order: &str) {
        let path = format!("/v1/spaces/{space}/{order}");
        let answer = self.request(Method::POST, &path).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{order} {space}: {}", json_of(answer).await);
    }

    /// Waits until the space has taken so many notes, and answers them.
    pub async fn noted(&self, space: &str, count: usize) -> Vec<Value> {
        let notes = async || match self.run(space, &json!(["notes"])).await {
            (200, Value::Array(notes)) if notes.len() >= count => Some(notes),
            _ => None,
        };
        until(&format!("{count} notes in {space}"), notes).await
    }

    /// The processes that it has started and that have not ended.
    pub fn children(&self) -> Vec<Pid> {
        let host = Pid::from_child(&self.child());
        let processes = std::fs::read_dir("/proc").expect("a list of processes").filter_map(Result::ok);
        let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.filter_map(Pid::from_raw).filter(|process| parent_of(*process) == Some(host)).collect()
    }

    /// All that the host has logged.
    pub fn log(&self) -> String {
        log_of(self.folder())
    }

    /// Asks it to end, and answers how it did.
    pub async fn end(self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.child()), signal).expect("it still runs");
        self.ended().await
    }

    pub fn has_ended(&self) -> bool {
        self.child().try_wait().expect("its status").is_some()
    }

    /// Whether it has ended, or is about to: it does not answer any more.
    pub async fn is_gone(&self) -> bool {
        self.has_ended() || self.anonymous(Method::GET, "/healthz").send().await.is_err()
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&self) -> ExitStatus {
        until("the host has ended", async || self.child().try_wait().expect("its status")).await
    }
}

/// None when there is no such process, or it has ended and is only still listed.
pub fn parent_of(process: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    // After the name in brackets: the state, then the parent.
    let (state, rest) = stat.rsplit_once(") ")?.1.split_once(' ')?;
    let parent = rest.split(' ').next()?.parse().ok();
    parent.and_then(Pid::from_raw).filter(|_| state != "Z")
}

/// How a host is started that is not started as usual.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// Under the eyes of a recorder.
    pub strace: Option<Strace>,
    /// A test build: `spacehost-ungated` or `spacehost-faulty`.
    pub build: Option<&'static str>,
    /// Grants what its settings say. Other hosts grant all messaging.
    pub strict: bool,
    pub options: Vec<String>,
    /// Of its environment, besides this process's.
    pub variables: Vec<(&'static str, String)>,
}

/// A host that has not started.
#[derive(Debug)]
pub struct Refused {
    pub status: ExitStatus,
    /// What it wrote to its log.
    pub said: String,
}

impl Launch {
    pub fn under(strace: Strace) -> Self {
        Launch { strace: Some(strace), ..Launch::default() }
    }

    async fn spawn(&self, folder: &Path) -> Child {
        let build = self.build;
        let binary = tokio::task::spawn_blocking(move || build.map_or_else(binary, test_build));
        let binary = binary.await.expect("the binary builds");
        let log = File::options().create(true).append(true).open(folder.join("log")).expect("a log file");
        let command = self.strace.as_ref().map_or_else(|| Command::new(&binary), |strace| strace.command(&binary));
        let development: &[&str] = if self.strict { &[] } else { &["--dev"] };
        as_daemon(command, folder)
            .args(development)
            .args(&self.options)
            .envs(self.variables.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts")
    }
}

fn as_daemon(mut command: Command, folder: &Path) -> Command {
    command.args(["run", "spaces", "--listen", "127.0.0.1:0", "--data", "data"]).current_dir(folder);
    command
}

fn log_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}

impl Drop for Daemon {
    /// A test that fails shows what its daemons said.
    fn drop(&mut self) {
        // Most have not been told to end; those that have are gone, and then this fails.
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
        drop(child);
        if std::thread::panicking() {
            println!("{} said:\n{}", self.folder().display(), self.log());
        }
    }
}

pub async fn json_of(answer: Response) -> Value {
    let text = answer.text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// The binary in the profile and target folder of this test.
pub fn binary() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("spacehost", &[])).clone()
}

/// All test builds have the features of all, so that the host is compiled once for them.
fn test_build(name: &'static str) -> PathBuf {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BUILDING.lock().expect("a build before this one has failed");
    built(name, &["--features", "spacehost/ungated,spacehost/faulty"])
}

fn built(name: &str, options: &[&str]) -> PathBuf {
    // target/<profile>/deps/all-…
    let test = std::env::current_exe().expect("this test has a path");
    let profile = test.ancestors().nth(2).expect("the profile's folder");
    let target = profile.parent().expect("the target folder");
    let mut cargo = Command::new(env!("CARGO"));
    // With the test among the targets, the features of all dependencies are those of `cargo test --workspace`, so that they
    // are not all compiled a second time.
    cargo.args(["build", "--quiet", "--workspace", "--bin", name, "--test", "all"]).args(options);
    cargo.arg("--target-dir").arg(target);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo runs");
    assert!(built.success(), "the binary `{name}` does not build");
    profile.join(name)
}
