//! `demo`: a sample system, built, run and sent real traffic.
//!
//! Owns what all demos share: build, host, summary, staying up. Each system has a file of its own for its traffic. Must
//! not know what a system does. The host is a process of its own, so that it can be killed while it works. Fails when the
//! system cannot be built, does not start, or its traffic goes wrong.

mod compared;
mod echo;
mod iot;
pub mod load;
mod pace;
mod past;
mod rest;
mod shop;
mod social;
mod trading;
mod trouble;

use super::child::ChildHost;
use super::output;
use super::progress::Bar;
use super::signals::shutdown_on_signal;
use super::style::Style;
use crate::http::access::token_file;
use anyhow::{Context, Result, bail};
use load::Figures;
use spacehost_build::Request;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tempfile::TempDir;
use trouble::Trouble;

/// What the system's spaces are granted.
const SETTINGS: &str = "spacehost.toml";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which system
    #[arg(value_enum, default_value_t = System::Shop)]
    system: System,
    /// End after the summary
    #[arg(long)]
    exit: bool,
    /// Do not kill the host half-way
    #[arg(long)]
    no_kill: bool,
    /// Do not reload the spaces under the load
    #[arg(long)]
    no_reload: bool,
    /// Where its host listens [default: 127.0.0.1:7070, or any free port if that is taken]
    #[arg(long, env = "SPACEHOST_LISTEN")]
    listen: Option<SocketAddr>,
    /// A folder of the system's spaces, built already; default: built from plugins/<system>
    #[arg(long, value_name = "DIR")]
    guests: Option<PathBuf>,
}

/// The sample systems, each named as its folder under `plugins`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum System {
    /// A space that answers commands with events, and one that listens
    Echo,
    /// A sensor network of five spaces, and 7,551 real readings of earthquakes and weather
    Iot,
    /// A shop of seven spaces, and 6,919 real purchases
    Shop,
    /// A social network of six spaces, and the persons of a novel
    Social,
    /// An exchange of five spaces, and 6,000 orders and cancels out of a seed
    Trading,
}

impl System {
    pub fn name(self) -> &'static str {
        self.folder()
    }

    fn folder(self) -> &'static str {
        match self {
            System::Echo => "echo",
            System::Iot => "iot",
            System::Shop => "shop",
            System::Social => "social",
            System::Trading => "trading",
        }
    }

    /// Sends the system its traffic; `folder` is where its sources and its data are.
    async fn replay(self, host: &mut ChildHost, folder: &Path, trouble: Trouble) -> Result<Summary> {
        match self {
            System::Echo => echo::replay(&host.client).await,
            System::Iot => iot::replay(host, folder, trouble).await,
            System::Shop => shop::replay(host, folder, trouble).await,
            System::Social => social::replay(host, folder, trouble).await,
            System::Trading => trading::replay(host, trouble).await,
        }
    }
}

/// What a replay tells at its end.
pub struct Summary {
    /// What happened, line by line.
    pub lines: Vec<String>,
    /// None for a system without a load.
    pub figures: Option<Figures>,
    /// Commands to try next, without the program's name.
    pub next: Vec<String>,
}

pub async fn demo(args: Args) -> Result<()> {
    let mut shutdown = shutdown_on_signal()?;
    let folders = Folders::new(args.system)?;
    let names = folders.fill(args.guests.as_deref()).await?;
    let mut host = ChildHost::start(folders.own.path().to_owned(), args.listen).await?;
    tokio::select! {
        shown = show(&args, &mut host, &names, &folders) => shown?,
        () = shutdown.wait() => return host.stop().await,
    }
    if !args.exit {
        shutdown.wait().await;
    }
    host.stop().await
}

