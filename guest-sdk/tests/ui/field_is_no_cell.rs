use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments {
    balance: Item<u64>,
    cache: Vec<u64>,
}

fn main() {}
