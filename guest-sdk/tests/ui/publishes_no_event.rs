use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[derive(Serialize, JsonSchema)]
struct Charged;

#[space(publishes(Charged))]
impl Payments {
    #[command]
    fn charge(&self) {}
}

fn main() {}
