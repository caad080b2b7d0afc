//! What the operator has set for windows and alerts, read from the system's own settings, so that spaces and demo are told
//! the same.
//!
//! Must not know what follows from it. Fails when the file is not as expected.

use crate::cli::demo::text;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Debug, Deserialize)]
pub struct Plan {
    pub hours: u64,
    pub delay_hours: u64,
    pub late_hours: u64,
}

#[derive(Debug, Deserialize)]
pub struct Rule {
    pub name: String,
    pub metric: String,
    /// `value` of a reading, or a figure of a window.
    pub of: String,
    pub at_least: Option<i64>,
    pub at_most: Option<i64>,
}

#[derive(Debug)]
pub struct Settings {
    /// By metric.
    pub plans: BTreeMap<String, Plan>,
    pub rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct File {
    spaces: Spaces,
}

#[derive(Deserialize)]
struct Spaces {
    analytics: Space<Windows>,
    alerts: Space<Rules>,
}

#[derive(Deserialize)]
struct Space<T> {
    config: T,
}

#[derive(Deserialize)]
struct Windows {
    windows: BTreeMap<String, Plan>,
}

#[derive(Deserialize)]
struct Rules {
    rules: Vec<Rule>,
}

pub fn read(file: &Path) -> Result<Settings> {
    let File { spaces } =
        toml::from_str(&text(file)?).with_context(|| format!("{} is not as expected", file.display()))?;
    Ok(Settings { plans: spaces.analytics.config.windows, rules: spaces.alerts.config.rules })
}
