//! Settings: what the operator says in `spacehost.toml`, and what a file beside a component may say of itself.
//!
//! Pure: text in, a value or one error with its line out. Whoever can drop a plugin must not grant himself anything, so
//! `<name>.toml` may only lower limits; the operator's word comes first wherever both speak. Unknown fields are refused,
//! because a misspelt limit that is silently ignored is no limit.

mod defect;
mod reader;
mod webhooks;

pub use defect::{Defect, SettingsError};
pub use webhooks::{HookForm, HookUrl, SecretFile, WebhookSettings, Webhooks};

use super::authority;
use super::grants::{Addresses, Grants};
use super::limits::Limits;
use super::topic::{Pattern, SpaceName};
use reader::{Entry, Reader};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What follows when a check of a new version finds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// It is reported, and the new version serves.
    #[default]
    Warn,
    /// The old version goes on.
    Reject,
}

/// The policies of the checks that a new version passes before it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ReloadSettings {
    /// It lacks what the version before it had.
    pub interface: Policy,
    /// It does other things with the messages of the past than the version before it did.
    pub replay: Policy,
}

/// The settings of one space as the runtime uses them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpaceSettings {
    pub limits: Limits,
    /// What the guest sees through `config`.
    pub config: Map<String, Value>,
    pub reload: ReloadSettings,
    pub grants: Grants,
}

impl SpaceSettings {
    /// Tells these settings from others, also after a restart.
    pub fn fingerprint(&self) -> [u8; 32] {
        // Numbers, strings and what a TOML file can hold: this does not fail.
        let text = serde_json::to_vec(&(&self.limits, &self.config, self.reload, &self.grants)).unwrap_or_default();
        *blake3::hash(&text).as_bytes()
    }
}

/// `spacehost.toml`. What it leaves out is `None`: the caller knows the defaults and the command line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostSettings {
    pub listen: Option<SocketAddr>,
    pub data: Option<PathBuf>,
    pub executors: Option<usize>,
    pub swap_wait: Option<Duration>,
    /// What all instances may have together.
    pub memory_bytes: Option<u64>,
    /// Idempotency-Keys that are kept at a time.
    pub idempotency_keys: Option<usize>,
    pub journal: JournalSettings,
    pub traces: TracesSettings,
    pub names: AllowedNames,
    pub webhooks: Webhooks,
    /// All messaging is granted to all.
    development: bool,
    spaces: BTreeMap<SpaceName, SpaceSettings>,
}

/// What clients may call the host, and the pages that may ask it, besides its own address; each in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedNames {
    pub hosts: Vec<String>,
    pub origins: Vec<String>,
}

/// How the journal lies on disk, and how much of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalSettings {
    pub segment_bytes: Option<u64>,
    pub retention_bytes: Option<u64>,
    pub retention_age: Option<Duration>,
}

/// Where traces go, and which.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TracesSettings {
    /// The base of a receiver's addresses.
    pub endpoint: Option<String>,
    /// The share of new traces.
    pub sample: Option<f64>,
    pub service_name: Option<String>,
    /// Lines of `name: value`, for what must not stand in settings.
    pub headers_file: Option<PathBuf>,
}

const HOST_FIELDS: &[&str] = &[
    "data",
    "executors",
    "hosts",
    "idempotency_keys",
    "journal",
    "listen",
    "memory_bytes",
    "origins",
    "spaces",
    "swap_wait_ms",
    "telemetry",
    "webhooks",
];
const HOSTS: &str = "a list of names such as [\"spaces.example:7070\"]";
const ORIGINS: &str = "a list of origins such as [\"https://ops.example\"]";
const JOURNAL_FIELDS: &[&str] = &["retention_age_s", "retention_bytes", "segment_bytes"];
const TELEMETRY_FIELDS: &[&str] = &["traces"];
const TRACES_FIELDS: &[&str] = &["endpoint", "headers_file", "sample", "service_name"];
const SPACE_FIELDS: &[&str] = &["config", "grants", "limits", "reload"];
const OWN_FIELDS: &[&str] = &["config", "limits", "reload"];
const GRANT_FIELDS: &[&str] = &["commands", "publish", "subscribe"];
const RELOAD_FIELDS: &[&str] = &["interface", "replay"];
/// The limit that is a check of new versions: less of it lets more through.
const GATE: &str = "replay_messages";
const MAX_EXECUTORS: u64 = 1_024;
const MAX_SWAP_WAIT_MS: u64 = 600_000;
/// Less than one guest has by default is a slip of the pen.
const MIN_MEMORY_BYTES: u64 = 64 << 20;
/// What they take at most, without their answers, is some gigabytes then.
const MAX_KEYS: u64 = 10_000_000;
/// Two pages: the header's, and one for frames.
const MIN_SEGMENT_BYTES: u64 = 8_192;
/// A segment is read into memory at the start, one at a time.
const MAX_SEGMENT_BYTES: u64 = 1 << 30;

