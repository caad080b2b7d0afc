//! The command line: one binary, one file per group of commands.
//!
//! Owns the grammar, exit codes and how failures are said. Must not know how a space is run: commands talk to a host over
//! HTTP, or start one through `Host`. Exit codes: 0 ok, 1 failed, 2 usage, 3 host not reachable.

mod backup;
pub mod bench;
mod build;
mod call;
mod child;
mod client;
mod connect;
mod control;
mod dead_letters;
pub mod demo;
mod dev;
mod doctor;
mod failure;
mod history;
mod inspect;
mod listen;
mod local;
mod new;
mod output;
mod progress;
mod ps;
mod purge;
mod replay;
mod run;
mod signals;
mod sse;
mod state;
mod style;
mod table;
mod verdict;
mod webhooks;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};
use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Parser)]
#[command(name = "spacehost", version, about = "Runs spaces: WebAssembly components that talk by commands and events")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the host: load every .wasm of a folder, serve the API, reload what changes
    Run(run::Args),
    /// Build a sample system, run it and send real traffic through it
    Demo(demo::Args),
    /// Make a new space that builds, tests and runs as it is
    New(new::Args),
    /// Build a space, or a folder of spaces, to WebAssembly components
    Build(build::Args),
    /// Rebuild a space whenever it is saved, into the running host
    Dev(dev::Args),
    /// List the spaces, and why a file does not serve
    Ps(ps::Args),
    /// Show all about a space, or about a .wasm file
    Inspect(inspect::Args),
    /// Send a command to a space and print its reply
    Call(call::CallArgs),
    /// Publish an event
    Publish(call::PublishArgs),
    /// Show events as they are published
    Tail(listen::TailArgs),
    /// Show the log of a space
    Logs(listen::LogsArgs),
    /// Look after messages set aside after their last attempt
    DeadLetters(dead_letters::Args),
    /// List the webhooks, and look after what they could not deliver
    Webhooks(webhooks::Args),
    /// Show the last turns of a space
    History(history::Args),
    /// Check whether this machine can build spaces
    Doctor(doctor::Args),
    /// Look at a space's file now, instead of when it changes
    Reload(control::ReloadArgs),
    /// Bring back the version before
    Rollback(control::Args),
    /// Stop serving a space; its state and messages stay
    Stop(control::Args),
    /// Serve a space no more until someone acts: for one that misbehaves
    Quarantine(control::Args),
    /// Serve a stopped or quarantined space again
    Start(control::Args),
    /// Show what a space has stored
    State(state::Args),
    /// Forget all that a space holds, for good
    Purge(purge::Args),
    /// Try a new version on the last messages of a space; nothing comes of it
    Replay(replay::Args),
    /// Copy the host's data into a file, while it serves
    Backup(backup::Args),
    /// Make a data folder out of a backup
    Restore(backup::RestoreArgs),
    /// Measure, beside a reference
    Bench(bench::BenchArgs),
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// The whole program.
pub fn main() -> ExitCode {
    // A host that compiles has started this for one component, and waits for it.
    if let Some(code) = crate::runtime::serve_if_asked() {
        return code;
    }
    match execute(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn execute(command: Command) -> Result<()> {
    match command {
        Command::Run(args) => on_all_cores(run::run(args)),
        Command::Demo(args) => on_all_cores(demo::demo(args)),
        Command::New(args) => new::new(&args),
        Command::Build(args) => build::build(&args),
        Command::Dev(args) => on_all_cores(dev::dev(args)),
        Command::Ps(args) => on_one_core(ps::ps(args)),
        Command::Inspect(args) => on_one_core(inspect::inspect(args)),
        Command::Call(args) => on_one_core(call::call(args)),
        Command::Publish(args) => on_one_core(call::publish(args)),
        Command::Tail(args) => on_one_core(listen::tail(args)),
        Command::Logs(args) => on_one_core(listen::logs(args)),
        Command::DeadLetters(args) => on_one_core(dead_letters::dead_letters(args)),
        Command::Webhooks(args) => on_one_core(webhooks::webhooks(args)),
        Command::History(args) => on_one_core(history::history(args)),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Reload(args) => on_one_core(control::reload(args)),
        Command::Rollback(args) => on_one_core(control::rollback(args)),
        Command::Stop(args) => on_one_core(control::stop(args)),
        Command::Quarantine(args) => on_one_core(control::quarantine(args)),
        Command::Start(args) => on_one_core(control::start(args)),
        Command::State(args) => on_one_core(state::state(args)),
        Command::Purge(args) => on_one_core(purge::purge(args)),
        Command::Replay(args) => on_all_cores(replay::replay(args)),
        Command::Backup(args) => on_one_core(backup::backup(args)),
        Command::Restore(args) => backup::restore(&args),
        Command::Bench(args) => crate::bench::run(args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "spacehost", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// How long threads may take to finish what they are at when the work is done.
const LAST_STEPS: Duration = Duration::from_secs(2);

/// For whatever contains a host.
fn on_all_cores(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    // What its threads are still at serves nobody by now, and on a failed disk it may never end.
    runtime.shutdown_timeout(LAST_STEPS);
    done
}

/// For clients of a host.
fn on_one_core(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_documented_forms_are_understood() {
        for line in [
            "run",
            "run spaces --memory",
            "run spaces --listen 127.0.0.1:0 --data d --executors 2 --dev",
            "demo",
            "run --until-input-ends",
            "demo echo --exit",
            "demo shop --no-kill --guests built",
            "new orders",
            "build . --into spaces",
            "dev",
            "ps --json",
            "inspect orders",
            "inspect a.wasm --json",
            "call orders place {}",
            "call orders list",
            "publish orders.paid {}",
            "tail",
            "tail orders.>",
            "logs orders -f",
            "logs orders --level warn --json",
            "run --log-format json",
            "dead-letters list orders --json",
            "dead-letters show orders 7-0",
            "dead-letters retry orders 7-0",
            "dead-letters drop orders 7-0",
            "webhooks",
            "webhooks --json",
            "webhooks dead-letters billing --json",
            "webhooks show billing 7-0",
            "webhooks retry billing 7-0",
            "webhooks retry billing --all",
            "webhooks drop billing 7-0",
            "webhooks test billing --data d",
            "webhooks forget billing",
            "history orders -n 5 --json",
            "history orders --reloads",
            "doctor --fix",
            "reload orders --force",
            "rollback orders",
            "stop orders",
            "start orders",
            "quarantine orders",
            "state orders",
            "state orders accounts/ --partition 1 -n 5 --json",
            "purge orders --yes",
            "replay orders --with new.wasm",
            "replay orders --with new.wasm --last 50 --json --data d --settings s.toml",
            "backup today.backup",
            "restore today.backup --data new",
            "run --accept-loss",
            "bench hop --json",
            "bench start",
            "bench listeners --seconds 3",
            "completions bash",
            "ps --url http://127.0.0.1:1",
        ] {
            let words = std::iter::once("spacehost").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }
}
