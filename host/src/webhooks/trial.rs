//! A test of a webhook: one event of its own, posted now, beside its order.
//!
//! Owns what is posted. Nothing of it is kept, and no state changes: the answer is for whoever has asked. Fails when there is no
//! such webhook in the settings.

use super::Webhooks;
use super::attempt::{Target, Verdict};
use super::board::ms;
use super::secret;
use crate::runtime::api::Published;
use crate::words::MessageId;
use bytes::Bytes;
use serde::Serialize;
use std::time::{Instant, SystemTime};

/// The topic is the host's own, so no space can have published it.
const TOPIC: &str = "spacehost.webhook.test";

#[derive(Debug, thiserror::Error)]
#[error("there is no webhook `{0}` in the settings")]
pub struct TestError(pub String);

/// What came of a test.
#[derive(Debug, Clone, Serialize)]
pub struct Tested {
    pub delivered: bool,
    /// What the receiver answered, or why it did not.
    pub said: String,
    pub took_ms: u64,
}

impl Webhooks {
    pub async fn test(&self, name: &str) -> Result<Tested, TestError> {
        let shared = &self.0;
        let settings = shared.settings(name).ok_or_else(|| TestError(name.chars().take(64).collect()))?;
        let (file, folder) = (settings.secret.clone(), shared.folder.clone());
        let read = tokio::task::spawn_blocking(move || secret::read(&file, &folder)).await;
        let keys = match read {
            Ok(Ok(keys)) => keys,
            Ok(Err(error)) => return Ok(untried(error.to_string())),
            Err(_) => return Ok(untried("the host ends".to_owned())),
        };
        let target = Target { settings: &settings, keys: &keys, host_id: shared.runtime.host_id() };
        let began = Instant::now();
        let verdict = target.post(&shared.client, &event(name)).await;
        let (delivered, said) = match verdict {
            Verdict::Delivered(status) => (true, format!("answered {status}")),
            Verdict::Gone => (false, "answered 410: its receiver wants nothing more".to_owned()),
            Verdict::Failed(failed) => (false, failed.why),
        };
        Ok(Tested { delivered, said, took_ms: began.elapsed().as_millis() as u64 })
    }
}

fn untried(said: String) -> Tested {
    Tested { delivered: false, said, took_ms: 0 }
}

/// Its id is none that a record gives: those begin at 1, and this is the time.
fn event(name: &str) -> Published {
    let time = SystemTime::now();
    Published {
        id: MessageId { sequence: 0, ordinal: ms(time) },
        topic: TOPIC.into(),
        source: "host".into(),
        body: Bytes::from(serde_json::json!({ "webhook": name }).to_string()),
        key: None,
        headers: None,
        time,
    }
}
