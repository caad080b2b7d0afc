//! What a demo does to its host while the load runs: half of the spaces are reloaded, one after the other; half-way the host is
//! killed; then the other half is reloaded.
//!
//! Must not know what the spaces do. Fails when a reloaded version does not serve, when no command was answered while it was
//! reloaded, because then it was not reloaded under load, or when the host does not come back.

use super::load::Load;
use crate::cli::child::ChildHost;
use crate::cli::client::Client;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// After that part of the input the host is killed.
const KILL_AT: f64 = 0.5;
/// Between these parts of the input reloads begin, before the kill and after it. The rest is there for the last one to be done
/// in, however long that takes.
const BEFORE: (f64, f64) = (0.05, 0.45);
const AFTER: (f64, f64) = (0.55, 0.85);

/// A reload takes a compile, which gives way to all else.
const RELOADED_WITHIN: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(20);

/// Which trouble is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Trouble {
    pub kill: bool,
    pub reload: bool,
}

/// What there was to do while a space was reloaded.
struct Reloaded {
    space: String,
    /// The commands of clients that were answered, by all spaces.
    answered: u64,
    /// The messages that this space handled.
    handled: u64,
    took: Duration,
}

impl Trouble {
    /// Answers what it came to, line by line.
    pub async fn make(self, host: &mut ChildHost, load: &Load<'_>) -> Result<Vec<String>> {
        let files = if self.reload { components(host.spaces())? } else { Vec::new() };
        let (first, others) = files.split_at(files.len().div_ceil(2));
        let mut reloaded = reloads(&host.client, load, first, BEFORE).await?;
        let outage = if self.kill { Some(outage(host, load).await?) } else { None };
        reloaded.extend(reloads(&host.client, load, others, AFTER).await?);
        Ok(told(&reloaded).into_iter().chain(outage).collect())
    }
}

/// One after the other, spread evenly over that stretch of the input. Half of its share of the input passes at full speed.
async fn reloads(client: &Client, load: &Load<'_>, files: &[PathBuf], (from, to): (f64, f64)) -> Result<Vec<Reloaded>> {
    let share = (to - from) / files.len() as f64;
    let mut all = Vec::new();
    for (number, file) in files.iter().enumerate() {
        load.reaches(from + share * number as f64).await;
        let space = file.file_stem().and_then(|stem| stem.to_str()).context("a space's file has its name")?;
        let (started, before) = (Instant::now(), turns(client, space).await?);
        let ((), answered) = load.during(share / 2.0, reload(client, space, file)).await?;
        let (took, handled) = (started.elapsed(), turns(client, space).await?.saturating_sub(before));
        ensure!(answered > 0, "no command was answered while `{space}` was reloaded, so that was not under load");
        all.push(Reloaded { space: space.to_owned(), answered, handled, took });
    }
    Ok(all)
}

/// How many messages the space has handled since the host was started.
async fn turns(client: &Client, space: &str) -> Result<u64> {
    let answer = client.get(&format!("/v1/spaces/{space}")).await?;
    answer["usage"]["turns"].as_u64().context("the host tells no turns")
}

async fn outage(host: &mut ChildHost, load: &Load<'_>) -> Result<String> {
    let through = load.reaches(KILL_AT).await;
    let killed = Instant::now();
    host.kill().await?;
    host.start_again().await?;
    let seconds = killed.elapsed().as_secs_f64();
    Ok(format!("the host was killed after {through} {} and back after {seconds:.1} s", load.what()))
}

fn told(reloaded: &[Reloaded]) -> Vec<String> {
    if reloaded.is_empty() {
        return Vec::new();
    }
    let line = |Reloaded { space, answered, handled, took }: &Reloaded| {
        let seconds = took.as_secs_f64();
        format!(
            "  {space} within {seconds:.1} s: meanwhile {answered} commands were answered, it handled {handled} messages"
        )
    };
    let head = format!("{} spaces were reloaded under load, one after the other:", reloaded.len());
    std::iter::once(head).chain(reloaded.iter().map(line)).collect()
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
async fn reload(client: &Client, name: &str, file: &Path) -> Result<()> {
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
