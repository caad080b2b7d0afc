use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments {
    limits: Config<u64>,
    names: Config<String>,
}

fn main() {}
