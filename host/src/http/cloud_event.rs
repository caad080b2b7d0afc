//! Events in the JSON form of CloudEvents 1.0.
//!
//! Must not know how they travel. Cannot fail: what a header cannot be in CloudEvents is left out.

use super::payload::Payload;
use crate::runtime::api::Published;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    source: String,
    #[serde(rename = "type")]
    topic: &'a str,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    datacontenttype: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<&'a str>,
}

/// The id of an event, also after a restart, when the host counts from the beginning again.
pub fn id(host: &str, event: &Published) -> String {
    format!("{host}-{}", event.id)
}

pub fn json(event: &Published, id: &str) -> String {
    let payload = Payload::of(&event.body);
    let header = |name| header(event, name);
    let document = CloudEvent {
        specversion: "1.0",
        id,
        source: source(&event.source),
        topic: &event.topic,
        time: humantime::format_rfc3339_millis(event.time).to_string(),
        key: event.key.as_deref(),
        traceparent: header("traceparent"),
        tracestate: header("tracestate"),
        correlationid: header("correlation-id"),
        datacontenttype: content_type(&payload),
        data: payload.json(),
        data_base64: payload.base64(),
    };
    // Strings, and JSON that has been read: this does not fail.
    serde_json::to_string(&document).unwrap_or_default()
}

/// Whoever is not a space is none of the names that a space can have a path under.
fn source(name: &str) -> String {
    match name {
        "client" | "host" | "timer" => format!("/{name}"),
        space => format!("/spaces/{space}"),
    }
}

fn content_type(payload: &Payload<'_>) -> Option<&'static str> {
    match payload {
        Payload::Json(_) => Some("application/json"),
        Payload::Base64(_) => Some("application/octet-stream"),
        Payload::Empty => None,
    }
}

fn header<'a>(event: &'a Published, name: &str) -> Option<&'a str> {
    let headers = event.headers.as_deref()?;
    headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::MessageId;
    use bytes::Bytes;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    fn event(body: &'static [u8]) -> serde_json::Value {
        let event = Published {
            id: MessageId { sequence: 42, ordinal: 1 },
            topic: "orders.4711.paid".into(),
            source: "orders".into(),
            body: Bytes::from_static(body),
            key: Some("4711".into()),
            headers: Some(Arc::new(vec![("correlation-id".into(), "c-1".into())])),
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_500),
        };
        serde_json::from_str(&json(&event, &id("host", &event))).unwrap()
    }

    #[test]
    fn json_payloads_are_data() {
        let expected = serde_json::json!({
            "specversion": "1.0", "id": "host-42-1", "source": "/spaces/orders", "type": "orders.4711.paid",
            "time": "1970-01-01T00:00:01.500Z", "key": "4711", "correlationid": "c-1",
            "datacontenttype": "application/json", "data": {"total": 12},
        });
        assert_eq!(event(b"{\"total\": 12}"), expected);
    }

    #[test]
    fn other_payloads_are_base64_and_none_is_nothing() {
        assert_eq!(event(b"\xff")["data_base64"], "/w==");
        let empty = event(b"");
        assert!(empty.get("data").is_none() && empty.get("data_base64").is_none());
    }
}
