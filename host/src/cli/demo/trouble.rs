//! What a demo does to its host while the load runs: each space is reloaded, and the host is killed half-way.
//!
//! Must not know what the spaces do. Fails when a reloaded version does not serve, or when the host does not come back.

use super::load::Load;
use crate::cli::child::ChildHost;
use crate::cli::client::Client;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Parts of the input after which it comes.
const RELOADS_AT: f64 = 0.25;
const KILL_AT: f64 = 0.5;

/// A reload takes a compile, which gives way to all else.
const RELOADED_WITHIN: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(20);

/// Which trouble is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Trouble {
    pub kill: bool,
    pub reload: bool,
}

impl Trouble {
    /// Answers what it came to, line by line.
    pub async fn make(self, host: &mut ChildHost, load: &Load<'_>) -> Result<Vec<String>> {
        let (client, spaces) = (host.client.clone(), host.spaces().to_owned());
        let (reloads, outage) = tokio::try_join!(self.reloads(&client, &spaces, load), self.outage(host, load))?;
        Ok([reloads, outage].into_iter().flatten().collect())
    }

    async fn reloads(self, client: &Client, spaces: &Path, load: &Load<'_>) -> Result<Option<String>> {
        if !self.reload {
            return Ok(None);
        }
        load.reaches(RELOADS_AT).await;
        let (started, files) = (Instant::now(), components(spaces)?);
        for file in &files {
            reload(client, file).await?;
        }
        let (count, seconds) = (files.len(), started.elapsed().as_secs_f64());
        Ok(Some(format!("{count} spaces were reloaded under load, one after the other, within {seconds:.1} s")))
    }

    async fn outage(self, host: &mut ChildHost, load: &Load<'_>) -> Result<Option<String>> {
        if !self.kill {
            return Ok(None);
        }
        let through = load.reaches(KILL_AT).await;
        let killed = Instant::now();
        host.kill().await?;
        host.start_again().await?;
        let seconds = killed.elapsed().as_secs_f64();
        Ok(Some(format!("the host was killed after {through} {} and back after {seconds:.1} s", load.what())))
    }
}

fn components(spaces: &Path) -> Result<Vec<PathBuf>> {
    let listed = std::fs::read_dir(spaces).with_context(|| format!("could not list {}", spaces.display()))?;
    let paths: Vec<_> = listed.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    let mut files: Vec<_> =
        paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "wasm")).collect();
    files.sort();
    Ok(files)
}

/// Puts other bytes in its place that do the same, and waits until they serve.
async fn reload(client: &Client, file: &Path) -> Result<()> {
    let name = file.file_stem().and_then(|stem| stem.to_str()).context("a space's file has its name")?;
    let mut bytes = std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
    bytes.extend(CUSTOM_SECTION);
    let digest = blake3::hash(&bytes).to_hex();
    // Renamed, so that nobody sees half of it.
    let next = file.with_extension("next");
    std::fs::write(&next, &bytes).with_context(|| format!("could not write {}", next.display()))?;
    std::fs::rename(&next, file).with_context(|| format!("could not replace {}", file.display()))?;
    let started = Instant::now();
    while !serves(client, name, &digest).await? {
        if started.elapsed() > RELOADED_WITHIN {
            bail!("the new version of `{name}` did not serve within {} s", RELOADED_WITHIN.as_secs());
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// A custom section: id 0, its length, the length of its name, and the name. No tool reads it; it makes another digest.
const CUSTOM_SECTION: [u8; 7] = *b"\0\x05\x04demo";

/// Whether that version serves. The host may just be killed, or the next one may not yet know the space.
async fn serves(client: &Client, name: &str, digest: &str) -> Result<bool> {
    match client.get(&format!("/v1/spaces/{name}")).await {
        Ok(space) => {
            let reason = space["file"]["reason"].as_str().or(space["reason"].as_str()).unwrap_or_default();
            match space["file"]["verdict"].as_str() {
                Some("rejected" | "rolled-back") => bail!("the new version of `{name}` is refused: {reason}"),
                _ => Ok(space["digest"] == digest && space["state"] == "running"),
            }
        }
        Err(_) => Ok(false),
    }
}
