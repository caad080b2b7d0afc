//! `ps`: the spaces as a table.
//!
//! Must not know how the host came to its view. Fails when the host is not reachable.

use super::client::Client;
use super::connect::HostArgs;
use super::output;
use super::style::{Style, printable};
use super::table::Table;
use super::verdict;
use anyhow::Result;
use serde_json::Value;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    host: HostArgs,
}

const HEADINGS: [&str; 9] = ["SPACE", "STATE", "VERSION", "GEN", "TURNS", "WAITING", "MEMORY", "DEAD", "WHY"];
const STATE: usize = 1;
/// So much of a reason fits into a table; `inspect` shows all of it.
const LONGEST: usize = 400;

pub async fn ps(args: Args) -> Result<()> {
    let listed = Client::new(&args.host.find()?)?.get("/v1/spaces").await?;
    if args.json {
        return output::json(&listed);
    }
    let spaces = listed["spaces"].as_array().map(Vec::as_slice).unwrap_or_default();
    if spaces.is_empty() {
        return output::line("no spaces: copy a .wasm file into the host's folder, or try `spacehost new <name>`");
    }
    for line in lines(spaces, Style::of_stdout()) {
        output::line(line)?;
    }
    Ok(())
}

fn lines(spaces: &[Value], style: Style) -> Vec<String> {
    let mut table = Table::new(&HEADINGS);
    for space in spaces {
        table.row(row(space));
    }
    table.lines(|row, column, cell| match row {
        None => style.dim(&cell),
        Some(row) if column == STATE => coloured(&spaces[row], &cell, style),
        Some(_) => cell,
    })
}

fn row(space: &Value) -> Vec<String> {
    let text = |value: &Value| printable(value.as_str().unwrap_or("-"));
    let number = |value: &Value| value.as_u64().map_or_else(|| "-".to_owned(), |number| number.to_string());
    let usage = &space["usage"];
    let memory = usage["memory_bytes"].as_u64().map_or_else(|| "-".to_owned(), output::bytes);
    vec![
        text(&space["name"]),
        text(&space["state"]),
        text(&space["version"]),
        number(&space["generation"]),
        number(&usage["turns"]),
        number(&usage["backlog_messages"]),
        memory,
        number(&usage["dead_letters"]),
        why(space),
    ]
}

/// What keeps its newest file from serving, and that there is more to be known of the one that serves.
fn why(space: &Value) -> String {
    let reason = short(&printable(space["reason"].as_str().unwrap_or_default()));
    let warnings = match verdict::warnings(space) {
        _ if space["state"] != "running" => return reason,
        [] => return reason,
        [_] => "1 warning".to_owned(),
        warnings => format!("{} warnings", warnings.len()),
    };
    let dash = if reason.is_empty() { "" } else { " - " };
    let name = printable(space["name"].as_str().unwrap_or_default());
    format!("{reason}{dash}serves with {warnings}: spacehost inspect {name}")
}

fn short(reason: &str) -> String {
    match reason.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &reason[..cut]),
        None => reason.to_owned(),
    }
}

/// Green when all is well, yellow when it runs but something is to be said of it, red otherwise.
fn coloured(space: &Value, cell: &str, style: Style) -> String {
    let has_reason = !why(space).is_empty();
    match space["state"].as_str() {
        Some("running") if has_reason => style.warn(cell),
        Some("running") => style.good(cell),
        Some("stopped" | "removed") => style.warn(cell),
        _ => style.bad(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_space_and_a_rejected_file_are_one_row_each() {
        let usage = json!({"turns": 12, "backlog_messages": 0, "memory_bytes": 1_114_112, "dead_letters": 1});
        let running = json!({"name": "echo", "state": "running", "reason": "", "version": "0.1.0", "generation": 2,
            "usage": usage});
        let rejected = json!({"name": "bad", "state": "rejected", "reason": "it is no component"});
        let lines = lines(&[running, rejected], Style::plain());
        assert_eq!(lines[1], "echo   running   0.1.0    2    12     0        1.1 MiB  1");
        assert_eq!(lines[2], "bad    rejected  -        -    -      -        -        -     it is no component");
    }

    #[test]
    fn warnings_of_the_version_that_serves_are_counted_and_can_be_looked_up() {
        let report = json!({"to_generation": 2, "warnings": ["the command `list` is gone", "and 3 more"]});
        let mut space = json!({"name": "shop", "state": "running", "reason": "", "generation": 2,
            "file": {"last_reload": report}});
        assert_eq!(why(&space), "serves with 2 warnings: spacehost inspect shop");
        space["reason"] = json!("the new file is refused");
        assert_eq!(why(&space), "the new file is refused - serves with 2 warnings: spacehost inspect shop");
        space["file"]["last_reload"]["warnings"] = json!([]);
        assert_eq!(why(&space), "the new file is refused");
    }
}
