//! `inspect`: all about a space that a host has loaded, or about a file that none has.
//!
//! Must not know components: a file is read by the runtime, as for loading it. Fails when the host does not know the
//! space, or the file is not one.

use super::client::Client;
use super::connect::HostArgs;
use super::failure::Failure;
use super::output;
use super::style::{Style, printable};
use super::verdict;
use crate::runtime::{Place, Runtime, RuntimeConfig};
use crate::words::limits::{Row, TABLE};
use crate::words::{Descriptor, Grants, SpaceName, SpaceSettings};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The name of a space, or the path of a .wasm file
    what: String,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    host: HostArgs,
}

pub async fn inspect(args: Args) -> Result<()> {
    let found = if looks_like_a_file(&args.what) {
        of_file(PathBuf::from(&args.what)).await?
    } else {
        let name = SpaceName::parse(&args.what).map_err(Failure::usage)?;
        Client::new(&args.host.find()?)?.get(&format!("/v1/spaces/{name}")).await?
    };
    if args.json { output::json(&found) } else { output::line(text(&found, Style::of_stdout())) }
}

/// No space has a dot or a slash in its name.
fn looks_like_a_file(what: &str) -> bool {
    what.contains(['.', '/'])
}

async fn of_file(path: PathBuf) -> Result<Value> {
    // Whoever inspects a file does not trust it yet.
    let config = RuntimeConfig { executors: 1, compiler: Place::apart(), ..RuntimeConfig::default() };
    let runtime = Runtime::start(config)?;
    let loader = runtime.clone();
    let found = tokio::task::spawn_blocking(move || load(&loader, &path)).await?;
    runtime.shutdown(Duration::ZERO).await;
    found
}

fn load(runtime: &Runtime, path: &Path) -> Result<Value> {
    let bytes = std::fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
    let artifact = runtime
        .load(&bytes, &SpaceSettings::default())
        .with_context(|| format!("{} is no space that this host can run", path.display()))?;
    Ok(json!({
        "name": path.file_stem().unwrap_or_default().to_string_lossy(),
        "version": artifact.descriptor().version,
        "digest": artifact.digest(),
        "bytes": bytes.len(),
        "path": artifact.path().word(),
        "imports": artifact.imports(),
        "descriptor": artifact.descriptor(),
        "needs": needs(path, artifact.descriptor()),
    }))
}

/// What spacehost.toml has to say before it serves under the file's name; nothing for most.
fn needs(path: &Path, descriptor: &Descriptor) -> Option<String> {
    let name = SpaceName::parse(&path.file_stem()?.to_string_lossy()).ok()?;
    Some(Grants::default().missing(&name, descriptor)?.lines())
}

fn text(found: &Value, style: Style) -> String {
    let mut lines = vec![style.strong(&word(&found["name"]))];
    let mut fact = |name: &str, value: &Value| {
        let value = word(value);
        if !value.is_empty() {
            lines.push(format!("{} {value}", style.dim(&format!("{name:<11}"))));
        }
    };
    let descriptor = &found["descriptor"];
    for name in ["state", "reason", "version", "generation", "digest", "path"] {
        fact(name, &found[name]);
    }
    fact("about", &descriptor["doc"]);
    fact("partitions", &descriptor["partitions"]);
    fact("file", &found["file"]["file"]);
    fact("verdict", &found["file"]["verdict"]);
    let warnings = Value::from(verdict::warnings(found));
    lines.extend(plain_list("warnings", &warnings, style));
    for (title, list, name) in [
        ("commands", "commands", "name"),
        ("publishes", "events", "topic"),
        ("hears", "subscriptions", "pattern"),
        ("timers", "timers", "name"),
    ] {
        lines.extend(section(title, &descriptor[list], name, style));
    }
    let (asks, grants) = (&descriptor["wants"], &found["grants"]);
    for (title, list) in [
        ("asks to send commands", &asks["commands"]),
        ("asks to publish", &asks["publish"]),
        ("granted commands", &grants["commands"]),
        ("granted to publish", &grants["publish"]),
        ("granted to hear", &grants["subscribe"]),
    ] {
        lines.extend(plain_list(title, list, style));
    }
    if grants["all"] == true {
        lines.push(style.strong("granted all messaging: this is a host for development"));
    }
    let needs = found["needs"].as_str().unwrap_or_default().lines();
    lines.extend(headed("to be granted in spacehost.toml", needs.map(|line| format!("  {line}")).collect(), style));
    lines.extend(plain_list("imports", &found["imports"], style));
    lines.extend(amounts("usage", &found["usage"], style));
    lines.extend(limits(found, style));
    lines.join("\n")
}

