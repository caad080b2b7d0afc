//! `call` and `publish`: messages to spaces from the command line.
//!
//! Must not know what the payloads mean; that they are JSON is checked, for a slip of the shell's quotes is likely.

use super::client::Client;
use super::connect::HostArgs;
use super::failure::Failure;
use super::output;
use crate::words::topic::is_token;
use crate::words::{SpaceName, Topic};
use anyhow::{Context, Result};
use std::io::{IsTerminal, Read};

#[derive(Debug, clap::Args)]
pub struct CallArgs {
    /// The space
    space: SpaceName,
    /// The command
    command: String,
    /// Its argument as JSON; `-` reads it from standard input
    json: Option<String>,
    /// Do not wait for the reply; print the message's id
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    with: With,
    #[command(flatten)]
    host: HostArgs,
}

#[derive(Debug, clap::Args)]
pub struct PublishArgs {
    /// The topic
    topic: Topic,
    /// The payload as JSON; `-` reads it from standard input
    json: Option<String>,
    #[command(flatten)]
    with: With,
    #[command(flatten)]
    host: HostArgs,
}

/// What may come with any message.
#[derive(Debug, clap::Args)]
struct With {
    /// The partition key
    #[arg(long)]
    key: Option<String>,
    /// Repeating the message under the same key has no second effect
    #[arg(long)]
    idempotency_key: Option<String>,
}

impl With {
    fn headers(&self) -> Vec<(&str, &str)> {
        let given = [("spacehost-key", &self.key), ("idempotency-key", &self.idempotency_key)];
        given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }
}

pub async fn call(args: CallArgs) -> Result<()> {
    if !is_token(&args.command) {
        return Err(Failure::usage(format!("`{}` is no name of a command", args.command)));
    }
    let body = payload(args.json.as_deref())?;
    let wait = if args.no_wait { "?wait=false" } else { "" };
    let path = format!("/v1/spaces/{}/commands/{}{wait}", args.space, args.command);
    let reply = Client::new(&args.host.find()?)?.post(&path, body, &args.with.headers()).await?;
    print(&reply)
}

pub async fn publish(args: PublishArgs) -> Result<()> {
    let body = payload(args.json.as_deref())?;
    let path = format!("/v1/events/{}", args.topic);
    let reply = Client::new(&args.host.find()?)?.post(&path, body, &args.with.headers()).await?;
    print(&reply)
}

fn payload(given: Option<&str>) -> Result<Vec<u8>> {
    let text = match given {
        None => return Ok(Vec::new()),
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("could not read standard input")?;
            text
        }
        Some(text) => text.to_owned(),
    };
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => Ok(text.into_bytes()),
        Err(error) => Err(Failure::usage(format!("the payload is no JSON: {error}. A text needs quotes: '\"text\"'"))),
    }
}

/// Indented for people, as it came for programs.
fn print(reply: &[u8]) -> Result<()> {
    let value: Option<serde_json::Value> = serde_json::from_slice(reply).ok();
    match value {
        Some(value) if std::io::stdout().is_terminal() => output::json(&value),
        _ => output::line(String::from_utf8_lossy(reply)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_json_or_a_usage_error() {
        assert_eq!(payload(None).unwrap(), b"");
        assert_eq!(payload(Some("{\"a\": 1}")).unwrap(), b"{\"a\": 1}");
        let error = payload(Some("hello")).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Failure::Usage(_))));
    }

    #[test]
    fn only_given_headers_are_sent() {
        let with = With { key: Some("k".into()), idempotency_key: None };
        assert_eq!(with.headers(), [("spacehost-key", "k")]);
    }
}
