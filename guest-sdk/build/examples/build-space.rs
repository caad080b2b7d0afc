//! Builds the spaces at a path: `cargo run -p spacehost-build --example build-space -- PATH [INTO]`.
//!
//! Owns nothing but the printing; it shows how little a caller of the crate has to do.

use std::process::ExitCode;

use spacehost_build::{Phase, Progress, Request, build};

struct Printed;

impl Progress for Printed {
    fn phase(&mut self, phase: Phase, what: &str) {
        eprintln!("{phase:?}: {what}");
    }
    fn line(&mut self, line: &str) {
        eprintln!("  {line}");
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut request = Request::new(arguments.next().unwrap_or_else(|| ".".to_owned()));
    if let Some(into) = arguments.next() {
        request = request.into_dir(into);
    }
    match build(&request, &mut Printed) {
        Ok(spaces) => {
            for space in spaces {
                let place = space.installed.unwrap_or(space.artifact);
                println!("{} {} B {} imports {:?}", space.name, space.bytes, place.display(), space.imports);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
