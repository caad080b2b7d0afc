//! The host that `dev` builds for: the running one, or one of its own.
//!
//! Must not know builds. Fails when a host that was named is not reachable, or when it is not known which folder it watches.

use super::Args;
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::local::Local;
use crate::http::access;
use crate::telemetry;
use anyhow::{Context, Result};
use serde_json::Value;
use spacehost_build::Built;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Hidden, so that its changes are no changes of the sources.
const OWN_FOLDER: &str = ".spacehost";
const JUDGED_WITHIN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

pub struct Target {
    pub client: Client,
    pub spaces: PathBuf,
    own: Option<Own>,
}

/// A host that was started for this run, and where it keeps its token.
struct Own {
    local: Local,
    data: PathBuf,
}

impl Target {
    pub async fn find_or_start(args: &Args) -> Result<Self> {
        match running(args).await {
            Ok(client) => {
                let spaces = args.into.clone().or_else(|| access::read_folder(&args.host.data)).ok_or_else(|| {
                    Failure::usage(
                        "which folder does that host watch? Name it with --into, or its data folder with --data",
                    )
                })?;
                Ok(Target { client, spaces, own: None })
            }
            // Who names a host means that one.
            Err(error) if args.host.url.is_some() => Err(error),
            Err(_) => Self::start(args).await,
        }
    }

    async fn start(args: &Args) -> Result<Self> {
        telemetry::start("warn", None)?;
        let own = args.path.join(OWN_FOLDER);
        let spaces = args.into.clone().unwrap_or_else(|| own.join("spaces"));
        let data = std::path::absolute(own.join("data"))?;
        let local = Local::start(spaces.clone(), data.clone()).await?;
        Ok(Target { client: local.client.clone(), spaces, own: Some(Own { local, data }) })
    }

    /// Where other commands find address and token, if the host is our own.
    pub fn own_data(&self) -> Option<&Path> {
        self.own.as_ref().map(|own| own.data.as_path())
    }

    /// What the host made of the file that was built; None if it has not looked at it in time.
    pub async fn verdict(&self, built: &Built) -> Result<Option<Value>> {
        let file = built.installed.as_ref().unwrap_or(&built.artifact);
        let bytes = std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
        let digest = blake3::hash(&bytes).to_hex();
        let started = Instant::now();
        while started.elapsed() < JUDGED_WITHIN {
            // Unknown until the first scan has come to it.
            if let Ok(space) = self.client.get(&format!("/v1/spaces/{}", built.name)).await
                && space["file"]["digest"].as_str() == Some(digest.as_str())
                && space["file"]["verdict"] != "compiling"
            {
                return Ok(Some(space["file"].clone()));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(None)
    }

    /// Ends the host if it is our own.
    pub async fn leave(self) -> Result<()> {
        match self.own {
            Some(own) => own.local.stop().await,
            None => Ok(()),
        }
    }
}

async fn running(args: &Args) -> Result<Client> {
    let client = Client::new(&args.host.find()?)?;
    client.text("/healthz").await?;
    Ok(client)
}
