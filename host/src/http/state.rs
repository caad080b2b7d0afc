//! The state of a space: GET /v1/spaces/{space}/state?prefix=…&partition=…&limit=…&after=….
//!
//! Owns how keys and values look: text where they are text, else base64; a key as the SDK spells it also with its cell. Must
//! not know where a state is kept. Fails when the space is unknown, or `after` is none that an answer has named as `next`.

use super::Shared;
use super::error::ApiError;
use super::shown;
use crate::cloud_event::Payload;
use crate::runtime::api::{StateEntry, StatePage, StatePlace, StateQuery};
use crate::words::SpaceName;
use crate::words::cell::CellKey;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Entries in one answer, at most.
const MOST: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    #[serde(default)]
    prefix: String,
    partition: Option<u32>,
    #[serde(default = "usual_limit")]
    limit: usize,
    after: Option<String>,
}

fn usual_limit() -> usize {
    100
}

#[derive(Serialize)]
struct View<'a> {
    entries: Vec<EntryView<'a>>,
    /// For `after`; none at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct EntryView<'a> {
    partition: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cell: Option<String>,
    /// The members of a map's key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cell_key: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

pub async fn state(
    State(edge): State<Shared>,
    space: Result<Path<String>, PathRejection>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Path(space) = space?;
    let Query(Wish { prefix, partition, limit, after }) = wish?;
    let from = after.map(|after| place(&after).ok_or_else(|| not_ours(&after))).transpose()?;
    let query = StateQuery { prefix: prefix.into_bytes(), partition, limit: limit.clamp(1, MOST), from };
    let page = edge.runtime.state(&SpaceName::parse(&space)?, query).await?;
    Ok(Json(view(&page)).into_response())
}

fn view(page: &StatePage) -> View<'_> {
    View { entries: page.entries.iter().map(entry).collect(), next: page.next.as_ref().map(token) }
}

fn entry(entry: &StateEntry) -> EntryView<'_> {
    let text = std::str::from_utf8(&entry.key).ok();
    let read = CellKey::read(&entry.key);
    let value = Payload::of(&entry.value);
    // Nothing at all is no JSON either.
    let bytes = || value.json().is_none().then(String::new);
    EntryView {
        partition: entry.partition,
        key: text,
        key_base64: text.is_none().then(|| STANDARD.encode(&entry.key)),
        cell: read.as_ref().map(|read| read.cell.clone()),
        cell_key: read.map(|read| read.key).unwrap_or_default(),
        value: value.json(),
        value_base64: value.base64().map(str::to_owned).or_else(bytes),
    }
}

/// The place in one word that needs no escape in a query.
fn token(place: &StatePlace) -> String {
    let mut bytes = place.partition.to_be_bytes().to_vec();
    if let Some(after) = &place.after {
        bytes.push(1);
        bytes.extend_from_slice(after);
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

fn place(token: &str) -> Option<StatePlace> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (partition, rest) = bytes.split_first_chunk()?;
    let after = match rest.split_first() {
        None => None,
        Some((1, after)) => Some(after.to_vec()),
        Some(_) => return None,
    };
    Some(StatePlace { partition: u32::from_be_bytes(*partition), after })
}

fn not_ours(after: &str) -> ApiError {
    let after = shown::word(after);
    ApiError::BadRequest(format!("`after={after}` is none that an answer has named as `next`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn shown(key: &[u8], value: &'static [u8]) -> serde_json::Value {
        let one = StateEntry { partition: 0, key: key.to_vec(), value: Bytes::from_static(value) };
        serde_json::to_value(entry(&one)).unwrap()
    }

    #[test]
    fn what_is_text_is_shown_as_text_and_the_rest_in_base64() {
        let json = serde_json::json!({ "partition": 0, "key": "orders/eu#07", "cell": "orders", "cell_key": ["eu", "07"], "value": {"a": 1} });
        assert_eq!(shown(b"orders/eu#07", b"{\"a\":1}"), json);
        let json = serde_json::json!({ "partition": 0, "key_base64": "/w==", "value_base64": "AA==" });
        assert_eq!(shown(b"\xff", b"\0"), json);
        assert_eq!(shown(b"flag", b"")["value_base64"], "");
    }

    #[test]
    fn a_place_comes_back_from_its_token() {
        for after in [None, Some(vec![]), Some(b"a/\xff".to_vec())] {
            let there = StatePlace { partition: 3, after };
            assert_eq!(place(&token(&there)), Some(there));
        }
        for wrong in ["", "AAAA", "!", "AAAAAAI"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
