//! `webhooks`: how each is doing; and `webhooks dead-letters|show|retry|drop|test|forget`.
//!
//! Must not know how anything is posted. Fails when the host does not know the webhook or the letter, and with exit code 1
//! when a test event was not delivered.

use super::client::Client;
use super::connect::HostArgs;
use super::failure::Failure;
use super::output;
use super::style::{Style, printable};
use super::table::Table;
use anyhow::Result;
use serde_json::Value;
use std::time::{Duration, UNIX_EPOCH};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    host: HostArgs,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The events that a webhook has set aside, oldest first
    DeadLetters(ListArgs),
    /// One of them whole, as a CloudEvent
    Show(LetterArgs),
    /// Post dead letters again: one, or all without an id
    Retry(LettersArgs),
    /// Forget dead letters for good
    Drop(LettersArgs),
    /// Post a test event now, and say what came of it
    Test(HookArgs),
    /// Forget a webhook that is no longer in the settings, with its dead letters
    Forget(HookArgs),
}

#[derive(Debug, clap::Args)]
struct HookArgs {
    /// The webhook
    name: String,
    #[command(flatten)]
    host: HostArgs,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// The webhook
    name: String,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    host: HostArgs,
}

#[derive(Debug, clap::Args)]
struct LetterArgs {
    /// The webhook
    name: String,
    /// The event's id, as the list shows it
    id: String,
    #[command(flatten)]
    host: HostArgs,
}

#[derive(Debug, clap::Args)]
struct LettersArgs {
    /// The webhook
    name: String,
    /// The event's id, as the list shows it
    #[arg(required_unless_present = "all")]
    id: Option<String>,
    /// All of them
    #[arg(long, conflicts_with = "id")]
    all: bool,
    #[command(flatten)]
    host: HostArgs,
}

const HEADINGS: [&str; 7] = ["WEBHOOK", "STATE", "DELIVERED", "LAG", "DEAD LETTERS", "URL", "WHY"];
const LETTERS: [&str; 5] = ["ID", "TOPIC", "ATTEMPTS", "AGAIN", "WHY"];

pub async fn webhooks(args: Args) -> Result<()> {
    match args.what {
        None => list(&args.host, args.json).await,
        Some(What::DeadLetters(args)) => letters(args).await,
        Some(What::Show(LetterArgs { name, id, host })) => {
            output::json(&client(&host)?.get(&format!("/v1/webhooks/{name}/dead-letters/{id}")).await?)
        }
        Some(What::Retry(args)) => {
            let answer = client(&args.host)?.order(&format!("{}/retry", args.path())).await?;
            args.tell(&answer, "posted again")
        }
        Some(What::Drop(args)) => {
            let answer = client(&args.host)?.delete_with_answer(&args.path()).await?;
            args.tell(&answer, "dropped")
        }
        Some(What::Test(HookArgs { name, host })) => test(&name, &host).await,
        Some(What::Forget(HookArgs { name, host })) => {
            client(&host)?.delete(&format!("/v1/webhooks/{name}")).await?;
            output::line(format!("{name} is forgotten"))
        }
    }
}

fn client(host: &HostArgs) -> Result<Client> {
    Client::new(&host.find()?)
}

impl LettersArgs {
    fn path(&self) -> String {
        let id = self.id.as_ref().map(|id| format!("/{id}")).unwrap_or_default();
        format!("/v1/webhooks/{}/dead-letters{id}", self.name)
    }

    fn tell(&self, answer: &Value, what: &str) -> Result<()> {
        let (name, count) = (&self.name, &answer["dead_letters"]);
        match &self.id {
            Some(id) => output::line(format!("{name}: {id} is {what}")),
            None => output::line(format!("{name}: {count} dead letters are {what}")),
        }
    }
}

