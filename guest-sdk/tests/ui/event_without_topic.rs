use spacehost_sdk::prelude::*;

#[derive(Event, Serialize, JsonSchema)]
struct Charged;

fn main() {}
