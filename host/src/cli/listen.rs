//! `tail` and `logs`: what the host tells as it happens.
//!
//! Owns how events and log lines look. Must not know how they are collected. Fails when the stream breaks off; that the
//! host ends it is said, and is no failure.

use super::client::Client;
use super::connect::HostArgs;
use super::output;
use super::style::{Style, printable};
use crate::words::{Level, Pattern, SpaceName};
use anyhow::Result;
use serde_json::Value;
use std::time::{Duration, SystemTime};

#[derive(Debug, clap::Args)]
pub struct TailArgs {
    /// Which topics: `*` is one token, `>` the rest
    #[arg(default_value = ">")]
    pattern: Pattern,
    /// One CloudEvent as JSON per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    host: HostArgs,
}

#[derive(Debug, clap::Args)]
pub struct LogsArgs {
    /// The space
    space: SpaceName,
    /// Go on with the lines to come
    #[arg(short, long)]
    follow: bool,
    /// How many lines of the past
    #[arg(short = 'n', long, default_value_t = 100)]
    last: usize,
    /// Only lines of this level or above: trace, debug, info, warn or error
    #[arg(long, default_value = "trace", hide_default_value = true)]
    level: Level,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    host: HostArgs,
}

pub async fn tail(args: TailArgs) -> Result<()> {
    let client = Client::new(&args.host.find()?)?;
    show_stream(&client, "/v1/events", &[("pattern", args.pattern.as_str())], shown(args.json, event)).await
}

pub async fn logs(args: LogsArgs) -> Result<()> {
    let client = Client::new(&args.host.find()?)?;
    let path = format!("/v1/spaces/{}/logs", args.space);
    let (last, level) = (args.last.to_string(), args.level.word());
    let show = shown(args.json, log_line);
    if args.follow {
        return show_stream(&client, &path, &[("follow", "true"), ("last", &last), ("level", level)], show).await;
    }
    for line in client.text(&format!("{path}?last={last}&level={level}")).await?.lines() {
        output::line(show(line))?;
    }
    Ok(())
}

async fn show_stream(client: &Client, path: &str, query: &[(&str, &str)], show: impl Fn(&str) -> String) -> Result<()> {
    let mut stream = client.listen(path, query).await?;
    while let Some(frame) = stream.next().await? {
        match frame.event.as_str() {
            "gap" => eprintln!("{}", Style::of_stderr().warn(&gap(&frame.data))),
            _ => output::line(show(&frame.data))?,
        }
    }
    eprintln!("the host has ended the stream");
    Ok(())
}

/// As it came, or in `form` for people.
fn shown(json: bool, form: fn(&Value, Style) -> String) -> impl Fn(&str) -> String {
    let style = Style::of_stdout();
    move |data| match serde_json::from_str(data) {
        Ok(value) if !json => form(&value, style),
        _ => data.to_owned(),
    }
}

fn gap(data: &str) -> String {
    let missed = serde_json::from_str::<Value>(data).ok().and_then(|gap| gap["missed"].as_u64()).unwrap_or(0);
    format!("(too slow: {missed} not shown)")
}

/// `12:00:00.000 orders.paid from orders {"total":12}`
pub fn event(event: &Value, style: Style) -> String {
    let text = |name: &str| printable(event[name].as_str().unwrap_or_default());
    let time = text("time");
    let clock = time.split(['T', 'Z']).nth(1).unwrap_or_default();
    let source = text("source");
    let source = source.rsplit('/').next().unwrap_or_default();
    let data = match (&event["data"], &event["data_base64"]) {
        (Value::Null, Value::String(base64)) => format!("base64:{base64}"),
        (Value::Null, _) => String::new(),
        (data, _) => data.to_string(),
    };
    format!(
        "{} {} {} {}",
        style.dim(clock),
        style.strong(&text("type")),
        style.dim(&format!("from {source}")),
        printable(&data)
    )
}

/// `12:00:00.000 warn  [42-0 #2] text`
fn log_line(line: &Value, style: Style) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(line["time_ms"].as_u64().unwrap_or(0));
    let time = humantime::format_rfc3339_millis(time).to_string();
    let clock = time.split(['T', 'Z']).nth(1).unwrap_or_default();
    let level = line["level"].as_str().unwrap_or_default();
    let padded = format!("{level:<5}");
    let level = match level {
        "error" => style.bad(&padded),
        "warn" => style.warn(&padded),
        _ => padded,
    };
    let text = printable(line["message"].as_str().unwrap_or_default());
    match line["id"].as_str() {
        Some(id) => {
            format!("{} {level} {} {text}", style.dim(clock), style.dim(&format!("[{id} #{}]", line["attempt"])))
        }
        None => format!("{} {level} {text}", style.dim(clock)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_one_line() {
        let given = json!({"time": "2026-01-02T03:04:05.678Z", "type": "orders.paid", "source": "/spaces/orders",
            "data": {"total": 12}});
        assert_eq!(event(&given, Style::plain()), "03:04:05.678 orders.paid from orders {\"total\":12}");
        let bytes = json!({"time": "", "type": "a", "source": "/client", "data_base64": "/w=="});
        assert!(event(&bytes, Style::plain()).ends_with("a from client base64:/w=="));
    }

    #[test]
    fn a_log_line_names_message_and_attempt() {
        let line = json!({"time_ms": 1500, "level": "warn", "message": "low", "id": "42-0", "attempt": 2});
        assert_eq!(log_line(&line, Style::plain()), "00:00:01.500 warn  [42-0 #2] low");
    }

    #[test]
    fn a_gap_says_how_much_is_missing() {
        assert_eq!(gap("{\"missed\":7}"), "(too slow: 7 not shown)");
    }
}
