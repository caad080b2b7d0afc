use spacehost_sdk::prelude::*;

#[derive(Event, Serialize, JsonSchema)]
#[event(topic = "payments.*.charged")]
struct Charged;

fn main() {}
