//! `history`: the last turns of a space, or its last reloads.
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
    /// The reloads, not the turns
    #[arg(long)]
    reloads: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    host: HostArgs,
}

const HEADINGS: [&str; 8] = ["SEQUENCE", "TIME", "MESSAGE", "KIND", "NAME", "SOURCE", "ATTEMPT", "OUTCOME"];

pub async fn history(args: Args) -> Result<()> {
    let path = format!("/v1/spaces/{}/history?last={}&reloads={}", args.space, args.last, args.reloads);
    let found = Client::new(&args.host.find()?)?.get(&path).await?;
    if args.json {
        return output::json(&found);
    }
    let (name, what) = if args.reloads { ("reloads", "reload") } else { ("turns", "turn") };
    let past = found[name].as_array().map(Vec::as_slice).unwrap_or_default();
    if past.is_empty() {
        return output::line(format!("{} has had no {what} that is still kept", args.space));
    }
    let lines = if args.reloads { reloads } else { lines };
    for line in lines(past, Style::of_stdout()) {
        output::line(line)?;
    }
    Ok(())
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn time(of: &Value) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(of["time_ms"].as_u64().unwrap_or_default());
    humantime::format_rfc3339_millis(time).to_string()
}

fn reloads(reloads: &[Value], style: Style) -> Vec<String> {
    let mut table = Table::new(&["TIME", "GENERATION", "DIGEST", "VERDICT", "TOOK", "REASON"]);
    for reload in reloads {
        let short = |value: &Value| text(value).chars().take(12).collect::<String>();
        let generations = format!("{} -> {}", text(&reload["from_generation"]), text(&reload["to_generation"]));
        let digests = format!("{} -> {}", short(&reload["from_digest"]), short(&reload["to_digest"]));
        let steps = reload["took_us"].as_array().map(Vec::as_slice).unwrap_or_default();
        let steps = steps.iter().map(|step| format!("{} {} µs", text(&step[0]), text(&step[1])));
        let took = steps.collect::<Vec<_>>().join(", ");
        let reason = text(&reload["reason"]);
        table.row(vec![time(reload), generations, digests, text(&reload["verdict"]), took, reason]);
    }
    table.lines(|row, _, cell| if row.is_none() { style.dim(&cell) } else { cell })
}

fn lines(turns: &[Value], style: Style) -> Vec<String> {
    let mut table = Table::new(&HEADINGS);
    for turn in turns {
        let outcome = match &turn["failure"] {
            Value::Null => "ok".to_owned(),
            failure => format!("{}: {}", text(&failure["code"]), text(&failure["message"])),
        };
        let cells = ["message", "kind", "name", "source", "attempt"].map(|name| text(&turn[name]));
        let begin = [text(&turn["sequence"]), time(turn)];
        table.row(begin.into_iter().chain(cells).chain([outcome]).collect());
    }
    table.lines(|row, _, cell| if row.is_none() { style.dim(&cell) } else { cell })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_reload_is_one_line_with_its_steps() {
        let reload = json!({
            "time_ms": 0, "from_generation": 1, "to_generation": 2, "from_digest": "a".repeat(64),
            "to_digest": "b".repeat(64), "verdict": "serving", "reason": "", "took_us": [["compile", 7], ["pause", 3]]
        });
        let lines = reloads(&[reload], Style::plain());
        assert!(lines[1].contains("1 -> 2") && lines[1].contains("aaaaaaaaaaaa -> bbbbbbbbbbbb"), "{}", lines[1]);
        assert!(lines[1].contains("compile 7 µs, pause 3 µs"), "{}", lines[1]);
    }

    #[test]
    fn what_the_checks_of_a_reload_found_stands_as_its_reason() {
        let reload =
            json!({"time_ms": 0, "verdict": "serving", "reason": "`list` is gone\n`add` is gone", "took_us": []});
        let lines = reloads(&[reload], Style::plain());
        assert!(lines[1].ends_with("`list` is gone | `add` is gone"), "{}", lines[1]);
    }

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
