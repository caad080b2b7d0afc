//! A host inside this process, for `demo` and `dev`.
//!
//! Owns its task and its end. Must not know what it is for. Fails as a host fails to start, or when its spaces do not.

use super::client::Client;
use super::connect::Found;
use super::run::default_address;
use crate::runtime::{Place, RuntimeConfig};
use crate::shutdown::{self, Trigger};
use crate::{Host, RunConfig};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const STARTED_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

pub struct Local {
    pub client: Client,
    trigger: Trigger,
    task: JoinHandle<Result<()>>,
}

impl Local {
    /// Listens at the usual address, or at any free one if that is taken.
    pub async fn start(spaces: PathBuf, data: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&spaces).with_context(|| format!("could not create {}", spaces.display()))?;
        let RuntimeConfig { executors, swap_wait, .. } = RuntimeConfig::default();
        let (listen, compiler) = (default_address(), Place::apart());
        let config = RunConfig { spaces, data, listen, executors, settings: None, swap_wait, memory: false, compiler };
        let host = match Host::start(config.clone()).await {
            Err(error) if is_taken(&error) => Host::start(RunConfig { listen: any_address(), ..config }).await?,
            other => other?,
        };
        let found = Found { url: format!("http://{}", host.address()), token: host.token().clone() };
        let (trigger, shutdown) = shutdown::channel();
        let task = tokio::spawn(host.serve(shutdown));
        Ok(Local { client: Client::new(&found)?, trigger, task })
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
    pub async fn stop(self) -> Result<()> {
        self.trigger.pull();
        self.task.await?
    }
}

fn any_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn is_taken(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::AddrInUse)
}
