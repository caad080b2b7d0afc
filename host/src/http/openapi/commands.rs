//! The commands of the spaces that serve, a path each.
//!
//! Owns what a command's operation says, from the descriptor of the version that serves. Must not know how commands are handled.
//! Cannot fail.

use super::answers::{self, Kinds, USUAL};
use super::schemas::{adopt, reference};
use crate::http::kinds;
use crate::words::descriptor::Command;
use crate::words::{Descriptor, SpaceName};
use serde_json::{Map, Value, json};

/// Parameters of every command, by their names among the components.
const PARAMETERS: [&str; 6] =
    ["wait", "idempotency-key", "spacehost-key", "traceparent", "tracestate", "correlation-id"];

const PROBLEMS: &Kinds = &[
    &kinds::BAD_NAME,
    &kinds::UNKNOWN_SPACE,
    &kinds::UNKNOWN_COMMAND,
    &kinds::TOO_SLOW,
    &kinds::TOO_LARGE,
    &kinds::FAILED,
    &kinds::KEY_REUSED,
    &kinds::OVERLOADED,
    &kinds::BROKEN_OFF,
    &kinds::UNAVAILABLE,
    &kinds::STARTING,
    &kinds::STOPPING,
    &kinds::BODIES_FULL,
    &kinds::TIMEOUT,
    &kinds::UNKNOWN,
    &kinds::KEYS_FULL,
    &kinds::DISK_FULL,
];

/// What all commands answer besides their reply, under the names that `path` refers to.
pub fn responses() -> Map<String, Value> {
    let problems = answers::problems(&[USUAL, PROBLEMS]);
    let named = problems.into_iter().map(|(status, response)| (name_of(&status), response));
    named.chain([(name_of("202"), answers::accepted())]).collect()
}

fn name_of(status: &str) -> String {
    format!("Command{status}")
}

/// The paths of one space's commands. Their schemas become components.
pub fn paths(space: &SpaceName, descriptor: &Descriptor, schemas: &mut Map<String, Value>) -> Vec<(String, Value)> {
    let path = |command: &Command| {
        let post = operation(space, command, schemas);
        (format!("/v1/spaces/{space}/commands/{}", command.name), json!({ "post": post }))
    };
    descriptor.commands.iter().map(path).collect()
}

fn operation(space: &SpaceName, command: &Command, schemas: &mut Map<String, Value>) -> Value {
    let id = format!("{space}.{}", command.name);
    let mut component = |direction: &str, schema: &Option<Value>| {
        let name = format!("{id}.{direction}");
        schema.as_ref().map(|schema| {
            adopt(&name, schema, schemas);
            reference(&name)
        })
    };
    let (input, output) = (component("input", &command.input), component("output", &command.output));
    let mut responses: Map<String, Value> = self::responses()
        .into_iter()
        .map(|(name, _)| {
            let status = name.trim_start_matches("Command").to_owned();
            (status, json!({ "$ref": format!("#/components/responses/{name}") }))
        })
        .collect();
    responses.insert("200".into(), reply(output));
    let parameters: Vec<_> = PARAMETERS.iter().map(|name| super::parameter(name)).collect();
    let mut operation = json!({
        "operationId": id,
        "tags": [space],
        "summary": summary(command),
        "parameters": parameters,
        "requestBody": body(input),
        "responses": responses,
    });
    if !command.doc.is_empty() {
        operation["description"] = json!(command.doc);
    }
    operation
}

fn summary(command: &Command) -> String {
    let first = command.doc.lines().next().unwrap_or_default();
    let summary: String = first.chars().take(120).collect();
    if summary.is_empty() { command.name.clone() } else { summary }
}

/// A command that does not say what it takes, takes any bytes.
fn body(input: Option<Value>) -> Value {
    match input {
        Some(schema) => json!({ "required": true, "content": { "application/json": { "schema": schema } } }),
        None => json!({ "required": false, "content": { "application/json": {}, "application/octet-stream": {} } }),
    }
}

fn reply(output: Option<Value>) -> Value {
    let description = "Its reply. All that the turn did is on disk.";
    match output {
        Some(schema) => answers::good(description, "application/json", schema),
        None => {
            json!({ "description": description, "content": { "application/json": {}, "application/octet-stream": {} } })
        }
    }
}
