//! `purge`: forgets all that a space holds, for good, after asking.
//!
//! Owns the question. Must not know how it is done. Fails when the host refuses, when the answer is not the space's name,
//! and when nobody can be asked and `--yes` is missing.

use super::client::Client;
use super::connect::HostArgs;
use super::failure::Failure;
use super::output;
use crate::words::SpaceName;
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead, IsTerminal, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The space; it must be stopped, or its file removed
    space: SpaceName,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    host: HostArgs,
}

pub async fn purge(args: Args) -> Result<()> {
    let client = Client::new(&args.host.find()?)?;
    let path = format!("/v1/spaces/{}/purge", args.space);
    if !args.yes {
        if !std::io::stdin().is_terminal() {
            let refused = format!("a purge of `{}` is asked for first, and this is no terminal: add --yes", args.space);
            return Err(Failure::usage(refused));
        }
        let there = client.get(&path).await?;
        ask(&args.space, &there, &mut std::io::stdin().lock(), &mut std::io::stdout())?;
    }
    let body = json!({ "confirm": args.space.as_str() }).to_string().into_bytes();
    let gone: Value = serde_json::from_slice(&client.post(&path, body, &[]).await?)?;
    output::line(format!("{}: purged; gone are {}", args.space, list(&gone)))
}

/// The name, not a mere `y`: what is deleted has been looked at.
fn ask(space: &SpaceName, there: &Value, answers: &mut impl BufRead, questions: &mut impl Write) -> Result<()> {
    writeln!(questions, "This deletes for good, from `{space}`: {}.", list(there))?;
    write!(questions, "Type the name of the space to go on: ")?;
    questions.flush()?;
    let mut answer = String::new();
    answers.read_line(&mut answer)?;
    if answer.trim() != space.as_str() {
        bail!("that is not `{space}`: nothing was deleted");
    }
    Ok(())
}

fn list(holdings: &Value) -> String {
    let count = |name: &str| holdings[name].as_u64().unwrap_or_default();
    format!(
        "{} keys ({}), {} waiting messages, {} timers, {} dead letters",
        count("keys"),
        output::bytes(count("bytes")),
        count("messages"),
        count("timers"),
        count("dead_letters")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(answer: &str) -> (bool, String) {
        let (space, mut said) = (SpaceName::parse("orders").unwrap(), Vec::new());
        let there = json!({ "keys": 3, "bytes": 2048, "messages": 1, "timers": 0, "dead_letters": 2 });
        let goes_on = ask(&space, &there, &mut answer.as_bytes(), &mut said).is_ok();
        (goes_on, String::from_utf8(said).unwrap())
    }

    #[test]
    fn only_the_name_of_the_space_goes_on() {
        assert!(asked("orders\n").0);
        for other in ["", "y\n", "yes\n", "order\n"] {
            assert!(!asked(other).0, "{other}");
        }
    }

    #[test]
    fn the_question_says_what_will_be_gone() {
        let said = asked("").1;
        assert!(said.contains("3 keys (2.0 KiB), 1 waiting messages, 0 timers, 2 dead letters"), "{said}");
    }
}
