//! `new`: the first files of a space.
//!
//! Must not know their text. Fails as the name is bad or taken.

use super::output;
use anyhow::Result;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name: a-z, 0-9 and -
    name: String,
    /// The folder to make it in
    #[arg(long, default_value = ".", value_name = "DIR")]
    into: PathBuf,
}

pub fn new(args: &Args) -> Result<()> {
    let folder = spacehost_build::scaffold::new(&args.name, &args.into)?;
    let folder = folder.display();
    output::line(format!(
        "made {folder}. Next:\n  cd {folder}\n  cargo test         # its unit tests, natively\n  spacehost dev      # \
         build it, run it, rebuild it on save"
    ))
}
