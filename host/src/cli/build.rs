//! `build`: sources to components.
//!
//! Must not know how they are built. Fails with the compiler's errors.

use super::output;
use super::progress::Bar;
use super::verdict::built;
use anyhow::Result;
use spacehost_build::Request;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of a space, or one with spaces somewhere below
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Put the components into this folder, such as the one that a host watches
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

pub fn build(args: &Args) -> Result<()> {
    let mut request = Request::new(&args.path);
    request.into = args.into.clone();
    let mut bar = Bar::start();
    let results = spacehost_build::build(&request, &mut bar);
    bar.finish();
    for result in &results? {
        output::line(built(result))?;
    }
    Ok(())
}
