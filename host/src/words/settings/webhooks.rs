//! `[webhooks.<name>]` of `spacehost.toml`: where events are posted, which, and how patiently.
//!
//! Pure: the secret's file is named here and read elsewhere. An address may hold a secret in its path or query, so nothing
//! here shows more of it than its host, and no refusal quotes it.

use super::defect::{Defect, SettingsError};
use super::reader::Entry;
use crate::words::topic::{Pattern, SpaceName};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Series of metrics, tasks and connections are bounded by it.
pub const MOST_WEBHOOKS: usize = 100;
/// Each event is compared with each of them.
const MOST_TOPICS: usize = 64;
const MOST_ATTEMPTS: u64 = 1_000;
const DAY_MS: u64 = 86_400_000;
const FIELDS: &[&str] = &[
    "attempts",
    "backlog_bytes",
    "format",
    "retry_first_ms",
    "retry_most_ms",
    "secret",
    "timeout_ms",
    "topics",
    "url",
];
const SECRET_FIELDS: &[&str] = &["file"];
const SECRET: &str = "a file such as { file = \"billing.secret\" }";
const URL: &str = "an address such as \"https://example.org/hooks\"";

/// By name.
pub type Webhooks = BTreeMap<Arc<str>, WebhookSettings>;

/// One subscription whose events are posted to an address.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookSettings {
    pub url: HookUrl,
    pub topics: Vec<Pattern>,
    pub secret: SecretFile,
    pub form: HookForm,
    /// At one event, before it is a dead letter.
    pub attempts: u32,
    /// For one attempt, from the connection to the end of the answer's head.
    pub timeout: Duration,
    /// Before the second attempt; doubled each time.
    pub retry_first: Duration,
    pub retry_most: Duration,
    /// Of the journal, kept for it while it is behind.
    pub backlog_bytes: u64,
}

/// The form of CloudEvents that is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookForm {
    /// All of the event is the body, in JSON.
    Structured,
    /// The payload is the body, attributes are headers.
    Binary,
}

/// Where the secret is, relative to the folder of `spacehost.toml`, and the line that says so.
#[derive(Debug, Clone)]
pub struct SecretFile {
    pub path: PathBuf,
    pub line: usize,
}

/// A line that moves is no change.
impl PartialEq for SecretFile {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

/// An address of http or https. Shown, it is only its host.
#[derive(Clone, PartialEq, Eq)]
pub struct HookUrl(Url);

impl HookUrl {
    /// Fails with what is wrong, which quotes nothing of it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is none")?;
        match () {
            () if !matches!(url.scheme(), "http" | "https") => Err("it begins with neither http:// nor https://"),
            () if url.host_str().is_none_or(str::is_empty) => Err("it names no host"),
            () if !url.username().is_empty() || url.password().is_some() => {
                Err("it has a name or password in it: the receiver knows the host by the signature")
            }
            () if url.fragment().is_some() => Err("it has a fragment (`#`), which is never sent"),
            () => Ok(HookUrl(url)),
        }
    }

