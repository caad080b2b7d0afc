//! `demo`: a sample system, built, run and sent real traffic.
//!
//! Owns what all demos share: build, host, summary, staying up. Each system has a file of its own for its traffic. Must
//! not know what a system does. Fails when it cannot be built, does not start, or its traffic goes wrong.

mod echo;
mod shop;

use super::client::Client;
use super::local::Local;
use super::output;
use super::progress::Bar;
use super::signals::shutdown_on_signal;
use super::style::Style;
use crate::telemetry;
use anyhow::{Context, Result, bail};
use spacehost_build::Request;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which system
    #[arg(value_enum, default_value_t = System::Shop)]
    system: System,
    /// End after the summary
    #[arg(long)]
    exit: bool,
}

/// The sample systems, each named as its folder under `plugins`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum System {
    /// A space that answers commands with events, and one that listens
    Echo,
    /// A shop of five spaces, and 6,919 real purchases
    Shop,
}

impl System {
    fn folder(self) -> &'static str {
        match self {
            System::Echo => "echo",
            System::Shop => "shop",
        }
    }

    /// Sends the system its traffic; `folder` is where its spaces and its data are.
    async fn replay(self, client: &Client, folder: &Path) -> Result<Summary> {
        match self {
            System::Echo => echo::replay(client).await,
            System::Shop => shop::replay(client, folder).await,
        }
    }
}

/// What a replay tells at its end.
pub struct Summary {
    /// What happened, line by line.
    pub lines: Vec<String>,
    /// Commands to try next, without the program's name.
    pub next: Vec<String>,
}

pub async fn demo(args: Args) -> Result<()> {
    let mut shutdown = shutdown_on_signal()?;
    telemetry::start("warn")?;
    let temporary = tempfile::tempdir().context("could not create a folder for the demo")?;
    let (spaces, data) = (temporary.path().join("spaces"), temporary.path().join("data"));
    let folder = plugins()?.join(args.system.folder());
    let request = Request::new(&folder).into_dir(&spaces);
    let names = tokio::task::spawn_blocking(move || build(&request)).await??;
    let host = Local::start(spaces, data.clone()).await?;
    tokio::select! {
        shown = show(&args, &host, &names, Folders { system: &folder, data: &data }) => shown?,
        () = shutdown.wait() => return host.stop().await,
    }
    if !args.exit {
        shutdown.wait().await;
    }
    host.stop().await
}

pub fn build(request: &Request) -> Result<Vec<String>> {
    let mut bar = Bar::start();
    let built = spacehost_build::build(request, &mut bar);
    bar.finish();
    Ok(built?.into_iter().map(|built| built.name).collect())
}

/// Where the system's sources are, and where its host keeps its data.
struct Folders<'a> {
    system: &'a Path,
    data: &'a Path,
}

async fn show(args: &Args, host: &Local, names: &[String], folders: Folders<'_>) -> Result<()> {
    host.wait_for(names).await?;
    let style = Style::of_stdout();
    output::line(style.strong(&format!("{} runs at {}", names.join(", "), host.client.url())))?;
    let summary = args.system.replay(&host.client, folders.system).await?;
    output::line(style.strong("summary"))?;
    for line in &summary.lines {
        output::line(format!("  {line}"))?;
    }
    if args.exit {
        return Ok(());
    }
    output::line(style.strong("the host stays up until Ctrl-C. Try in another terminal:"))?;
    output::line(format!("  export SPACEHOST_DATA={}", folders.data.display()))?;
    for command in ["ps"].into_iter().chain(summary.next.iter().map(String::as_str)) {
        output::line(format!("  spacehost {command}"))?;
    }
    Ok(())
}

/// The sample systems of this checkout, or of the one that this program was built from.
pub fn plugins() -> Result<PathBuf> {
    let here = PathBuf::from("plugins");
    let origin = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("plugins");
    match [here, origin].into_iter().find(|folder| folder.is_dir()) {
        Some(folder) => Ok(folder),
        None => bail!("the sample systems are not here: run the demo in a checkout of Spacehost, which has `plugins/`"),
    }
}
