use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments(Item<u64>);

fn main() {}
