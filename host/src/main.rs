//! The `spacehost` program. All it does is in `spacehost::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    spacehost::cli::main()
}