/// Copies what is built already; answers the names of the spaces.
fn install(built: &Path, spaces: &Path) -> Result<Vec<String>> {
    std::fs::create_dir_all(spaces).with_context(|| format!("could not create {}", spaces.display()))?;
    let listed = std::fs::read_dir(built).with_context(|| format!("could not list {}", built.display()))?;
    let mut names = Vec::new();
    for entry in listed {
        let path = entry?.path();
        if let (Some(name), true) = (path.file_stem(), path.extension().is_some_and(|extension| extension == "wasm")) {
            let to = spaces.join(name).with_extension("wasm");
            std::fs::copy(&path, &to).with_context(|| format!("could not copy {}", path.display()))?;
            names.push(name.to_string_lossy().into_owned());
        }
    }
    if names.is_empty() {
        bail!("there is no .wasm file in {}: build the system into it by `spacehost build`", built.display());
    }
    Ok(names)
}

pub fn build(request: &Request) -> Result<Vec<String>> {
    let mut bar = Bar::start();
    let built = spacehost_build::build(request, &mut bar);
    bar.finish();
    Ok(built?.into_iter().map(|built| built.name).collect())
}

/// Where the system's sources are, and where its host runs.
struct Folders {
    system: PathBuf,
    own: TempDir,
}

impl Folders {
    fn new(system: System) -> Result<Self> {
        let own = tempfile::tempdir().context("could not create a folder for the demo")?;
        Ok(Folders { system: plugins()?.join(system.folder()), own })
    }

    /// Puts the spaces in that `built` holds, or builds them, and their settings beside them; answers their names.
    async fn fill(&self, built: Option<&Path>) -> Result<Vec<String>> {
        let settings = self.system.join(SETTINGS);
        if settings.is_file() {
            std::fs::copy(&settings, self.own.path().join(SETTINGS)).context("could not copy the system's settings")?;
        }
        let spaces = self.own.path().join("spaces");
        match built {
            Some(built) => install(built, &spaces),
            None => {
                let request = Request::new(&self.system).into_dir(&spaces);
                tokio::task::spawn_blocking(move || build(&request)).await?
            }
        }
    }
}

/// What a system does when nothing goes wrong.
pub struct Measured {
    pub figures: Figures,
    /// Turns of all its spaces, per second, from the first command until all is at rest.
    pub turns_per_second: f64,
}

/// Lets the system do its load undisturbed; none for one without a load.
pub async fn measure(system: System) -> Result<Option<Measured>> {
    let folders = Folders::new(system)?;
    let names = folders.fill(None).await?;
    let mut host = ChildHost::start(folders.own.path().to_owned(), None).await?;
    host.wait_for(&names).await?;
    let started = Instant::now();
    let summary = system.replay(&mut host, &folders.system, Trouble { kill: false, reload: false }).await?;
    let took = started.elapsed().as_secs_f64();
    let turns = rest::work(&host.client).await?.turns;
    host.stop().await?;
    Ok(summary.figures.map(|figures| Measured { figures, turns_per_second: turns as f64 / took }))
}

/// A file of the system: its data or its settings.
fn text(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))
}

async fn show(args: &Args, host: &mut ChildHost, names: &[String], folders: &Folders) -> Result<()> {
    host.wait_for(names).await?;
    let style = Style::of_stdout();
    output::line(style.strong(&format!("{} runs at {}", names.join(", "), host.client.url())))?;
    let trouble = Trouble { kill: !args.no_kill, reload: !args.no_reload };
    let summary = args.system.replay(host, &folders.system, trouble).await?;
    output::line(style.strong("summary"))?;
    for line in &summary.lines {
        output::line(format!("  {line}"))?;
    }
    if args.exit {
        return Ok(());
    }
    let data = folders.own.path().join("data");
    output::line(style.strong("the host stays up until Ctrl-C"))?;
    output::line(format!("its dashboard: {}/", host.client.url()))?;
    output::line(format!("the token for it: {}", token_file(&data).display()))?;
    output::line(style.strong("try in another terminal:"))?;
    output::line(format!("  export SPACEHOST_DATA={}", data.display()))?;
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
