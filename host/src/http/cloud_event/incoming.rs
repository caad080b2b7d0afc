//! From a request to an event: which form it has, its attributes, its data.
//!
//! Must not know where the event goes. Fails when it says that it is a CloudEvent and is none.

use super::attributes::{Attributes, Malformed};
use crate::cloud_event::{PARTITION_KEY, PASSED_ON, PREFIX, is_json};
use crate::http::error::ApiError;
use crate::http::shown;
use crate::runtime::api::Delivery;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How an event comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All in one JSON document.
    Structured,
    /// Attributes in headers, data in the body.
    Binary,
}

/// An event that was found to be in order.
pub struct Incoming {
    attributes: Attributes,
    pub data: Bytes,
}

/// Whether a request is a CloudEvent. Taking an envelope for a payload would be a silent misunderstanding.
pub fn form(headers: &HeaderMap) -> Result<Option<Form>, ApiError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let says_binary =
        ["ce-specversion", "ce-id", "ce-source", "ce-type"].iter().any(|name| headers.contains_key(*name));
    match media.as_str() {
        "application/cloudevents+json" | "application/cloudevents" => Ok(Some(Form::Structured)),
        media if media.starts_with("application/cloudevents") => Err(ApiError::Unsupported(shown::word(media))),
        _ => Ok(says_binary.then_some(Form::Binary)),
    }
}

impl Incoming {
    pub fn read(form: Form, headers: &HeaderMap, body: Bytes) -> Result<Self, Malformed> {
        match form {
            Form::Structured => structured(&body),
            Form::Binary => binary(headers, body),
        }
    }

    /// The topic that it is published under.
    pub fn topic(&self) -> &str {
        self.attributes.required("type")
    }

    /// What makes two events the same one, as the specification says. Neither part holds a line's end.
    pub fn identity(&self) -> String {
        format!("{}\n{}", self.attributes.required("source"), self.attributes.required("id"))
    }

    /// Lets the attributes travel with the message. What the request says of itself in headers goes before.
    pub fn add_to(&self, delivery: &mut Delivery) {
        let mut headers = delivery.headers.take().map(|given| (*given).clone()).unwrap_or_default();
        for (name, value) in self.attributes.iter().filter(|(name, _)| !matches!(*name, "specversion" | "type")) {
            let passed_on = PASSED_ON.iter().find(|(attribute, _)| *attribute == name);
            let header = passed_on.map_or_else(|| format!("{PREFIX}{name}"), |(_, header)| (*header).to_owned());
            if name == PARTITION_KEY {
                delivery.key.get_or_insert_with(|| value.into());
            } else if headers.iter().all(|(given, _)| *given != header) {
                headers.push((header, value.to_owned()));
            }
        }
        delivery.headers = (!headers.is_empty()).then(|| Arc::new(headers));
    }
}

fn structured(body: &[u8]) -> Result<Incoming, Malformed> {
    let not_json = |error: serde_json::Error| Malformed::NotJson(error.to_string());
    let mut members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(body).map_err(not_json)?;
    let (data, encoded) = (members.remove("data"), members.remove("data_base64"));
    let mut given = Vec::new();
    for (name, value) in members {
        if let Some(value) = text(&name, value)? {
            given.push((name.into_owned(), value));
        }
    }
    let attributes = Attributes::check(given.into_iter())?;
    let data = match (data, encoded) {
        (Some(_), Some(_)) => return Err(Malformed::TwoBodies),
        (Some(data), None) => plain(&attributes, data)?,
        (None, Some(encoded)) => decoded(encoded)?,
        (None, None) => Bytes::new(),
    };
    Ok(Incoming { attributes, data })
}

