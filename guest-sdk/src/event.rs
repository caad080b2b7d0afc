//! What makes a type an event. It knows topics; who publishes and who listens is no matter of the type.

use schemars::JsonSchema;
use serde::Serialize;

/// A fact with a topic. Derive it: `#[derive(Event, Serialize, JsonSchema)] #[event(topic = "orders.{order}.paid")]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event",
    note = "write `#[derive(Event, Serialize, JsonSchema)]` and `#[event(topic = \"…\")]` above the type"
)]
pub trait Event: Serialize + JsonSchema {
    /// The topics of all its values: `*` where a field fills a token.
    const PATTERN: &'static str;
    /// Whether other spaces need a grant to subscribe.
    const PRIVATE: bool;
    /// The type's doc comment.
    const DOC: &'static str;

    /// The topic of this value.
    fn topic(&self) -> String;
}
