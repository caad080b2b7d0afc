//! `state`: what a space has stored, in the order of its keys.
//!
//! Must not know where it is kept. Fails when the host does not know the space.

use super::client::Client;
use super::connect::HostArgs;
use super::output;
use super::style::{Style, printable};
use super::table::Table;
use crate::words::SpaceName;
use anyhow::Result;
use serde_json::{Value, json};

/// What the host gives at once, at most.
const AT_ONCE: usize = 1_000;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The space
    space: SpaceName,
    /// Only keys that begin with this, such as `orders/`
    #[arg(default_value = "")]
    prefix: String,
    /// Only this partition
    #[arg(long)]
    partition: Option<u32>,
    /// How many entries
    #[arg(short = 'n', long, default_value_t = 100)]
    limit: usize,
    /// Go on where an earlier answer has ended
    #[arg(long, value_name = "NEXT")]
    after: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    host: HostArgs,
}

const HEADINGS: [&str; 4] = ["PARTITION", "CELL", "KEY", "VALUE"];

pub async fn state(args: Args) -> Result<()> {
    let (entries, next) = read(&args).await?;
    if args.json {
        return output::json(&json!({ "entries": entries, "next": next }));
    }
    if entries.is_empty() {
        return output::line(format!("{} has stored nothing there", args.space));
    }
    for line in lines(&entries, Style::of_stdout()) {
        output::line(line)?;
    }
    match next {
        Some(next) => output::line(format!("There is more: add `--after {next}`")),
        None => Ok(()),
    }
}

/// Page by page, up to the limit.
async fn read(args: &Args) -> Result<(Vec<Value>, Option<String>)> {
    let client = Client::new(&args.host.find()?)?;
    let path = format!("/v1/spaces/{}/state", args.space);
    let (mut entries, mut next) = (Vec::new(), args.after.clone());
    while entries.len() < args.limit {
        let limit = AT_ONCE.min(args.limit - entries.len());
        let mut query = vec![("prefix", args.prefix.clone()), ("limit", limit.to_string())];
        query.extend(args.partition.map(|partition| ("partition", partition.to_string())));
        query.extend(next.map(|next| ("after", next)));
        let mut page = client.get_with(&path, &query).await?;
        next = page["next"].as_str().map(str::to_owned);
        if let Value::Array(found) = page["entries"].take() {
            entries.extend(found);
        }
        if next.is_none() {
            break;
        }
    }
    Ok((entries, next))
}

fn lines(entries: &[Value], style: Style) -> Vec<String> {
    let mut table = Table::new(&HEADINGS);
    for entry in entries {
        let (cell, key) = name(entry);
        let value = match entry.get("value") {
            Some(value) => value.to_string(),
            None => in_base64(&entry["value_base64"]),
        };
        table.row(vec![entry["partition"].to_string(), printable(&cell), printable(&key), printable(&value)]);
    }
    table.lines(|row, _, cell| if row.is_none() { style.dim(&cell) } else { cell })
}

/// The cell and the key in it, where the SDK has made it; else the key as it is.
fn name(entry: &Value) -> (String, String) {
    let Some(cell) = entry["cell"].as_str() else {
        let key = entry["key"].as_str().map(str::to_owned);
        return ("-".to_owned(), key.unwrap_or_else(|| in_base64(&entry["key_base64"])));
    };
    let members: Vec<&str> = entry["cell_key"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let key = if members.is_empty() { "-".to_owned() } else { members.join(", ") };
    (cell.to_owned(), key)
}

fn in_base64(bytes: &Value) -> String {
    match bytes.as_str() {
        Some("") => "(empty)".to_owned(),
        bytes => format!("base64:{}", bytes.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_keys_are_shown_apart_and_foreign_keys_as_they_are() {
        let entries = [
            json!({ "partition": 0, "key": "greeted", "cell": "greeted", "value": 3 }),
            json!({ "partition": 1, "key": "stock/eu#07", "cell": "stock", "cell_key": ["eu", "07"], "value": {"a": "b"} }),
            json!({ "partition": 1, "key": "a b", "value_base64": "AA==" }),
            json!({ "partition": 1, "key_base64": "/w==", "value_base64": "" }),
        ];
        let lines = lines(&entries, Style::plain());
        let words: Vec<Vec<&str>> =
            lines[1..].iter().map(|line| line.split("  ").filter(|w| !w.is_empty()).map(str::trim).collect()).collect();
        assert_eq!(
            words,
            [
                vec!["0", "greeted", "-", "3"],
                vec!["1", "stock", "eu, 07", "{\"a\":\"b\"}"],
                vec!["1", "-", "a b", "base64:AA=="],
                vec!["1", "-", "base64:/w==", "(empty)"]
            ]
        );
    }
}