impl HostSettings {
    /// Reads `spacehost.toml`.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let reader = Reader::new(text);
        let mut settings = HostSettings::default();
        for entry in reader.document()?.entries() {
            match entry.key() {
                "listen" => settings.listen = Some(entry.address()?),
                "data" => settings.data = Some(entry.text("a folder such as \"spacehost-data\"")?.into()),
                "executors" => settings.executors = Some(entry.number(1, MAX_EXECUTORS)? as usize),
                "swap_wait_ms" => {
                    settings.swap_wait = Some(Duration::from_millis(entry.number(0, MAX_SWAP_WAIT_MS)?));
                }
                "memory_bytes" => settings.memory_bytes = Some(entry.number(MIN_MEMORY_BYTES, i64::MAX as u64)?),
                "idempotency_keys" => settings.idempotency_keys = Some(entry.number(1, MAX_KEYS)? as usize),
                "journal" => settings.journal = journal(&entry)?,
                "telemetry" => settings.traces = telemetry(&entry)?,
                "hosts" => settings.names.hosts = entry.spellings(HOSTS, authority::authority)?,
                "origins" => settings.names.origins = entry.spellings(ORIGINS, authority::origin)?,
                "spaces" => settings.spaces = spaces(&entry)?,
                "webhooks" => settings.webhooks = webhooks::webhooks(&entry)?,
                _ => return Err(entry.unknown("field of spacehost.toml", HOST_FIELDS)),
            }
        }
        Ok(settings)
    }

    /// The same, with all messaging granted to all spaces.
    pub fn for_development(self) -> Self {
        HostSettings { development: true, ..self }
    }

    /// What holds for a space that has no file of its own.
    pub fn space(&self, name: &SpaceName) -> SpaceSettings {
        let mut settings = self.spaces.get(name).cloned().unwrap_or_default();
        settings.grants.all = self.development;
        settings
    }

    /// What holds for the space `name`, beside whose component lies a file with this text.
    pub fn space_with(&self, name: &SpaceName, text: &str) -> Result<SpaceSettings, SettingsError> {
        let operator = self.space(name);
        let mut settings = operator.clone();
        let reader = Reader::new(text);
        for entry in reader.document()?.entries() {
            match entry.key() {
                "limits" => lower_limits(&entry, name, &mut settings.limits)?,
                "config" => settings.config = entry.json_table()?,
                "reload" => tighten_policies(&entry, name, &mut settings.reload)?,
                "grants" => return Err(entry.refused(Defect::GrantsBesideComponent)),
                _ => return Err(entry.unknown("field of a space's own file", OWN_FIELDS)),
            }
        }
        settings.config.extend(operator.config);
        Ok(settings)
    }
}

fn journal(entry: &Entry) -> Result<JournalSettings, SettingsError> {
    let mut settings = JournalSettings::default();
    for entry in entry.table("a table")?.entries() {
        match entry.key() {
            "segment_bytes" => settings.segment_bytes = Some(entry.number(MIN_SEGMENT_BYTES, MAX_SEGMENT_BYTES)?),
            "retention_bytes" => settings.retention_bytes = Some(entry.number(0, i64::MAX as u64)?),
            "retention_age_s" => {
                settings.retention_age = Some(Duration::from_secs(entry.number(0, u64::from(u32::MAX))?))
            }
            _ => return Err(entry.unknown("field of [journal]", JOURNAL_FIELDS)),
        }
    }
    Ok(settings)
}

fn telemetry(entry: &Entry) -> Result<TracesSettings, SettingsError> {
    let mut settings = TracesSettings::default();
    for entry in entry.table("tables such as [telemetry.traces]")?.entries() {
        match entry.key() {
            "traces" => settings = traces(&entry)?,
            _ => return Err(entry.unknown("field of [telemetry]", TELEMETRY_FIELDS)),
        }
    }
    Ok(settings)
}

