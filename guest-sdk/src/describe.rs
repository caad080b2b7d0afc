//! The descriptor: what a space tells the host of itself, as JSON of wit/descriptor.schema.json. It owns the shape of that JSON; it
//! knows spaces only through the calls that `#[space]` makes. It cannot fail.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use crate::dispatch::Reply;
use crate::{Bytes, Event, FromBody, Space};

/// A type with a JSON Schema, or with none because it may be anything.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON Schema",
    note = "write `#[derive(JsonSchema)]` above the type, or use `Bytes`"
)]
pub trait Described {
    /// The schema; none stands for anything.
    fn schema(generator: SchemaGenerator) -> Option<Schema>;
}

impl<T: JsonSchema> Described for T {
    fn schema(generator: SchemaGenerator) -> Option<Schema> {
        Some(generator.into_root_schema_for::<T>())
    }
}

impl Described for Bytes {
    fn schema(_: SchemaGenerator) -> Option<Schema> {
        None
    }
}

type SchemaOf = fn() -> Option<Value>;

/// The schema of what is read.
pub fn input<T: FromBody + Described>() -> Option<Value> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None).for_deserialize();
    T::schema(settings.into_generator()).map(Value::from)
}

/// The schema of what is written.
pub fn output<T: Described>() -> Option<Value> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None).for_serialize();
    T::schema(settings.into_generator()).map(Value::from)
}

/// The schema of what a command returns when it succeeds.
pub fn reply<R: Reply<Shape>, Shape>() -> Option<Value> {
    output::<R::Value>()
}

/// A descriptor in the making.
pub struct Descriptor(Value);

impl Descriptor {
    /// Version, doc and number of partitions.
    pub fn head(&mut self, version: &str, doc: &str, partitions: u32) {
        self.0["version"] = version.into();
        self.0["partitions"] = partitions.into();
        put(&mut self.0, "doc", doc);
    }

    /// A command that the space handles.
    pub fn command(&mut self, name: &str, doc: &str, input: SchemaOf, output: SchemaOf) {
        let mut command = json!({ "name": name });
        put(&mut command, "doc", doc);
        put_schema(&mut command, "input", input());
        put_schema(&mut command, "output", output());
        self.add("/commands", command);
    }

    /// A pattern that the space listens to.
    pub fn subscribes(&mut self, pattern: &str, doc: &str, input: SchemaOf) {
        let mut subscription = json!({ "pattern": pattern });
        put(&mut subscription, "doc", doc);
        put_schema(&mut subscription, "schema", input());
        self.add("/subscriptions", subscription);
    }

    /// A timer, or a family of timers, that the space handles.
    pub fn timer(&mut self, name: &str, doc: &str) {
        let mut timer = json!({ "name": name });
        put(&mut timer, "doc", doc);
        self.add("/timers", timer);
    }

    /// A type of event that the space publishes.
    pub fn publishes<E: Event>(&mut self) {
        let mut event = json!({ "topic": E::PATTERN, "private": E::PRIVATE });
        put(&mut event, "doc", E::DOC);
        put_schema(&mut event, "schema", output::<E>());
        self.add("/events", event);
    }

    /// Topics that the space publishes on without a type.
    pub fn publishes_untyped(&mut self, pattern: &str) {
        self.add("/events", json!({ "topic": pattern }));
    }

    /// The type of the space's settings.
    pub fn config<T: JsonSchema + FromBody>(&mut self) {
        put_schema(&mut self.0, "config", input::<T>());
    }

    /// A command of another space that the operator is asked to grant.
    pub fn wants_command(&mut self, address: &str) {
        self.add("/wants/commands", address.into());
    }

    /// Topics outside its own name that the operator is asked to grant.
    pub fn wants_publish(&mut self, pattern: &str) {
        self.add("/wants/publish", pattern.into());
    }

    fn add(&mut self, list: &str, entry: Value) {
        if let Some(Value::Array(entries)) = self.0.pointer_mut(list) {
            entries.push(entry);
        }
    }
}

fn put(object: &mut Value, name: &str, text: &str) {
    if !text.is_empty() {
        object[name] = text.into();
    }
}

fn put_schema(object: &mut Value, name: &str, schema: Option<Value>) {
    if let Some(schema) = schema {
        object[name] = schema;
    }
}

/// The whole descriptor of a space, its fields in a stable order.
pub fn of<S: Space>() -> Value {
    let mut descriptor = Descriptor(json!({
        "descriptor": 1, "commands": [], "events": [], "subscriptions": [], "timers": [], "wants": { "commands": [], "publish": [] },
    }));
    S::describe(&mut descriptor);
    S::describe_cells(&mut descriptor);
    // A crate somewhere in the author's tree may have switched serde_json to the order of insertion.
    descriptor.0.sort_all_objects();
    descriptor.0
}
