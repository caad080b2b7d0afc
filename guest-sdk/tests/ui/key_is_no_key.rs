use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments {
    balances: Map<f64, u64>,
}

fn main() {}
