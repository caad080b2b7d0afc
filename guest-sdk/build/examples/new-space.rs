//! Makes a new space: `cargo run -p spacehost-build --example new-space -- NAME [PARENT]`.
//!
//! Owns nothing but the printing.

use std::path::Path;
use std::process::ExitCode;

use spacehost_build::scaffold;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let parent = arguments.next().unwrap_or_else(|| ".".to_owned());
    match scaffold::new(&name, Path::new(&parent)) {
        Ok(folder) => {
            println!("{}", folder.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