/// A list of things with a name and a sentence.
fn section(title: &str, list: &Value, name: &str, style: Style) -> Vec<String> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let lines = items.iter().map(|item| format!("  {:<24} {}", word(&item[name]), style.dim(&word(&item["doc"]))));
    headed(title, lines.map(|line| line.trim_end().to_owned()).collect(), style)
}

fn plain_list(title: &str, list: &Value, style: Style) -> Vec<String> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    headed(title, items.iter().map(|item| format!("  {}", word(item))).collect(), style)
}

fn amounts(title: &str, table: &Value, style: Style) -> Vec<String> {
    let rows = table.as_object().into_iter().flatten();
    headed(title, rows.map(|(name, value)| format!("  {name:<24} {value}")).collect(), style)
}

/// In the order of the table, with what is used of each where that is measured.
fn limits(found: &Value, style: Style) -> Vec<String> {
    let line = |row: &Row| {
        let limit = found["limits"][row.name].as_u64()?;
        let used = found["used"][row.name].as_u64().map_or_else(String::new, |used| format!("  {used} used"));
        Some(format!("  {:<24} {:<24}{used}", row.name, format!("{limit} {}", row.unit)).trim_end().to_owned())
    };
    headed("limits", TABLE.iter().filter_map(line).collect(), style)
}

fn headed(title: &str, lines: Vec<String>, style: Style) -> Vec<String> {
    if lines.is_empty() {
        return lines;
    }
    std::iter::once(style.strong(title)).chain(lines).collect()
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => printable(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_files_are_told_apart() {
        assert!(looks_like_a_file("a.wasm") && looks_like_a_file("spaces/a.wasm"));
        assert!(!looks_like_a_file("order-book"));
    }

    #[test]
    fn warnings_of_the_version_that_serves_are_shown_whole() {
        let report = json!({"to_generation": 2, "warnings": ["the command `list` is gone", "and 3 more"]});
        let found = json!({"name": "a", "generation": 2, "file": {"verdict": "serving", "last_reload": report}});
        let text = text(&found, Style::plain());
        assert!(text.contains("warnings\n  the command `list` is gone\n  and 3 more"), "{text}");
    }

    #[test]
    fn a_limit_stands_beside_what_is_used_of_it() {
        let found = json!({"name": "a", "limits": {"memory_bytes": 67_108_864, "hops": 32}, "used": {"memory_bytes": 1_114_112}});
        let text = text(&found, Style::plain());
        let expected = "limits\n  memory_bytes             67108864 bytes            1114112 used\n  hops                     32 turns";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn what_is_asked_granted_and_needed_is_shown() {
        let wants = json!({"commands": ["b/run"], "publish": []});
        let grants = json!({"commands": ["b/*"], "publish": [], "subscribe": [], "all": false});
        let found = json!({"name": "a", "descriptor": {"wants": wants}, "grants": grants});
        assert_eq!(text(&found, Style::plain()), "a\nasks to send commands\n  b/run\ngranted commands\n  b/*");
        let file = json!({"name": "a", "needs": "[spaces.a.grants]\ncommands = [\"b/run\"]"});
        let shown = "a\nto be granted in spacehost.toml\n  [spaces.a.grants]\n  commands = [\"b/run\"]";
        assert_eq!(text(&file, Style::plain()), shown);
    }

    #[test]
    fn empty_parts_are_left_out() {
        let commands = json!([{"name": "place", "doc": "Places an order."}]);
        let found = json!({"name": "orders", "version": "1", "descriptor": {"commands": commands, "timers": []}});
        let text = text(&found, Style::plain());
        assert!(text.contains("commands\n  place                    Places an order."));
        assert!(!text.contains("timers") && !text.contains("usage"));
    }
}
