//! Events in the two forms of CloudEvents 1.0.
//!
//! What a client sent as a CloudEvent comes out with the attributes that it came with; a space cannot give itself those of another,
//! so its headers are not taken for attributes. Must not know how events travel. Cannot fail: what a header cannot be in CloudEvents
//! is left out.

use super::{PARTITION_KEY, PASSED_ON, PREFIX, Payload, is_json};
use crate::runtime::api::Published;
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

const SPEC_VERSION: &str = "1.0";
/// The attribute that is a header of its own in the binary form.
const CONTENT_TYPE: &str = "datacontenttype";

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    #[serde(rename = "type")]
    topic: &'a str,
    #[serde(flatten)]
    attributes: Attributes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<&'a str>,
}

type Attributes<'a> = BTreeMap<&'a str, Cow<'a, str>>;

/// An event whose payload is a body and whose attributes are headers.
#[derive(Debug, PartialEq, Eq)]
pub struct Binary {
    pub content_type: Option<String>,
    pub headers: Vec<(String, String)>,
}

/// The id of an event, also after a restart, when the host counts from the beginning again.
pub fn id(host: &str, event: &Published) -> String {
    format!("{host}-{}", event.id)
}

/// The event under the id that the host has given it, unless it came with one.
pub fn json(event: &Published, id: &str) -> String {
    let mut attributes = attributes(event, id);
    let text = text(event, attributes.get(CONTENT_TYPE).map(AsRef::as_ref));
    let payload = if text.is_some() { Payload::Empty } else { Payload::of(&event.body) };
    if let (Some(usual), false) = (content_type(&payload), attributes.contains_key(CONTENT_TYPE)) {
        attributes.insert(CONTENT_TYPE, usual.into());
    }
    let data = text.as_deref().or_else(|| payload.json());
    let document =
        CloudEvent { specversion: SPEC_VERSION, topic: &event.topic, attributes, data, data_base64: payload.base64() };
    // Strings, and JSON that has been read: this does not fail.
    serde_json::to_string(&document).unwrap_or_default()
}

/// The same as headers, beside which the payload is the body as it is.
pub fn binary(event: &Published, id: &str) -> Binary {
    let mut attributes = attributes(event, id);
    let given = attributes.remove(CONTENT_TYPE).map(Cow::into_owned);
    let content_type = given.or_else(|| content_type(&Payload::of(&event.body)).map(str::to_owned));
    attributes.extend([("specversion", SPEC_VERSION.into()), ("type", (&*event.topic).into())]);
    let header = |(name, value): (&str, Cow<'_, str>)| (format!("{PREFIX}{name}"), as_header(&value));
    Binary { content_type, headers: attributes.into_iter().map(header).collect() }
}

fn attributes<'a>(event: &'a Published, id: &'a str) -> Attributes<'a> {
    let time = humantime::format_rfc3339_millis(event.time).to_string();
    let source = source(&event.source).into();
    let mut attributes = BTreeMap::from([("id", id.into()), ("source", source), ("time", time.into())]);
    attributes.extend(event.key.as_deref().map(|key| (PARTITION_KEY, key.into())));
    attributes.extend(given(event).map(|(name, value)| (name, value.into())));
    attributes
}

/// A value as CloudEvents write it into a header: what is not plain, printable ASCII is percent-encoded.
fn as_header(value: &str) -> String {
    let mut header = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'"' | b'%' => drop(write!(header, "%{byte:02X}")),
            b'!'..=b'~' => header.push(char::from(byte)),
            _ => drop(write!(header, "%{byte:02X}")),
        }
    }
    header
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
    fn in_the_binary_form_attributes_are_headers_that_any_server_reads() {
        let event = Published {
            id: MessageId { sequence: 42, ordinal: 1 },
            topic: "a.b".into(),
            source: "client".into(),
            body: Bytes::from_static(b"{}"),
            key: Some("K\u{f6}ln %1".into()),
            headers: Some(Arc::new(vec![("ce-subject".into(), "\"x\"".into()), ("traceparent".into(), "00-1".into())])),
            time: SystemTime::UNIX_EPOCH,
        };
        let Binary { content_type, headers } = binary(&event, "h-42-1");
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("ce-id", "h-42-1"),
            ("ce-partitionkey", "K%C3%B6ln%20%251"),
            ("ce-source", "/client"),
            ("ce-specversion", "1.0"),
            ("ce-subject", "%22x%22"),
            ("ce-time", "1970-01-01T00:00:00.000Z"),
            ("ce-traceparent", "00-1"),
            ("ce-type", "a.b"),
        ];
        assert_eq!((content_type.as_deref(), headers), (Some("application/json"), expected.to_vec()));
        let empty = Published { body: Bytes::new(), ..event };
        assert_eq!(binary(&empty, "i").content_type, None);
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