    /// All of it. For the request alone: never for a log.
    pub fn reveal(&self) -> &str {
        self.0.as_str()
    }

    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.0.path() == "/" && self.0.query().is_none() { "" } else { "…" };
        write!(f, "{}/{more}", self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

pub fn webhooks(entry: &Entry) -> Result<Webhooks, SettingsError> {
    let mut webhooks = BTreeMap::new();
    for section in entry.table("tables such as [webhooks.billing]")?.entries() {
        let name = name(&section)?;
        if webhooks.len() == MOST_WEBHOOKS {
            return Err(section.refused(Defect::TooMany { what: "webhooks", most: MOST_WEBHOOKS }));
        }
        webhooks.insert(name, webhook(&section)?);
    }
    Ok(webhooks)
}

/// The grammar is that of spaces, because both are parts of paths and labels.
fn name(section: &Entry) -> Result<Arc<str>, SettingsError> {
    let wrong = |_| section.refused(Defect::WebhookName(section.key().chars().take(64).collect()));
    SpaceName::parse(section.key()).map(|name| name.shared()).map_err(wrong)
}

fn webhook(section: &Entry) -> Result<WebhookSettings, SettingsError> {
    let (mut url, mut topics, mut secret) = (None, None, None);
    let (mut form, mut attempts, mut timeout_ms) = (HookForm::Structured, 10, 10_000);
    let (mut first_ms, mut most_ms, mut backlog_bytes) = (1_000, 600_000, 1 << 30);
    for entry in section.table("a table")?.entries() {
        match entry.key() {
            "url" => url = Some(address(&entry)?),
            "topics" => topics = Some(patterns(&entry)?),
            "secret" => secret = Some(secret_file(&entry)?),
            "format" => {
                let forms = [("structured", HookForm::Structured), ("binary", HookForm::Binary)];
                form = entry.one_of("\"structured\" or \"binary\"", &forms)?;
            }
            "attempts" => attempts = entry.number(1, MOST_ATTEMPTS)? as u32,
            "timeout_ms" => timeout_ms = entry.number(1, 600_000)?,
            "retry_first_ms" => first_ms = entry.number(1, DAY_MS)?,
            "retry_most_ms" => most_ms = entry.number(1, DAY_MS)?,
            "backlog_bytes" => backlog_bytes = entry.number(0, i64::MAX as u64)?,
            _ => return Err(entry.unknown("field of a webhook", FIELDS)),
        }
    }
    let missing = |name, wanted| section.refused(Defect::Missing { section: section.key().to_owned(), name, wanted });
    Ok(WebhookSettings {
        url: url.ok_or_else(|| missing("url", "url = \"https://example.org/hooks\""))?,
        topics: topics.ok_or_else(|| missing("topics", "topics = [\"orders.*.paid\"]"))?,
        secret: secret.ok_or_else(|| missing("secret", "secret = { file = \"billing.secret\" }"))?,
        form,
        attempts,
        timeout: Duration::from_millis(timeout_ms),
        retry_first: Duration::from_millis(first_ms),
        retry_most: Duration::from_millis(most_ms.max(first_ms)),
        backlog_bytes,
    })
}

fn address(entry: &Entry) -> Result<HookUrl, SettingsError> {
    HookUrl::parse(entry.text(URL)?).map_err(|why| entry.refused(Defect::Address { why }))
}

fn patterns(entry: &Entry) -> Result<Vec<Pattern>, SettingsError> {
    let wanted = "a list such as [\"orders.*.paid\"]";
    let patterns = entry.names(wanted, Pattern::parse)?;
    match patterns.len() {
        0 => Err(entry.form(wanted)),
        count if count > MOST_TOPICS => Err(entry.refused(Defect::TooMany { what: "topics", most: MOST_TOPICS })),
        _ => Ok(patterns),
    }
}

/// Only ever a file: what stands in settings is copied about with them.
fn secret_file(entry: &Entry) -> Result<SecretFile, SettingsError> {
    let mut file = None;
    // What is found in its place may be the secret itself, and is not quoted.
    for entry in entry.table(SECRET).map_err(|_| entry.refused(Defect::OpenSecret))?.entries() {
        match entry.key() {
            "file" => file = Some(SecretFile { path: entry.text(SECRET)?.into(), line: entry.line() }),
            _ => return Err(entry.unknown("field of a secret", SECRET_FIELDS)),
        }
    }
    file.ok_or_else(|| entry.form(SECRET))
}

#[cfg(test)]
mod tests {
    use super::super::HostSettings;
    use super::*;

    const WHOLE: &str = "url = \"https://example.org/hooks?key=s3cret\"\ntopics = [\"orders.*.paid\"]\nsecret = { file = \"b.secret\" }\n";

    fn read(text: &str) -> Result<Webhooks, String> {
        HostSettings::parse(text).map(|settings| settings.webhooks).map_err(|error| error.to_string())
    }

    fn refused(more: &str) -> String {
        read(&format!("[webhooks.billing]\n{WHOLE}{more}")).unwrap_err()
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let webhooks = read(&format!("[webhooks.billing]\n{WHOLE}")).unwrap();
        let billing = &webhooks["billing"];
        assert_eq!((billing.form, billing.attempts, billing.backlog_bytes), (HookForm::Structured, 10, 1 << 30));
        assert_eq!(
            (billing.retry_first.as_secs(), billing.retry_most.as_secs(), billing.timeout.as_secs()),
            (1, 600, 10)
        );
        assert_eq!((billing.secret.path.as_os_str(), billing.secret.line), ("b.secret".as_ref(), 4));
        assert_eq!(billing.url.reveal(), "https://example.org/hooks?key=s3cret");
    }

    #[test]
    fn a_webhook_shows_the_host_of_its_address_and_nothing_else_of_it() {
        let shown = format!("{:?}", read(&format!("[webhooks.billing]\n{WHOLE}")).unwrap());
        assert!(shown.contains("https://example.org/…") && !shown.contains("s3cret"), "{shown}");
        assert_eq!(HookUrl::parse("http://127.0.0.1:9/").unwrap().to_string(), "http://127.0.0.1:9/");
    }

    #[test]
    fn each_refusal_has_its_line_and_what_to_write_and_quotes_no_secret() {
        let golden = [
            (refused("urls = 1"), "line 5: `urls` is no field of a webhook; did you mean `url`?"),
            (refused("format = \"xml\""), "line 5: `format` must be \"structured\" or \"binary\", not \"xml\""),
            (refused("attempts = 0"), "line 5: `attempts = 0` is out of range: 1 to 1000 is allowed"),
            (
                read("[webhooks.billing]\ntopics = [\"a\"]").unwrap_err(),
                "line 1: [webhooks.billing] lacks `url`: add a line such as url = \"https://example.org/hooks\"",
            ),
            (
                read("[webhooks.Billing]").unwrap_err(),
                "line 1: `Billing` is no name for a webhook: use 1 to 63 of a-z, 0-9 and -, such as `billing`",
            ),
            (
                read("[webhooks.b]\nurl = \"https://me:s3cret@example.org\"").unwrap_err(),
                "line 2: `url` is no address that events can be posted to: it has a name or password in it: the receiver \
                 knows the host by the signature. Write one such as \"https://example.org/hooks\"",
            ),
            (
                read("[webhooks.b]\nsecret = \"whsec_s3cret\"").unwrap_err(),
                "line 2: `secret` stands open in the settings: put it into a file that only you can read, and name that, \
                 such as { file = \"billing.secret\" }",
            ),
            (
                read("[webhooks.b]\ntopics = [\n\"a\",\n\"b..c\"]").unwrap_err(),
                "line 4: `b..c` is no pattern: use tokens joined by dots, `*` for one token, `>` for the rest at the end",
            ),
            (
                read("[webhooks.b]\ntopics = []").unwrap_err(),
                "line 2: `topics` must be a list such as [\"orders.*.paid\"], not a list",
            ),
        ];
        for (error, expected) in golden {
            assert_eq!(error, expected);
        }
        for address in ["ftp://a", "a", "https://", "mailto:a@b", "http://a/#b"] {
            let error = read(&format!("[webhooks.b]\nurl = \"{address}\"")).unwrap_err();
            assert!(error.starts_with("line 2: `url` is no address that events can be posted to: "), "{error}");
        }
    }

    #[test]
    fn more_webhooks_than_can_be_looked_after_are_refused() {
        let sections = (0..=MOST_WEBHOOKS).map(|number| format!("[webhooks.w{number}]\n{WHOLE}"));
        let error = read(&sections.collect::<String>()).unwrap_err();
        assert!(error.ends_with("there are more than 100 webhooks: leave some out"), "{error}");
    }
}