async fn list(host: &HostArgs, json: bool) -> Result<()> {
    let found = client(host)?.get("/v1/webhooks").await?;
    if json {
        return output::json(&found);
    }
    let hooks = found["webhooks"].as_array().map(Vec::as_slice).unwrap_or_default();
    if hooks.is_empty() {
        return output::line("there are no webhooks: they are set up in [webhooks.<name>] of spacehost.toml");
    }
    rows(hooks, Style::of_stdout()).iter().try_for_each(output::line)
}

fn rows(hooks: &[Value], style: Style) -> Vec<String> {
    let mut table = Table::new(&HEADINGS);
    for hook in hooks {
        let cells = ["name", "state", "delivered", "lag", "dead_letters", "url"].map(|field| text(&hook[field]));
        table.row(cells.into_iter().chain([why(hook)]).collect());
    }
    table.lines(|row, column, cell| match (row, column) {
        (None, _) => style.dim(&cell),
        (Some(row), 1) => match hooks[row]["state"].as_str() {
            Some("idle" | "delivering") => style.good(&cell),
            Some("starting" | "backing-off" | "removed") => style.warn(&cell),
            _ => style.bad(&cell),
        },
        _ => cell,
    })
}

/// Why it does not post now; of one that waits, also when it goes on.
fn why(hook: &Value) -> String {
    let reason = text(&hook["reason"]);
    let (failure, next) = (text(&hook["last_failure"]["why"]), hook["next_attempt_ms"].as_u64());
    match next {
        Some(next) => {
            let next = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(next));
            format!("{failure}; tried again at {next}")
        }
        None => reason,
    }
}

async fn letters(args: ListArgs) -> Result<()> {
    let found = client(&args.host)?.get(&format!("/v1/webhooks/{}/dead-letters", args.name)).await?;
    if args.json {
        return output::json(&found);
    }
    let letters = found["dead_letters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if letters.is_empty() {
        return output::line(format!("{} has no dead letters", args.name));
    }
    let style = Style::of_stdout();
    let mut table = Table::new(&LETTERS);
    for letter in letters {
        let again = if letter["retried"] == true { "yes" } else { "" };
        let [id, topic, attempts, failure] = ["id", "topic", "attempts", "failure"].map(|field| text(&letter[field]));
        table.row(vec![id, topic, attempts, again.to_owned(), failure]);
    }
    let lines = table.lines(|row, _, cell| if row.is_none() { style.dim(&cell) } else { cell });
    lines.iter().try_for_each(output::line)
}

async fn test(name: &str, host: &HostArgs) -> Result<()> {
    let tested = client(host)?.order(&format!("/v1/webhooks/{name}/test")).await?;
    let (said, took) = (text(&tested["said"]), &tested["took_ms"]);
    if tested["delivered"] == true {
        return output::line(format!("{name}: {said}, after {took} ms"));
    }
    let title = format!("The test event was not delivered to {name}");
    let next = "See the webhook's section in spacehost.toml, and its receiver.".to_owned();
    Err(Failure::Problem { title, detail: said, code: None, next, retryable: true }.into())
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_webhook_is_one_line_with_what_is_the_matter() {
        let hook = |state: &str, reason: &str, next: Option<u64>| {
            json!({
                "name": "billing", "state": state, "reason": reason, "delivered": 7, "lag": 0, "dead_letters": 1,
                "url": "https://example.org/…", "next_attempt_ms": next, "last_failure": { "time_ms": 1, "why": "answered 500" },
            })
        };
        let hooks = [hook("idle", "", None), hook("backing-off", "", Some(1_000)), hook("gone", "answered 410", None)];
        let lines = rows(&hooks, Style::plain());
        assert!(lines[1].starts_with("billing  idle") && lines[1].ends_with("https://example.org/…"), "{}", lines[1]);
        assert!(lines[2].ends_with("answered 500; tried again at 1970-01-01T00:00:01Z"), "{}", lines[2]);
        assert!(lines[3].ends_with("answered 410"), "{}", lines[3]);
    }
}
