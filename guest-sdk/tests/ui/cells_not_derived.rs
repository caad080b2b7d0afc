use spacehost_sdk::prelude::*;

struct Payments;

#[space]
impl Payments {
    #[command]
    fn charge(&self) {}
}

fn main() {}
