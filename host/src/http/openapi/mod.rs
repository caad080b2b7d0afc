//! The API as an OpenAPI 3.1 document: GET /openapi.json.
//!
//! Made anew for each request from what serves at that moment, so it is never stale. Owns the document's frame; the fixed paths
//! are in `routes`, commands in `commands`. Must not know how requests are answered. It tells what runs here, so it needs the
//! token. Cannot fail but with a host that ends.

mod answers;
mod commands;
mod routes;
mod schemas;

use super::Shared;
use super::error::ApiError;
use crate::runtime::api::{Refusal, SpaceState, SpaceStatus};
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

/// The host's own components: schemas of answers, and parameters.
const COMPONENTS: &str = include_str!("components.json");

const ABOUT: &str = "The API of a Spacehost: the commands of the spaces that serve at this moment, and the paths of the host itself. \
    Errors are problem documents (RFC 9457), of types that are stable; each has a page.";

pub async fn document(State(edge): State<Shared>) -> Result<Json<Value>, ApiError> {
    let mut spaces = edge.runtime.spaces();
    spaces.retain(|space| space.state == SpaceState::Running);
    // Descriptors may have megabytes, which the threads of requests must not wait for.
    let document = tokio::task::spawn_blocking(move || of(&spaces)).await;
    document.map(Json).map_err(|_| Refusal::Stopping.into())
}

fn of(spaces: &[SpaceStatus]) -> Value {
    // Our own file, which a test reads; without it the document would only be poorer.
    let mut components: Value = serde_json::from_str(COMPONENTS).unwrap_or_default();
    let mut schemas = components["schemas"].as_object().cloned().unwrap_or_default();
    let mut paths: Map<String, Value> = routes::paths().into_iter().collect();
    let mut tags = routes::tags();
    for space in spaces {
        paths.extend(commands::paths(&space.name, &space.descriptor, &mut schemas));
        tags.push(json!({ "name": space.name, "description": space.descriptor.doc }));
    }
    components["schemas"] = Value::Object(schemas);
    components["responses"] = Value::Object(commands::responses());
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Spacehost", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT, "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" } },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "tags": tags,
        "paths": paths,
        "components": components,
    })
}

/// A reference to a parameter among the components.
fn parameter(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference in the document.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_to_something() {
        let document = of(&[]);
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 50);
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_path_that_is_served_is_described_and_no_other() {
        let table = include_str!("../mod.rs").split_once("fn routes(").unwrap().1.split_once(".fallback").unwrap().0;
        let table: String = table.split_whitespace().collect();
        let mut served: Vec<_> = table
            .split(".route(")
            .skip(1)
            .map(|entry| {
                let path = entry.split('"').nth(1).unwrap();
                if entry.starts_with("&space(") { format!("/v1/spaces/{{space}}{path}") } else { path.to_owned() }
            })
            .filter(|path| !path.ends_with("/commands/{command}"))
            .collect();
        let document = of(&[]);
        let mut described: Vec<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
        served.sort();
        described.sort();
        assert_eq!(described, served);
    }
}
