//! What is known of each device at the end: in these words the spaces tell it, and in these the demo computes it.
//!
//! Owns the questions to the spaces. Must not know what the answers should be. Fails when a space does not answer.

use crate::cli::client::Client;
use crate::cli::demo::load;
use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// From `ingestion/counts`: what became of what was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Taken {
    pub accepted: u64,
    pub duplicates: u64,
    pub expired: u64,
    pub refused: u64,
}

/// From `devices/show`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Twin {
    pub readings: u64,
    pub late: u64,
    pub oldest: u64,
    pub newest: u64,
    pub value: i64,
    /// How many alerts it has heard of.
    pub alerts: u64,
}

/// From `analytics/counts`: where the readings went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Came {
    pub on_time: u64,
    pub late: u64,
    pub too_late: u64,
}

/// From `analytics/windows`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Window {
    pub start: u64,
    pub end: u64,
    pub told: u64,
    pub count: u64,
    pub sum: i64,
    pub min: i64,
    pub max: i64,
}

/// From `alerts/list`. The value is not compared: it is that of the moment in which the alert was raised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Alert {
    pub rule: String,
    pub cause: String,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    pub taken: Taken,
    pub twin: Twin,
    pub came: Came,
    pub windows: Vec<Window>,
    pub alerts: BTreeSet<Alert>,
}

pub type ByDevice = BTreeMap<String, Found>;

/// Asks the spaces about all these devices.
pub async fn ask(client: &Client, devices: impl Iterator<Item = &String>) -> Result<ByDevice> {
    let mut found = ByDevice::new();
    for device in devices {
        let about = Found {
            taken: load::ask(client, "ingestion/counts", Some(device), &Value::Null).await?,
            twin: load::ask(client, "devices/show", Some(device), &Value::Null).await.unwrap_or_default(),
            came: load::ask(client, "analytics/counts", Some(device), &Value::Null).await?,
            windows: windows(client, device).await?,
            alerts: alerts(client, device).await?,
        };
        found.insert(device.clone(), about);
    }
    Ok(found)
}

/// Page by page.
async fn windows(client: &Client, device: &str) -> Result<Vec<Window>> {
    let mut all: Vec<Window> = Vec::new();
    loop {
        let after = all.last().map(|last| json!({ "after": last.start }));
        let page: Vec<Window> =
            load::ask(client, "analytics/windows", Some(device), &after.unwrap_or_default()).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

async fn alerts(client: &Client, device: &str) -> Result<BTreeSet<Alert>> {
    let (mut all, mut last) = (BTreeSet::new(), Value::Null);
    loop {
        let page: Vec<Value> = load::ask(client, "alerts/list", Some(device), &last).await?;
        let Some(end) = page.last() else { return Ok(all) };
        last = end.clone();
        for alert in page {
            all.insert(serde_json::from_value(alert)?);
        }
    }
}
