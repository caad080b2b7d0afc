use spacehost_sdk::prelude::*;

#[derive(Event, Serialize, JsonSchema)]
#[event(topic = "payments.{order}.charged")]
struct Charged {
    id: u64,
}

fn main() {}
