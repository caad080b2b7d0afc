//! `dev`: build on save, into a running host.
//!
//! Owns the loop: build, tell the host's verdict, wait for a change of the sources. Must not know how either is found out.
//! A failed build is told and leaves everything as it was; only a path that is no space ends the loop.

mod changes;
mod target;

use super::connect::HostArgs;
use super::output;
use super::progress::Bar;
use super::signals::shutdown_on_signal;
use super::style::Style;
use super::verdict;
use anyhow::Result;
use changes::Watch;
use spacehost_build::{BuildError, Built, Request};
use std::path::PathBuf;
use target::Target;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of a space, or one with spaces somewhere below
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The folder that the host watches; default: it is asked of the host
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

pub async fn dev(args: Args) -> Result<()> {
    let mut shutdown = shutdown_on_signal()?;
    let mut watch = Watch::of(Request::new(&args.path)).await?;
    let target = Target::find_or_start(&args).await?;
    output::line(format!("building into {}, for the host at {}", target.spaces.display(), target.client.url()))?;
    if let Some(data) = target.own_data() {
        let hint = format!("in another terminal: export SPACEHOST_DATA={}", data.display());
        output::line(Style::of_stdout().strong(&hint))?;
    }
    let request = Request::new(&args.path).into_dir(&target.spaces);
    tokio::select! {
        ended = rebuild(&request, &target, &mut watch) => ended?,
        () = shutdown.wait() => {}
    }
    target.leave().await
}

async fn rebuild(request: &Request, target: &Target, watch: &mut Watch) -> Result<()> {
    loop {
        let before = watch.fingerprint().await?;
        match build(request.clone()).await? {
            Ok(built) => tell(&built, target).await?,
            Err(error) => eprintln!("{error}\n{}", Style::of_stderr().warn("the version before serves on")),
        }
        watch.changed_since(before).await?;
        // A changed manifest may have brought new sources. One that cannot be read is told by the build.
        if let Ok(newer) = Watch::of(request.clone()).await {
            *watch = newer;
        }
    }
}

async fn build(request: Request) -> Result<Result<Vec<Built>, BuildError>> {
    let work = move || {
        let mut bar = Bar::start();
        let built = spacehost_build::build(&request, &mut bar);
        bar.finish();
        built
    };
    Ok(tokio::task::spawn_blocking(work).await?)
}

async fn tell(all: &[Built], target: &Target) -> Result<()> {
    for built in all {
        output::line(verdict::built(built))?;
        match target.verdict(built).await? {
            Some(file) => output::line(verdict::text(&built.name, &file, Style::of_stdout()))?,
            None => output::line(format!("{}: the host has not looked at it yet; see `spacehost ps`", built.name))?,
        }
    }
    Ok(())
}
