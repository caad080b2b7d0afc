//! A host in a process of its own, for `demo`: the same program, which can be killed and started again.
//!
//! Owns the process, from its start to its end. It does not outlive this one, whatever ends this one: it ends when the pipe
//! to its standard input is closed, and that the kernel does. Must not know what it is for. Fails as a host fails to
//! start, or when its spaces do not.

use super::client::Client;
use super::connect::Found;
use super::run::default_address;
use crate::http::access;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

const STARTED_WITHIN: Duration = Duration::from_secs(30);
/// A host finishes what it has in hand for ten seconds.
const ENDED_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
const LEVELS: &str = "SPACEHOST_LOG";

pub struct ChildHost {
    pub client: Client,
    place: Place,
    /// None between its end and its next start.
    process: Option<Process>,
}

/// Where the host runs, each time.
struct Place {
    program: PathBuf,
    folder: PathBuf,
    spaces: PathBuf,
    data: PathBuf,
}

/// Dropped, it is killed.
struct Process {
    child: Child,
    /// Held open: nobody reads on, but the host may write.
    _output: BufReader<ChildStdout>,
}

impl ChildHost {
    /// Runs in `folder`, on its subfolders `spaces` and `data`. Unless told otherwise, listens at the usual address, or at
    /// any free one if that is taken.
    pub async fn start(folder: PathBuf, listen: Option<SocketAddr>) -> Result<Self> {
        let program = std::env::current_exe().context("could not find this program's own file")?;
        let (spaces, data) = (folder.join("spaces"), folder.join("data"));
        std::fs::create_dir_all(&spaces).with_context(|| format!("could not create {}", spaces.display()))?;
        let place = Place { program, folder, spaces, data };
        let process = place.run(listen.unwrap_or_else(free_address)).await?;
        let found = Found { url: format!("http://{}", place.address()?), token: access::read_token(&place.data)? };
        Ok(ChildHost { client: Client::new(&found)?, place, process: Some(process) })
    }

    /// The folder of its spaces.
    pub fn spaces(&self) -> &Path {
        &self.place.spaces
    }

    /// Ends it without a warning, as a loss of power or the kernel would.
    pub async fn kill(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        process.child.kill().await.context("could not kill the host")
    }

    /// Starts it on what the last one has left, at the same address; returns when it takes commands.
    pub async fn start_again(&mut self) -> Result<()> {
        self.process = Some(self.place.run(self.place.address()?).await?);
        let started = Instant::now();
        while self.client.text("/readyz").await.is_err() {
            if started.elapsed() > STARTED_WITHIN {
                bail!("the host was not ready {} s after its second start", STARTED_WITHIN.as_secs());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Returns when all these spaces run.
    pub async fn wait_for(&self, names: &[String]) -> Result<()> {
        let started = Instant::now();
        for name in names {
            while !self.runs(name).await? {
                if started.elapsed() > STARTED_WITHIN {
                    bail!("the space `{name}` did not start within {} s", STARTED_WITHIN.as_secs());
                }
                tokio::time::sleep(POLL).await;
            }
        }
        Ok(())
    }

    async fn runs(&self, name: &str) -> Result<bool> {
        // Unknown until the first scan has come to it.
        let Ok(space) = self.client.get(&format!("/v1/spaces/{name}")).await else { return Ok(false) };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match space["state"].as_str() {
            Some("rejected" | "unreadable") => bail!("the space `{name}` does not start: {}", text(&space["reason"])),
            state => Ok(state == Some("running")),
        }
    }

    /// Ends it, cleanly.
    pub async fn stop(mut self) -> Result<()> {
        let Some(Process { mut child, .. }) = self.process.take() else { return Ok(()) };
        drop(child.stdin.take());
        let ended = tokio::time::timeout(ENDED_WITHIN, child.wait()).await;
        let status = ended.context("the host did not end; it is killed now")?.context("could not wait for the host")?;
        if status.success() { Ok(()) } else { bail!("the host ended with {status}; what it said is above") }
    }
}

impl Place {
    /// Returns when the host listens.
    async fn run(&self, listen: SocketAddr) -> Result<Process> {
        let mut command = Command::new(&self.program);
        command.args(["run", "--dev", "--until-input-ends", "--listen", &listen.to_string()]);
        command.arg("--data").arg(&self.data).arg(&self.spaces).current_dir(&self.folder);
        if std::env::var_os(LEVELS).is_none() {
            command.env(LEVELS, "warn");
        }
        // In a group of its own, so that Ctrl-C reaches this process alone, and the host ends when this one says so.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("could not start {}", self.program.display()))?;
        let mut output = BufReader::new(child.stdout.take().context("the host has no output")?);
        let mut said = String::new();
        if output.read_line(&mut said).await? == 0 {
            bail!("the host did not start: {}; what it said is above", child.wait().await?);
        }
        Ok(Process { child, _output: output })
    }

    fn address(&self) -> Result<SocketAddr> {
        access::read_address(&self.data).context("the host has not written its address into its data folder")
    }
}

/// Somebody may take it between this look and the host's start; then the host says so.
fn free_address() -> SocketAddr {
    match TcpListener::bind(default_address()) {
        Ok(_) => default_address(),
        Err(_) => SocketAddr::from(([127, 0, 0, 1], 0)),
    }
}