fn traces(entry: &Entry) -> Result<TracesSettings, SettingsError> {
    let mut settings = TracesSettings::default();
    for entry in entry.table("a table")?.entries() {
        match entry.key() {
            "endpoint" => {
                settings.endpoint = Some(entry.text("an address such as \"http://127.0.0.1:4318\"")?.to_owned());
            }
            "sample" => settings.sample = Some(entry.share()?),
            "service_name" => settings.service_name = Some(entry.text("a name such as \"spacehost\"")?.to_owned()),
            "headers_file" => settings.headers_file = Some(entry.text("a file such as \"otlp-headers\"")?.into()),
            _ => return Err(entry.unknown("field of [telemetry.traces]", TRACES_FIELDS)),
        }
    }
    Ok(settings)
}

fn spaces(entry: &Entry) -> Result<BTreeMap<SpaceName, SpaceSettings>, SettingsError> {
    let mut spaces = BTreeMap::new();
    for space in entry.table("tables such as [spaces.orders]")?.entries() {
        let name = SpaceName::parse(space.key()).map_err(|error| space.refused(Defect::Name(error)))?;
        spaces.insert(name, operators_space(&space)?);
    }
    Ok(spaces)
}

fn operators_space(space: &Entry) -> Result<SpaceSettings, SettingsError> {
    let mut settings = SpaceSettings::default();
    for entry in space.table("a table")?.entries() {
        match entry.key() {
            "limits" => set_limits(&entry, &mut settings.limits)?,
            "config" => settings.config = entry.json_table()?,
            "reload" => set_policies(&entry, &mut settings.reload)?,
            "grants" => settings.grants = grants(&entry)?,
            _ => return Err(entry.unknown("field of a space in spacehost.toml", SPACE_FIELDS)),
        }
    }
    Ok(settings)
}

fn grants(entry: &Entry) -> Result<Grants, SettingsError> {
    let mut grants = Grants::default();
    for entry in entry.table("a table of grants")?.entries() {
        match entry.key() {
            "commands" => grants.commands = entry.names("a list such as [\"payments/charge\"]", Addresses::parse)?,
            "publish" => grants.publish = entry.names("a list such as [\"audit.>\"]", Pattern::parse)?,
            "subscribe" => grants.subscribe = entry.names("a list such as [\"payments.card.*\"]", Pattern::parse)?,
            _ => return Err(entry.unknown("grant", GRANT_FIELDS)),
        }
    }
    Ok(grants)
}

/// The operator raises and lowers, up to the maximum of the table.
fn set_limits(entry: &Entry, limits: &mut Limits) -> Result<(), SettingsError> {
    for limit in entry.table("a table of limits")?.entries() {
        let (row, value) = limit.limit()?;
        if let Some(field) = limits.field(row.name) {
            *field = value;
        }
    }
    Ok(())
}

/// The file beside the component lowers what the operator allows.
fn lower_limits(entry: &Entry, space: &SpaceName, limits: &mut Limits) -> Result<(), SettingsError> {
    for limit in entry.table("a table of limits")?.entries() {
        let (row, value) = limit.limit()?;
        let Some(field) = limits.field(row.name) else { continue };
        if value > *field {
            let (limit_name, unit, allowed) = (row.name, row.unit, *field);
            let raised = Defect::Raised { space: space.clone(), limit: limit_name, value, allowed, unit };
            return Err(limit.refused(raised));
        }
        if value < *field && row.name == GATE {
            return Err(limit.refused(Defect::Ungated { space: space.clone(), limit: GATE, value, wanted: *field }));
        }
        *field = value;
    }
    Ok(())
}

impl ReloadSettings {
    fn field(&mut self, entry: &Entry) -> Result<&mut Policy, SettingsError> {
        match entry.key() {
            "interface" => Ok(&mut self.interface),
            "replay" => Ok(&mut self.replay),
            _ => Err(entry.unknown("check of a new version", RELOAD_FIELDS)),
        }
    }
}

fn set_policies(entry: &Entry, reload: &mut ReloadSettings) -> Result<(), SettingsError> {
    for entry in entry.table("a table of policies")?.entries() {
        *reload.field(&entry)? = entry.policy()?;
    }
    Ok(())
}

/// Whoever can drop a plugin must not wave it through.
fn tighten_policies(entry: &Entry, space: &SpaceName, reload: &mut ReloadSettings) -> Result<(), SettingsError> {
    for entry in entry.table("a table of policies")?.entries() {
        let (field, policy) = (reload.field(&entry)?, entry.policy()?);
        if policy < *field {
            return Err(entry.refused(Defect::Loosened { space: space.clone(), check: entry.key().to_owned() }));
        }
        *field = policy;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
