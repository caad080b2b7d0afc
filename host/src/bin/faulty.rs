//! A `spacehost` that panics when a guest says the word. It exists to be tested, and says so.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("warning: this host panics when its guests ask it to; it is for one test");
    spacehost::cli::main()
}
