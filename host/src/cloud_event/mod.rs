//! CloudEvents 1.0 as they leave the host: for whoever listens by HTTP, and for whoever is posted to.
//!
//! Owns the forms, and the headers under which a client's attributes travel with a message. Pure. Must not know how events
//! travel; taking them in is `http/cloud_event`. Cannot fail.

mod outgoing;
mod payload;

pub use outgoing::{Binary, binary, id, json};
pub use payload::Payload;

/// Begins the name of an attribute where it is a header, of a request as of a message.
pub const PREFIX: &str = "ce-";

/// Attributes that are headers of their own inside the host, because messages pass them on.
pub const PASSED_ON: [(&str, &str); 3] =
    [("traceparent", "traceparent"), ("tracestate", "tracestate"), ("correlationid", "correlation-id")];

/// The extension that chooses the partition.
pub const PARTITION_KEY: &str = "partitionkey";

/// Whether data of that media type is JSON.
pub fn is_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media.ends_with("/json") || media.ends_with("+json")
}
