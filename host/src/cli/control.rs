//! `reload`, `rollback`, `stop`, `start`, `quarantine`: orders to the host about one space.
//!
//! Must not know how they are carried out. Fails when the host refuses, or when the file was looked at and does not serve.

use super::client::Client;
use super::connect::HostArgs;
use super::output;
use super::style::Style;
use super::verdict;
use crate::words::SpaceName;
use anyhow::Result;
use serde_json::Value;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The space
    space: SpaceName,
    #[command(flatten)]
    host: HostArgs,
}

#[derive(Debug, clap::Args)]
pub struct ReloadArgs {
    /// Try again what was rejected or rolled back
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    of: Args,
}

pub async fn reload(args: ReloadArgs) -> Result<()> {
    let force = if args.force { "?force=true" } else { "" };
    let file = order(&args.of, &format!("reload{force}")).await?;
    output::line(verdict::text(args.of.space.as_str(), &file, Style::of_stdout()))?;
    verdict::as_result(&file)
}

pub async fn rollback(args: Args) -> Result<()> {
    let deployed = order(&args, "rollback").await?;
    let version = deployed["version"].as_str().unwrap_or("?");
    output::line(format!("{}: version {version} serves, as generation {}", args.space, deployed["generation"]))
}

pub async fn stop(args: Args) -> Result<()> {
    let space = order(&args, "stop").await?;
    output::line(state(&space))
}

pub async fn start(args: Args) -> Result<()> {
    let space = order(&args, "start").await?;
    output::line(state(&space))
}

pub async fn quarantine(args: Args) -> Result<()> {
    let space = order(&args, "quarantine").await?;
    output::line(state(&space))
}

async fn order(args: &Args, order: &str) -> Result<Value> {
    Client::new(&args.host.find()?)?.order(&format!("/v1/spaces/{}/{order}", args.space)).await
}

fn state(space: &Value) -> String {
    let text = |name: &str| space[name].as_str().unwrap_or_default().to_owned();
    format!("{}: {} {}", text("name"), text("state"), text("reason")).trim_end().to_owned()
}
