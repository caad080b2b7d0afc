use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments {
    balance: Item<u64>,
    #[cell(name = "balance")]
    total: Item<u64>,
}

fn main() {}
