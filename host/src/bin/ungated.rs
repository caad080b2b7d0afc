//! A `spacehost` with its output gate switched off. It exists to be caught by the tests, and says so.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!(
        "warning: this host answers before anything is on disk; it is for one test, and loses what it has accepted"
    );
    spacehost::cli::main()
}
