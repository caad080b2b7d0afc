//! CloudEvents 1.0 over HTTP: taken in structured or binary, given out in JSON.
//!
//! Owns the headers under which a client's attributes travel with the message, so that they come out again as they went in.
//! Must not know topics' subscribers or connections. `attributes` checks; what fails there says which attribute and why.

mod attributes;
mod incoming;
mod outgoing;

pub use attributes::Malformed;
pub use incoming::{Incoming, form};
pub use outgoing::{id, json};

/// Begins the name of an attribute where it is a header, of a request as of a message.
const PREFIX: &str = "ce-";

/// Attributes that are headers of their own inside the host, because messages pass them on.
const PASSED_ON: [(&str, &str); 3] =
    [("traceparent", "traceparent"), ("tracestate", "tracestate"), ("correlationid", "correlation-id")];

/// The extension that chooses the partition.
const PARTITION_KEY: &str = "partitionkey";

/// Whether data of that media type is JSON.
fn is_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media.ends_with("/json") || media.ends_with("+json")
}
