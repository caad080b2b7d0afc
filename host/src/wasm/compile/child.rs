//! The process that compiles: one component from standard input, its code to standard output, then the end.
//!
//! Owns the words between the two processes: the arguments, and what the exit code means. It limits itself before it
//! reads a byte, and knows nothing but these bytes. What is wrong with them is one line on standard error.

use super::super::engine::compiling_engine;
use super::super::one_line;
use super::jail;
use std::io::{Read, Write};
use std::process::ExitCode;

/// The first argument, which is no command: `spacehost compile-component <memory bytes> <CPU seconds> <parent>`.
pub const MODE: &str = "compile-component";
/// The component is at fault; standard error says how.
pub const INVALID: u8 = 1;
/// No compile was tried; standard error says why.
pub const UNPREPARED: u8 = 3;
/// The memory did not suffice, and whoever asked for it could say so.
pub const OUT_OF_MEMORY: u8 = 4;

/// Compiles if the arguments of this process say that it is to.
pub fn serve_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != MODE {
        return None;
    }
    let code = serve(arguments).unwrap_or_else(|(code, line)| {
        // Whoever does not read it sees the code.
        let _ = writeln!(std::io::stderr(), "{line}");
        code
    });
    Some(ExitCode::from(code))
}

type Failed = (u8, String);

fn serve(arguments: impl Iterator<Item = String>) -> Result<u8, Failed> {
    let unprepared = |line: String| (UNPREPARED, line);
    let numbers: Vec<u64> = arguments.map_while(|argument| argument.parse().ok()).collect();
    let [memory_bytes, cpu_s, parent] = numbers[..] else {
        return Err(unprepared("this mode is the host's own: it compiles what the host hands it".to_owned()));
    };
    jail::limit(memory_bytes, cpu_s, parent).map_err(|error| unprepared(format!("it cannot limit itself: {error}")))?;
    if let Err(error) = jail::filter_calls() {
        // The limits hold without it, and a kernel without filters must not be a host without spaces.
        let _ = writeln!(std::io::stderr(), "it runs without a filter of system calls: {error}");
    }
    let engine = compiling_engine().map_err(|error| unprepared(one_line(&error)))?;
    let mut component = Vec::new();
    std::io::stdin().lock().read_to_end(&mut component).map_err(|error| unprepared(error.to_string()))?;
    let code = engine.precompile_component(&component).map_err(|error| failed(&one_line(&error)))?;
    let mut out = std::io::stdout().lock();
    out.write_all(&code).and_then(|()| out.flush()).map_err(|error| unprepared(error.to_string()))?;
    Ok(0)
}

fn failed(line: &str) -> Failed {
    let code =
        if line.contains("Cannot allocate memory") || line.contains("out of memory") { OUT_OF_MEMORY } else { INVALID };
    (code, line.to_owned())
}
