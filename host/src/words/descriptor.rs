//! The descriptor: what a space says of itself, and from which routing, `inspect` and forms derive.
//!
//! The text comes from an untrusted guest, so its size, names and counts are checked here. The published form is
//! `wit/descriptor.schema.json`. Unknown fields are ignored: a newer space runs on an older host.

use super::grants::Addresses;
use super::topic::{Pattern, Topic, is_token};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;

/// The schema version that this host reads.
pub const VERSION: u64 = 1;
const MAX_BYTES: usize = 1 << 20;
const MAX_ITEMS: usize = 1_024;
const MAX_PARTITIONS: u32 = 1_024;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Descriptor {
    pub descriptor: u64,
    pub version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    #[serde(default)]
    pub commands: Vec<Command>,
    #[serde(default)]
    pub events: Vec<Event>,
    #[serde(default)]
    pub subscriptions: Vec<Subscription>,
    #[serde(default)]
    pub timers: Vec<Timer>,
    #[serde(default = "one")]
    pub partitions: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    #[serde(default)]
    pub wants: Wants,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub topic: Pattern,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    #[serde(default)]
    pub private: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    pub pattern: Pattern,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timer {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
}

/// What the space asks to be granted beyond the default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Wants {
    #[serde(default)]
    pub commands: Vec<Addresses>,
    #[serde(default)]
    pub publish: Vec<Pattern>,
}

fn one() -> u32 {
    1
}

/// Why a descriptor was refused.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    #[error("its descriptor has {0} bytes; at most {MAX_BYTES} are read")]
    TooLarge(usize),
    #[error("its descriptor is not what wit/descriptor.schema.json says: {0}")]
    Form(#[from] serde_json::Error),
    #[error(
        "its descriptor has schema version {0}; this host reads {VERSION}: update the host, or build with an older SDK"
    )]
    TooNew(u64),
    #[error("its descriptor has {count} {what}; at most {MAX_ITEMS} are allowed")]
    TooMany { what: &'static str, count: usize },
    #[error("its descriptor names the {what} `{name}` twice")]
    Twice { what: &'static str, name: String },
    #[error("its descriptor's {what} `{name}` is not 1 to 63 letters, digits, - or _")]
    BadName { what: &'static str, name: String },
    #[error("its descriptor asks for {0} partitions; 1 to {MAX_PARTITIONS} are allowed")]
    Partitions(u32),
}

impl Descriptor {
    /// Reads and checks what a guest answered.
    pub fn parse(text: &str) -> Result<Self, DescriptorError> {
        if text.len() > MAX_BYTES {
            return Err(DescriptorError::TooLarge(text.len()));
        }
        let version: VersionOnly = serde_json::from_str(text)?;
        if version.descriptor != VERSION {
            return Err(DescriptorError::TooNew(version.descriptor));
        }
        let descriptor: Descriptor = serde_json::from_str(text)?;
        descriptor.check()?;
        Ok(descriptor)
    }

    fn check(&self) -> Result<(), DescriptorError> {
        check_names("command", self.commands.iter().map(|c| c.name.as_str()))?;
        check_names("timer", self.timers.iter().map(|t| t.name.as_str()))?;
        check_count("subscriptions", self.subscriptions.len())?;
        check_count("events", self.events.len())?;
        if self.version.is_empty() || self.version.len() > 64 {
            return Err(DescriptorError::BadName { what: "version", name: self.version.clone() });
        }
        if !(1..=MAX_PARTITIONS).contains(&self.partitions) {
            return Err(DescriptorError::Partitions(self.partitions));
        }
        self.wants.check()
    }

    /// Of a component that has not described itself yet.
    pub fn unknown() -> Self {
        Descriptor {
            descriptor: VERSION,
            version: "unknown".into(),
            doc: String::new(),
            commands: Vec::new(),
            events: Vec::new(),
            subscriptions: Vec::new(),
            timers: Vec::new(),
            partitions: 1,
            config: None,
            wants: Wants::default(),
        }
    }

    pub fn has_command(&self, name: &str) -> bool {
        self.commands.iter().any(|command| command.name == name)
    }

    /// Whether other spaces hear that topic of this space's only by a grant.
    pub fn keeps_private(&self, topic: &Topic) -> bool {
        self.events.iter().any(|event| event.private && event.topic.matches(topic.as_str()))
    }

    /// Whether one of the subscriptions means this topic.
    pub fn hears(&self, topic: &Topic) -> bool {
        self.subscriptions.iter().any(|s| s.pattern.matches(topic.as_str()))
    }
}

impl Wants {
    fn check(&self) -> Result<(), DescriptorError> {
        check_count("wanted commands", self.commands.len())?;
        check_count("wanted topics", self.publish.len())
    }
}

#[derive(Deserialize)]
struct VersionOnly {
    descriptor: u64,
}

fn check_count(what: &'static str, count: usize) -> Result<(), DescriptorError> {
    if count > MAX_ITEMS { Err(DescriptorError::TooMany { what, count }) } else { Ok(()) }
}

fn check_names<'a>(what: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), DescriptorError> {
    let mut seen = HashSet::new();
    for name in names {
        if !is_token(name) || name.len() > 63 {
            return Err(DescriptorError::BadName { what, name: name.chars().take(64).collect() });
        }
        if !seen.insert(name) {
            return Err(DescriptorError::Twice { what, name: name.to_owned() });
        }
    }
    check_count(what, seen.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: serde_json::Value) -> Result<Descriptor, String> {
        Descriptor::parse(&json.to_string()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_version_is_enough() {
        let descriptor = parse(serde_json::json!({"descriptor": 1, "version": "1.0"})).unwrap();
        assert_eq!(descriptor.partitions, 1);
        assert!(descriptor.commands.is_empty());
    }

    #[test]
    fn unknown_fields_are_ignored_but_a_newer_schema_is_refused() {
        assert!(parse(serde_json::json!({"descriptor": 1, "version": "1", "colour": "red"})).is_ok());
        let error = parse(serde_json::json!({"descriptor": 2, "version": 7})).unwrap_err();
        assert!(error.contains("schema version 2"), "{error}");
    }

    #[test]
    fn each_defect_is_named() {
        let with = |key: &str, value: serde_json::Value| {
            let mut json = serde_json::json!({"descriptor": 1, "version": "1"});
            json[key] = value;
            parse(json).unwrap_err()
        };
        assert!(with("commands", serde_json::json!([{"name": "a"}, {"name": "a"}])).contains("`a` twice"));
        assert!(with("commands", serde_json::json!([{"name": "a b"}])).contains("`a b`"));
        assert!(with("partitions", serde_json::json!(0)).contains("0 partitions"));
        assert!(with("subscriptions", serde_json::json!([{"pattern": "a..b"}])).contains("a..b"));
        assert!(with("wants", serde_json::json!({"commands": ["payments"]})).contains("payments"));
        assert!(Descriptor::parse(&" ".repeat(MAX_BYTES + 1)).is_err());
    }
}
