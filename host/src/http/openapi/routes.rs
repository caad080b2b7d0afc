//! The paths of the host itself, which do not depend on the spaces: one table.
//!
//! Must not know handlers; a test compares the paths with those that are served. Cannot fail.

use super::answers::{self, Kinds, USUAL};
use super::parameter;
use super::schemas::reference;
use crate::http::kinds;
use serde_json::{Map, Value, json};

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";
const SSE: &str = "text/event-stream";
const TEXT: &str = "text/plain";

/// One operation.
struct Route {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    /// By their names among the components.
    parameters: &'static [&'static str],
    body: Body,
    answer: Answer,
    problems: &'static Kinds,
}

enum Body {
    None,
    /// Any payload, or an event.
    Payload,
    Event,
    Confirmation,
    Component,
}

enum Answer {
    Json(&'static str),
    /// Of that media type.
    Stream(&'static str),
    /// Lines, or server-sent events if asked to follow.
    Lines,
    Accepted,
    /// The same for an order.
    Ordered(&'static str),
    /// Without a body.
    Empty(&'static str),
    Health,
}

const SPACE: &Kinds = &[&kinds::BAD_NAME, &kinds::UNKNOWN_SPACE, &kinds::STARTING, &kinds::STOPPING];
const ORDER: &Kinds = &[
    &kinds::BAD_NAME,
    &kinds::UNKNOWN_SPACE,
    &kinds::STOPPED,
    &kinds::NO_FORMER_VERSION,
    &kinds::FORMER_REFUSED,
    &kinds::UNAVAILABLE,
    &kinds::STARTING,
    &kinds::STOPPING,
    &kinds::FOLDER_UNREADABLE,
];
const LETTER: &Kinds =
    &[&kinds::BAD_NAME, &kinds::UNKNOWN_SPACE, &kinds::UNKNOWN_MESSAGE, &kinds::STARTING, &kinds::STOPPING];
const EVENT: &Kinds = &[
    &kinds::BAD_NAME,
    &kinds::BAD_CLOUD_EVENT,
    &kinds::TOO_SLOW,
    &kinds::TOO_LARGE,
    &kinds::UNSUPPORTED,
    &kinds::KEY_REUSED,
    &kinds::STARTING,
    &kinds::STOPPING,
    &kinds::BODIES_FULL,
    &kinds::KEYS_FULL,
    &kinds::DISK_FULL,
];
const PAST: &Kinds =
    &[&kinds::BAD_NAME, &kinds::UNKNOWN_SPACE, &kinds::NOT_KEPT, &kinds::GONE, &kinds::UNREADABLE, &kinds::STOPPING];
const TURN: &Kinds = &[
    &kinds::BAD_NAME,
    &kinds::UNKNOWN_SPACE,
    &kinds::UNKNOWN_MESSAGE,
    &kinds::NOT_KEPT,
    &kinds::GONE,
    &kinds::UNREADABLE,
    &kinds::STOPPING,
];
const REPLAY: &Kinds = &[
    &kinds::BAD_NAME,
    &kinds::UNKNOWN_SPACE,
    &kinds::REPLAY_UNDER_WAY,
    &kinds::BUSY,
    &kinds::NOT_KEPT,
    &kinds::GONE,
    &kinds::TOO_SLOW,
    &kinds::TOO_LARGE,
    &kinds::NO_SPACE,
    &kinds::UNREADABLE,
    &kinds::REPLAY_FAILED,
    &kinds::UNAVAILABLE,
    &kinds::STOPPING,
    &kinds::BODIES_FULL,
];
const PURGE: &Kinds = &[
    &kinds::BAD_NAME,
    &kinds::UNKNOWN_SPACE,
    &kinds::NOT_STOPPED,
    &kinds::TOO_SLOW,
    &kinds::TOO_LARGE,
    &kinds::UNAVAILABLE,
    &kinds::STARTING,
    &kinds::STOPPING,
    &kinds::BODIES_FULL,
    &kinds::FOLDER_UNREADABLE,
    &kinds::DISK_FULL,
];
const WEBHOOK: &Kinds = &[&kinds::UNKNOWN_WEBHOOK, &kinds::STOPPING];
const WEBHOOK_ORDER: &Kinds = &[&kinds::UNKNOWN_WEBHOOK, &kinds::STOPPING, &kinds::DISK_FULL];
const WEBHOOK_LETTER: &Kinds = &[&kinds::UNKNOWN_WEBHOOK, &kinds::UNKNOWN_MESSAGE, &kinds::STOPPING, &kinds::DISK_FULL];
const FORGET: &Kinds = &[&kinds::UNKNOWN_WEBHOOK, &kinds::WEBHOOK_IN_USE, &kinds::STOPPING, &kinds::DISK_FULL];
const BACKUP: &Kinds = &[&kinds::BACKUP_UNDER_WAY, &kinds::NOT_KEPT, &kinds::UNREADABLE];
/// Paths that need no token.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/problems/{name}"];

fn get(path: &'static str, id: &'static str, summary: &'static str, answer: Answer) -> Route {
    Route { method: "get", path, id, summary, parameters: &[], body: Body::None, answer, problems: &[] }
}

fn post(path: &'static str, id: &'static str, summary: &'static str, answer: Answer) -> Route {
    Route { method: "post", ..get(path, id, summary, answer) }
}

impl Route {
    fn with(mut self, parameters: &'static [&'static str], problems: &'static Kinds) -> Self {
        self.parameters = parameters;
        self.problems = problems;
        self
    }

    fn taking(mut self, body: Body) -> Self {
        self.body = body;
        self
    }
}

#[rustfmt::skip] // a table
fn table() -> Vec<Route> {
    use Answer::{Accepted, Empty, Health, Json, Lines, Ordered, Stream};
    const SENT: &[&str] = &["topic", "idempotency-key", "spacehost-key", "traceparent", "tracestate", "correlation-id"];
    let sent_by_type = &SENT[1..];
    vec![
        post("/v1/events/{topic}", "publish", "Publishes an event, as a bare payload or as a CloudEvent.", Accepted).with(SENT, EVENT).taking(Body::Payload),
        post("/v1/events", "publishByType", "Publishes a CloudEvent; its type is the topic.", Accepted).with(sent_by_type, EVENT).taking(Body::Event),
        get("/v1/events", "listen", "Server-sent events: CloudEvents in JSON, and `gap` where some were missed.", Stream(SSE)).with(&["pattern", "last-event-id"], &[&kinds::BAD_NAME]),
        get("/v1/messages/{id}", "outcome", "What became of a command that nobody waited for.", Json("Outcome")).with(&["message"], &[&kinds::UNKNOWN_MESSAGE]),
        get("/v1/spaces", "listSpaces", "All spaces, and the files that do not serve.", Json("Spaces")),
        get("/v1/spaces/{space}", "showSpace", "One space.", Json("Space")).with(&["space"], SPACE),
        get("/v1/spaces/{space}/history", "history", "Its last turns, or its last reloads.", Json("History")).with(&["space", "last", "reloads"], PAST),
        get("/v1/spaces/{space}/history/{sequence}", "turn", "One of these turns in full.", Json("WholeTurn")).with(&["space", "sequence"], TURN),
        get("/v1/spaces/{space}/logs", "logs", "The last lines of its log; it may be followed.", Lines).with(&["space", "last", "follow", "level"], SPACE),
        get("/v1/spaces/{space}/dead-letters", "listDeadLetters", "Messages set aside after their last attempt.", Json("DeadLetters")).with(&["space"], SPACE),
        get("/v1/spaces/{space}/dead-letters/{id}", "showDeadLetter", "One of them.", Json("DeadLetter")).with(&["space", "message"], LETTER),
        Route { method: "delete", ..get("/v1/spaces/{space}/dead-letters/{id}", "dropDeadLetter", "Forgets it.", Empty("204")) }.with(&["space", "message"], LETTER),
        post("/v1/spaces/{space}/dead-letters/{id}/retry", "retryDeadLetter", "Handles it again, under its id.", Empty("202")).with(&["space", "message"], LETTER),
        post("/v1/spaces/{space}/reload", "reload", "Looks at the file now.", Json("File")).with(&["space", "force"], ORDER),
        post("/v1/spaces/{space}/rollback", "rollback", "Goes back to the version that ran before.", Json("Deployed")).with(&["space"], ORDER),
        post("/v1/spaces/{space}/stop", "stop", "Serves it no more; state and messages are kept.", Json("Space")).with(&["space"], ORDER),
        post("/v1/spaces/{space}/start", "start", "Serves it again.", Json("Space")).with(&["space"], ORDER),
        post("/v1/spaces/{space}/quarantine", "quarantine", "Serves it no more until it is started or replaced.", Json("Space")).with(&["space"], ORDER),
        get("/v1/spaces/{space}/state", "state", "What it has stored, page by page.", Json("State")).with(&["space", "prefix", "partition", "limit", "after"], SPACE),
        get("/v1/spaces/{space}/purge", "previewPurge", "What a purge would take.", Json("Purged")).with(&["space"], PURGE),
        post("/v1/spaces/{space}/purge", "purge", "Deletes all that a stopped or removed space has, for good.", Json("Purged")).with(&["space"], PURGE).taking(Body::Confirmation),
        post("/v1/spaces/{space}/replay", "replay", "Tries a component on its last recorded messages. Nothing comes of it.", Json("Replayed")).with(&["space", "last"], REPLAY).taking(Body::Component),
        get("/v1/webhooks", "listWebhooks", "All webhooks, and how each is doing.", Json("Webhooks")),
        get("/v1/webhooks/{webhook}", "showWebhook", "One webhook.", Json("Webhook")).with(&["webhook"], WEBHOOK),
        Route { method: "delete", ..get("/v1/webhooks/{webhook}", "forgetWebhook", "Forgets one that is no longer in the settings: where it was, and its dead letters.", Empty("204")) }.with(&["webhook"], FORGET),
        post("/v1/webhooks/{webhook}/test", "testWebhook", "Posts a test event to its receiver now, and says what came of it.", Json("WebhookTested")).with(&["webhook"], WEBHOOK),
        get("/v1/webhooks/{webhook}/dead-letters", "listWebhookDeadLetters", "Events set aside after their last attempt.", Json("WebhookDeadLetters")).with(&["webhook"], WEBHOOK),
        Route { method: "delete", ..get("/v1/webhooks/{webhook}/dead-letters", "dropWebhookDeadLetters", "Forgets them all.", Ordered("200")) }.with(&["webhook"], WEBHOOK_ORDER),
        post("/v1/webhooks/{webhook}/dead-letters/retry", "retryWebhookDeadLetters", "Posts them all again, one after the other.", Ordered("202")).with(&["webhook"], WEBHOOK_ORDER),
        get("/v1/webhooks/{webhook}/dead-letters/{id}", "showWebhookDeadLetter", "One of them, with its event.", Json("WebhookDeadLetter")).with(&["webhook", "message"], WEBHOOK_LETTER),
        Route { method: "delete", ..get("/v1/webhooks/{webhook}/dead-letters/{id}", "dropWebhookDeadLetter", "Forgets it.", Ordered("200")) }.with(&["webhook", "message"], WEBHOOK_LETTER),
        post("/v1/webhooks/{webhook}/dead-letters/{id}/retry", "retryWebhookDeadLetter", "Posts it again, under its id.", Ordered("202")).with(&["webhook", "message"], WEBHOOK_LETTER),
        get("/v1/flow", "flow", "Who has sent how much to whom since the host started.", Json("Flow")),
        get("/metrics", "metrics", "Metrics in Prometheus's text format.", Stream(TEXT)),
        get("/v1/backup", "backup", "All of the host's data at one moment.", Stream(BYTES)).with(&[], BACKUP),
        get("/openapi.json", "document", "This document, as it is now.", Json("Document")).with(&[], &[&kinds::STOPPING]),
        get("/problems/{name}", "problem", "What a type of problem means.", Stream("text/markdown")).with(&["problem"], &[&kinds::NO_ROUTE]),
        get("/healthz", "alive", "Whether the host is alive.", Stream(TEXT)),
        get("/readyz", "ready", "Whether its first scan of the folder is finished.", Health),
    ]
}

/// What the tags of the fixed paths mean.
pub fn tags() -> Vec<Value> {
    vec![
        json!({ "name": "Events", "description": "Publishing and listening." }),
        json!({ "name": "Spaces", "description": "Looking at spaces, and the operator's orders." }),
        json!({ "name": "Webhooks", "description": "Events that are posted to addresses of the operator's settings." }),
        json!({ "name": "Host", "description": "The host itself." }),
    ]
}

pub fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    for route in table() {
        let operation = operation(&route);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method] = operation;
    }
    paths
}

fn operation(route: &Route) -> Value {
    let is_open = OPEN.contains(&route.path);
    // A wrong Host or Origin is refused everywhere.
    let usual: &Kinds = if is_open { &[&kinds::BAD_REQUEST, &kinds::FOREIGN] } else { USUAL };
    let mut responses = answers::problems(&[usual, route.problems]);
    responses.extend(good(&route.answer));
    let parameters: Vec<_> = route.parameters.iter().map(|name| parameter(name)).collect();
    let mut operation = json!({
        "operationId": route.id,
        "tags": [tag(route.path)],
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(body) = body(&route.body) {
        operation["requestBody"] = body;
    }
    if is_open {
        operation["security"] = json!([]);
    }
    operation
}

fn tag(path: &str) -> &'static str {
    let begins = |start| path.starts_with(start);
    match () {
        () if begins("/v1/events") || begins("/v1/messages") => "Events",
        () if begins("/v1/spaces") => "Spaces",
        () if begins("/v1/webhooks") => "Webhooks",
        () => "Host",
    }
}

fn good(answer: &Answer) -> Vec<(String, Value)> {
    let text = |what| answers::good(what, TEXT, json!({ "type": "string" }));
    let (status, response) = match answer {
        Answer::Json(name) => ("200", answers::good("As asked.", JSON, reference(name))),
        Answer::Stream(media) => ("200", answers::good("As asked.", media, json!({ "type": "string" }))),
        Answer::Lines => {
            let content = json!({ "application/x-ndjson": { "schema": { "type": "string" } }, SSE: { "schema": { "type": "string" } } });
            ("200", json!({ "description": "A line of JSON each; followed, server-sent events.", "content": content }))
        }
        Answer::Accepted => ("202", answers::accepted()),
        Answer::Ordered(status) => {
            (*status, answers::good("How many dead letters it is about.", JSON, reference("WebhookOrdered")))
        }
        Answer::Empty(status) => (*status, json!({ "description": "Done." })),
        Answer::Health => return vec![("200".into(), text("It is.")), ("503".into(), text("Not yet."))],
    };
    vec![(status.to_owned(), response)]
}

fn body(body: &Body) -> Option<Value> {
    let (required, content) = match body {
        Body::None => return None,
        Body::Payload => (
            false,
            json!({ JSON: {}, BYTES: {}, "application/cloudevents+json": { "schema": reference("CloudEvent") } }),
        ),
        Body::Event => (true, json!({ "application/cloudevents+json": { "schema": reference("CloudEvent") } })),
        Body::Confirmation => (true, json!({ JSON: { "schema": reference("Confirmation") } })),
        Body::Component => (true, json!({ "application/wasm": {} })),
    };
    Some(json!({ "required": required, "content": content }))
}
