//! Events in the JSON form of CloudEvents 1.0.
//!
//! What a client sent as a CloudEvent comes out with the attributes that it came with; a space cannot give itself those of another,
//! so its headers are not taken for attributes. Must not know how events travel. Cannot fail: what a header cannot be in CloudEvents
//! is left out.

use super::{PARTITION_KEY, PASSED_ON, PREFIX, is_json};
use crate::http::payload::Payload;
use crate::runtime::api::Published;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    #[serde(rename = "type")]
    topic: &'a str,
    #[serde(flatten)]
    attributes: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<&'a str>,
}

/// The id of an event, also after a restart, when the host counts from the beginning again.
pub fn id(host: &str, event: &Published) -> String {
    format!("{host}-{}", event.id)
}

/// The event under the id that the host has given it, unless it came with one.
pub fn json(event: &Published, id: &str) -> String {
    let source = source(&event.source);
    let time = humantime::format_rfc3339_millis(event.time).to_string();
    let mut attributes = BTreeMap::from([("id", id), ("source", &source), ("time", &time)]);
    attributes.extend(event.key.as_deref().map(|key| (PARTITION_KEY, key)));
    attributes.extend(given(event));
    let text = text(event, attributes.get("datacontenttype").copied());
    let payload = if text.is_some() { Payload::Empty } else { Payload::of(&event.body) };
    if let (Some(usual), false) = (content_type(&payload), attributes.contains_key("datacontenttype")) {
        attributes.insert("datacontenttype", usual);
    }
    let data = text.as_deref().or_else(|| payload.json());
    let document =
        CloudEvent { specversion: "1.0", topic: &event.topic, attributes, data, data_base64: payload.base64() };
    // Strings, and JSON that has been read: this does not fail.
    serde_json::to_string(&document).unwrap_or_default()
}

/// The attributes that are headers of the message.
fn given(event: &Published) -> impl Iterator<Item = (&str, &str)> {
    let is_clients = &*event.source == "client";
    let headers = event.headers.as_deref().map(Vec::as_slice).unwrap_or_default();
    headers.iter().filter_map(move |(header, value)| {
        let passed_on = PASSED_ON.iter().find(|(_, known)| known == header).map(|(attribute, _)| *attribute);
        let own = || header.strip_prefix(PREFIX).filter(|_| is_clients);
        Some((passed_on.or_else(own)?, value.as_str()))
    })
}

/// Text that the sender has declared as something else than JSON is a string.
fn text(event: &Published, content_type: Option<&str>) -> Option<Box<RawValue>> {
    content_type.filter(|content_type| !is_json(content_type) && !event.body.is_empty())?;
    let text = std::str::from_utf8(&event.body).ok()?;
    serde_json::value::to_raw_value(text).ok()
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
            "time": "1970-01-01T00:00:01.500Z", "partitionkey": "4711", "correlationid": "c-1",
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

    fn sent_by(source: &str, headers: &[(&str, &str)], body: &'static [u8]) -> serde_json::Value {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let event = Published {
            id: MessageId { sequence: 42, ordinal: 1 },
            topic: "a.b".into(),
            source: source.into(),
            body: Bytes::from_static(body),
            key: None,
            headers: Some(Arc::new(headers)),
            time: SystemTime::UNIX_EPOCH,
        };
        serde_json::from_str(&json(&event, &id("host", &event))).unwrap()
    }

    #[test]
    fn what_came_as_a_cloud_event_goes_as_it_came() {
        let headers = [
            ("ce-id", "i"),
            ("ce-source", "/x"),
            ("ce-time", "2020-01-01T00:00:00Z"),
            ("ce-subject", "s"),
            ("ce-datacontenttype", "text/plain"),
            ("ce-colour", "red"),
        ];
        let expected = serde_json::json!({
            "specversion": "1.0", "id": "i", "source": "/x", "type": "a.b", "time": "2020-01-01T00:00:00Z", "subject": "s",
            "datacontenttype": "text/plain", "colour": "red", "data": "{}",
        });
        assert_eq!(sent_by("client", &headers, b"{}"), expected);
        assert_eq!(sent_by("client", &headers, b"\xff")["data_base64"], "/w==");
    }

    #[test]
    fn a_space_cannot_pass_its_events_off_as_those_of_another() {
        let forged = sent_by("orders", &[("ce-source", "/spaces/payments"), ("ce-id", "1")], b"{}");
        assert_eq!((&forged["source"], &forged["id"]), (&"/spaces/orders".into(), &"host-42-1".into()));
    }
}
