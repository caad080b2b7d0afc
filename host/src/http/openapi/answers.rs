//! Answers as the document describes them: the good one, and the problems by their status.
//!
//! Owns the form of a response, derived from the table of problem types. Must not know paths. Cannot fail.

use super::schemas::reference;
use crate::http::kinds::{self, Kind, PAGES, PREFIX};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub type Kinds = [&'static Kind];

/// What every request with a token may get.
pub const USUAL: &Kinds = &[&kinds::BAD_REQUEST, &kinds::UNAUTHORIZED, &kinds::FOREIGN, &kinds::TOO_MANY_GUESSES];

/// The responses of these types of problem, one per status.
pub fn problems(lists: &[&Kinds]) -> Map<String, Value> {
    let mut by_status: BTreeMap<u16, Vec<&Kind>> = BTreeMap::new();
    for kind in lists.iter().copied().flatten() {
        by_status.entry(kind.status.as_u16()).or_default().push(kind);
    }
    by_status.into_iter().map(|(status, kinds)| (status.to_string(), of_status(status, &kinds))).collect()
}

fn of_status(status: u16, kinds: &[&Kind]) -> Value {
    let line = |kind: &&Kind| format!("- `{PREFIX}{}`: {}. See `{PAGES}{}`.", kind.name, kind.title, kind.name);
    let lines: Vec<_> = kinds.iter().map(line).collect();
    let types: Vec<_> = kinds.iter().map(|kind| format!("{PREFIX}{}", kind.name)).collect();
    let narrowed = json!({ "properties": { "type": { "enum": types }, "status": { "const": status } } });
    let schema = json!({ "allOf": [reference("Problem"), narrowed] });
    let mut response = json!({
        "description": lines.join("\n"),
        "content": { "application/problem+json": { "schema": schema } },
    });
    match status {
        401 => {
            response["headers"] =
                json!({ "WWW-Authenticate": header("The scheme: Bearer.", json!({ "type": "string" })) })
        }
        429 | 503 => {
            let seconds = json!({ "type": "integer", "minimum": 1 });
            response["headers"] = json!({ "Retry-After": header("Seconds to wait.", seconds) });
        }
        _ => {}
    }
    response
}

fn header(what: &str, schema: Value) -> Value {
    json!({ "description": what, "required": true, "schema": schema })
}

/// A response with a body of that media type.
pub fn good(description: &str, media: &str, schema: Value) -> Value {
    json!({ "description": description, "content": { media: { "schema": schema } } })
}

/// The 202 for what was taken in to be handled later.
pub fn accepted() -> Value {
    let mut response = good("It is on disk, and will be handled.", "application/json", reference("Accepted"));
    let place = json!({ "type": "string", "format": "uri-reference" });
    response["headers"] = json!({ "Location": header("Where its outcome will be.", place) });
    response
}
