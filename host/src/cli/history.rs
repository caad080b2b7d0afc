//! `history`: the last turns of a space.
//!
//! Must not know where they are kept. Fails when the host does not know the space, or keeps no past.

use super::client::Client;
use super::connect::HostArgs;
use super::output;
use super::style::{Style, printable};
use super::table::Table;
use crate::words::SpaceName;
use anyhow::Result;
use serde_json::Value;
use std::time::{Duration, UNIX_EPOCH};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The space
    space: SpaceName,
    /// How many turns
    #[arg(short = 'n', long, default_value_t = 20)]
    last: usize,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    host: HostArgs,
}

const HEADINGS: [&str; 8] = ["SEQUENCE", "TIME", "MESSAGE", "KIND", "NAME", "SOURCE", "ATTEMPT", "OUTCOME"];

pub async fn history(args: Args) -> Result<()> {
    let path = format!("/v1/spaces/{}/history?last={}", args.space, args.last);
    let found = Client::new(&args.host.find()?)?.get(&path).await?;
    if args.json {
        return output::json(&found);
    }
    let turns = found["turns"].as_array().map(Vec::as_slice).unwrap_or_default();
    if turns.is_empty() {
        return output::line(format!("{} has had no turn that is still kept", args.space));
    }
    for line in lines(turns, Style::of_stdout()) {
        output::line(line)?;
    }
    Ok(())
}

fn lines(turns: &[Value], style: Style) -> Vec<String> {
    let mut table = Table::new(&HEADINGS);
    for turn in turns {
        let text = |value: &Value| match value {
            Value::String(text) => printable(text),
            Value::Null => "-".to_owned(),
            other => other.to_string(),
        };
        let time = UNIX_EPOCH + Duration::from_millis(turn["time_ms"].as_u64().unwrap_or_default());
        let outcome = match &turn["failure"] {
            Value::Null => "ok".to_owned(),
            failure => format!("{}: {}", text(&failure["code"]), text(&failure["message"])),
        };
        let cells = ["message", "kind", "name", "source", "attempt"].map(|name| text(&turn[name]));
        let begin = [text(&turn["sequence"]), humantime::format_rfc3339_millis(time).to_string()];
        table.row(begin.into_iter().chain(cells).chain([outcome]).collect());
    }
    table.lines(|row, _, cell| if row.is_none() { style.dim(&cell) } else { cell })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_turn_is_one_line_with_its_message_and_outcome() {
        let turn = json!({
            "sequence": 9, "time_ms": 0, "message": "7-0", "kind": "event", "name": "a.b", "source": "client",
            "attempt": 1, "failure": null
        });
        let lines = lines(&[turn], Style::plain());
        assert!(lines[1].starts_with("9 ") && lines[1].contains("a.b") && lines[1].ends_with("ok"), "{}", lines[1]);
    }
}
