//! A host inside this process, for `dev`: all messaging is granted in it.
//!
//! Owns its task and its end. Must not know what it is for. Fails as a host fails to start.

use super::client::Client;
use super::connect::Found;
use super::run::default_address;
use crate::http::IDEMPOTENCY_KEYS;
use crate::runtime::{Place, RuntimeConfig};
use crate::shutdown::{self, Trigger};
use crate::store::StoreConfig;
use crate::telemetry::TraceExport;
use crate::words::{AllowedNames, TracesSettings};
use crate::{Host, RunConfig};
use anyhow::{Context, Result};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::task::JoinHandle;

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
        let config = RunConfig {
            spaces,
            data,
            listen: default_address(),
            executors,
            names: AllowedNames::default(),
            settings: None,
            development: true,
            swap_wait,
            memory_bytes: None,
            idempotency_keys: IDEMPOTENCY_KEYS,
            memory: false,
            store: StoreConfig::default(),
            compiler: Place::apart(),
            traces: TraceExport::read(&TracesSettings::default(), |name| std::env::var(name).ok())?,
        };
        let host = match Host::start(config.clone()).await {
            Err(error) if is_taken(&error) => Host::start(RunConfig { listen: any_address(), ..config }).await?,
            other => other?,
        };
        let found = Found { url: format!("http://{}", host.address()), token: host.token().clone() };
        let (trigger, shutdown) = shutdown::channel();
        let task = tokio::spawn(host.serve(shutdown));
        Ok(Local { client: Client::new(&found)?, trigger, task })
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