/// The canonical text of an attribute; `null` is as if it were not there.
fn text(name: &str, value: &RawValue) -> Result<Option<String>, Malformed> {
    match serde_json::from_str(value.get()) {
        Ok(Value::Null) => Ok(None),
        Ok(Value::String(text)) => Ok(Some(text)),
        Ok(Value::Bool(value)) => Ok(Some(value.to_string())),
        Ok(Value::Number(number)) if number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {
            Ok(Some(number.to_string()))
        }
        _ => Err(Malformed::value(name, value.get(), "a string, true, false, or an integer of 32 bits")),
    }
}

/// JSON data is kept as written; text of another type is the payload itself.
fn plain(attributes: &Attributes, data: &RawValue) -> Result<Bytes, Malformed> {
    if attributes.get("datacontenttype").is_none_or(is_json) {
        return Ok(Bytes::copy_from_slice(data.get().as_bytes()));
    }
    let text: Result<String, _> = serde_json::from_str(data.get());
    let must = "a string, because `datacontenttype` is not JSON; other bytes go into `data_base64`";
    text.map(Bytes::from).map_err(|_| Malformed::value("data", data.get(), must))
}

fn decoded(encoded: &RawValue) -> Result<Bytes, Malformed> {
    let wrong = || Malformed::value("data_base64", encoded.get(), "a string in base64, as in RFC 4648, with padding");
    let text: String = serde_json::from_str(encoded.get()).map_err(|_| wrong())?;
    STANDARD.decode(text).map(Bytes::from).map_err(|_| wrong())
}

fn binary(headers: &HeaderMap, data: Bytes) -> Result<Incoming, Malformed> {
    let mut given = Vec::new();
    for (header, value) in headers {
        let Some(name) = header.as_str().strip_prefix(PREFIX) else { continue };
        let unreadable = || {
            Malformed::value(
                name,
                &String::from_utf8_lossy(value.as_bytes()),
                "UTF-8, percent-encoded where it is not visible ASCII",
            )
        };
        let value = unescaped(value.as_bytes()).ok_or_else(unreadable)?;
        if given.iter().any(|(known, _)| known == name) {
            return Err(Malformed::value(name, &value, "there once"));
        }
        if name == "datacontenttype" {
            return Err(Malformed::value(name, &value, "in the header Content-Type"));
        }
        given.push((name.to_owned(), value));
    }
    if let Some(content_type) = headers.get(CONTENT_TYPE) {
        given.push(("datacontenttype".to_owned(), String::from_utf8_lossy(content_type.as_bytes()).into_owned()));
    }
    Ok(Incoming { attributes: Attributes::check(given.into_iter())?, data })
}

