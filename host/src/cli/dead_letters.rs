//! `dead-letters list|show|retry|drop`: messages set aside after their last attempt.
//!
//! Must not know where they are kept. Fails when the host does not know the space or the message.

use super::client::Client;
use super::connect::HostArgs;
use super::output;
use super::style::{Style, printable};
use super::table::Table;
use crate::words::SpaceName;
use anyhow::Result;
use serde_json::Value;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The dead letters of a space, oldest first
    List(ListArgs),
    /// One of them whole
    Show(LetterArgs),
    /// Handle it again, under the same id
    Retry(LetterArgs),
    /// Forget it for good
    Drop(LetterArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// The space
    space: SpaceName,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    host: HostArgs,
}

#[derive(Debug, clap::Args)]
struct LetterArgs {
    /// The space
    space: SpaceName,
    /// The message's id, as the list shows it
    id: String,
    #[command(flatten)]
    host: HostArgs,
}

const HEADINGS: [&str; 7] = ["ID", "KIND", "NAME", "SOURCE", "ATTEMPTS", "CODE", "WHY"];

pub async fn dead_letters(args: Args) -> Result<()> {
    match args.what {
        What::List(args) => list(args).await,
        What::Show(args) => output::json(&args.client()?.get(&args.path("")).await?),
        What::Retry(args) => {
            args.client()?.post(&args.path("/retry"), Vec::new(), &[]).await?;
            output::line(format!("{}: {} is handled again", args.space, args.id))
        }
        What::Drop(args) => {
            args.client()?.delete(&args.path("")).await?;
            output::line(format!("{}: {} is dropped", args.space, args.id))
        }
    }
}

impl LetterArgs {
    fn client(&self) -> Result<Client> {
        Client::new(&self.host.find()?)
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/spaces/{}/dead-letters/{}{rest}", self.space, self.id)
    }
}

async fn list(args: ListArgs) -> Result<()> {
    let found = Client::new(&args.host.find()?)?.get(&format!("/v1/spaces/{}/dead-letters", args.space)).await?;
    if args.json {
        return output::json(&found);
    }
    let letters = found["dead_letters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if letters.is_empty() {
        return output::line(format!("{} has no dead letters", args.space));
    }
    for line in lines(letters, Style::of_stdout()) {
        output::line(line)?;
    }
    Ok(())
}

fn lines(letters: &[Value], style: Style) -> Vec<String> {
    let mut table = Table::new(&HEADINGS);
    for letter in letters {
        let text = |value: &Value| match value {
            Value::String(text) => printable(text),
            other => other.to_string(),
        };
        let failure = &letter["failure"];
        let cells = ["id", "kind", "name", "source", "attempts"].map(|name| text(&letter[name]));
        table.row(cells.into_iter().chain([text(&failure["code"]), text(&failure["message"])]).collect());
    }
    table.lines(|row, _, cell| if row.is_none() { style.dim(&cell) } else { cell })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_dead_letter_is_one_line_with_its_reason() {
        let letter = json!({
            "id": "7-0", "kind": "event", "name": "a.b", "source": "client", "attempts": 5,
            "failure": { "code": "sold-out", "message": "none left" }
        });
        let lines = lines(&[letter], Style::plain());
        assert_eq!(lines.len(), 2);
        assert!(lines[1].starts_with("7-0") && lines[1].ends_with("sold-out  none left"), "{}", lines[1]);
    }
}
