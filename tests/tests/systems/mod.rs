//! The sample systems, each by its demo: the real binary, its input, every space reloaded under load, and a host that is
//! killed half-way.

mod iot;
mod shop;
mod social;
mod trading;

use spacehost_tests::{binary, system_into};
use std::process::{Command, Stdio};

/// All that `spacehost demo <system> --exit` said. Fails with it when the demo did, which is when a number differs.
async fn demo(system: &'static str) -> String {
    demo_with(system, &[]).await
}

async fn demo_with(system: &'static str, more: &'static [&str]) -> String {
    let run = move || {
        let guests = tempfile::tempdir().expect("a temporary folder");
        system_into(system, guests.path());
        let mut command = Command::new(binary());
        command.args(["demo", system, "--exit", "--guests"]).arg(guests.path()).args(more);
        // Not at the usual port: other tests may run a demo at the same time.
        command.args(["--listen", "127.0.0.1:0"]).stdin(Stdio::null());
        command.output().expect("the binary starts")
    };
    let ended = tokio::task::spawn_blocking(run).await.expect("no panic");
    let (said, complained) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{said}{complained}");
    said.into_owned()
}

/// Asserts that the summary has this row, with the number on both sides.
fn agrees(said: &str, what: &str, number: &str) {
    let row = said.lines().find(|line| line.trim_start().starts_with(what)).unwrap_or_else(|| panic!("{what}: {said}"));
    let words: Vec<&str> = row.trim_start()[what.len()..].split_whitespace().collect();
    assert_eq!(words, [number, number, "the", "same"], "{said}");
}

/// After how much of the input the host was killed.
fn killed_after(said: &str) -> u64 {
    let line = said.lines().find(|line| line.contains("the host was killed after")).expect("a kill");
    line.split_whitespace().find_map(|word| word.parse().ok()).expect("a number")
}

/// Asserts that each of these spaces was reloaded in the midst of the load: commands were answered meanwhile.
fn were_reloaded(said: &str, spaces: &[&str]) {
    let head = format!("{} spaces were reloaded under load", spaces.len());
    assert!(said.contains(&head), "{said}");
    for space in spaces {
        let begin = format!("{space} within ");
        let line = said
            .lines()
            .find(|line| line.trim_start().starts_with(&begin))
            .unwrap_or_else(|| panic!("{space}: {said}"));
        let answered = line.split_once("meanwhile ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<u64>().ok());
        assert!(answered.is_some_and(|answered| answered > 0), "{line}");
    }
}