/// A header's value as the binding writes it: what is no visible ASCII is percent-encoded. Quotes around it are older usage.
fn unescaped(value: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        let byte = match (*first, more) {
            (b'%', [high, low, more @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = more;
                u8::from_str_radix(std::str::from_utf8(&[*high, *low]).ok()?, 16).ok()?
            }
            (other, _) => other,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    const GOOD: [(&str, &str); 4] =
        [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/x"), ("ce-type", "a.b")];

    fn document(more: serde_json::Value) -> Result<Incoming, String> {
        let mut event = serde_json::json!({"specversion": "1.0", "id": "1", "source": "/x", "type": "a.b"});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Incoming::read(Form::Structured, &HeaderMap::new(), event.to_string().into()).map_err(|error| error.to_string())
    }

    fn sent(extra: &[(&'static str, &str)]) -> Result<Incoming, String> {
        let headers = headers(&[&GOOD, extra].concat());
        Incoming::read(Form::Binary, &headers, Bytes::from_static(b"x")).map_err(|error| error.to_string())
    }

    #[test]
    fn both_forms_are_seen_and_others_are_refused() {
        let seen = |name, value| form(&headers(&[(name, value)])).map_err(|error| error.to_string());
        assert_eq!(seen("content-type", "Application/CloudEvents+JSON; charset=utf-8"), Ok(Some(Form::Structured)));
        assert_eq!(seen("ce-specversion", "1.0"), Ok(Some(Form::Binary)));
        assert_eq!(seen("ce-id", "1"), Ok(Some(Form::Binary)), "an attribute that is missing is to be told");
        assert_eq!(seen("content-type", "application/json"), Ok(None));
        assert!(seen("content-type", "application/cloudevents-batch+json").unwrap_err().contains("batch"));
        assert!(seen("content-type", "application/cloudevents+xml").is_err());
    }

    #[test]
    fn data_is_what_its_type_says() {
        let data = |more| document(more).map(|event| event.data);
        assert_eq!(data(serde_json::json!({})), Ok(Bytes::new()));
        assert_eq!(data(serde_json::json!({"data": {"a": [1]}})).unwrap(), r#"{"a":[1]}"#);
        assert_eq!(
            data(serde_json::json!({"data": "t", "datacontenttype": "application/vnd.x+json"})).unwrap(),
            "\"t\""
        );
        assert_eq!(data(serde_json::json!({"data": "<a/>", "datacontenttype": "text/xml"})).unwrap(), "<a/>");
        assert_eq!(data(serde_json::json!({"data_base64": "/w=="})).unwrap(), &b"\xff"[..]);
        assert!(data(serde_json::json!({"data": 1, "datacontenttype": "text/xml"})).unwrap_err().contains("`data`"));
        assert!(data(serde_json::json!({"data": 1, "data_base64": ""})).unwrap_err().contains("both"));
        assert!(data(serde_json::json!({"data_base64": "?"})).unwrap_err().contains("base64"));
    }

    #[test]
    fn values_are_strings_booleans_or_integers() {
        let event = document(serde_json::json!({"a": true, "b": -7, "c": null, "d": "x"})).ok().unwrap();
        let found: Vec<_> = ["a", "b", "c", "d"].map(|name| event.attributes.get(name)).into();
        assert_eq!(found, [Some("true"), Some("-7"), None, Some("x")]);
        for bad in
            [serde_json::json!(1.5), serde_json::json!(4_294_967_296_u64), serde_json::json!({}), serde_json::json!([])]
        {
            assert!(document(serde_json::json!({ "a": bad })).err().unwrap().contains("`a`"));
        }
        assert!(Incoming::read(Form::Structured, &HeaderMap::new(), "[]".into()).is_err());
    }

    #[test]
    fn headers_are_unescaped_and_each_is_there_once() {
        let event = sent(&[("ce-subject", "Euro%20%E2%82%AC%zz"), ("content-type", "text/plain")]).ok().unwrap();
        assert_eq!(event.attributes.get("subject"), Some("Euro €%zz"));
        assert_eq!(event.attributes.get("datacontenttype"), Some("text/plain"));
        assert!(sent(&[("ce-id", "2")]).err().unwrap().contains("`id`"));
        assert!(sent(&[("ce-x", "%FF")]).err().unwrap().contains("UTF-8"));
        assert!(sent(&[("ce-datacontenttype", "text/plain")]).err().unwrap().contains("Content-Type"));
        assert!(sent(&[("ce-x", "a%0Ab")]).err().unwrap().contains("control"));
    }

    #[test]
    fn attributes_travel_as_headers_and_those_of_the_request_go_before() {
        let mut delivery =
            Delivery { headers: Some(Arc::new(vec![("traceparent".into(), "mine".into())])), ..Delivery::default() };
        let event = sent(&[
            ("ce-traceparent", "other"),
            ("ce-correlationid", "c"),
            ("ce-partitionkey", "k"),
            ("ce-subject", "s"),
        ]);
        event.ok().unwrap().add_to(&mut delivery);
        let headers = delivery.headers.unwrap();
        let get = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        assert_eq!((get("traceparent"), get("correlation-id")), (Some("mine"), Some("c")));
        assert_eq!((get("ce-id"), get("ce-source"), get("ce-subject")), (Some("1"), Some("/x"), Some("s")));
        assert_eq!((get("ce-type"), get("ce-partitionkey"), delivery.key.as_deref()), (None, None, Some("k")));
    }
}
