use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    #[command]
    fn charge(_input: u64) {}
}

fn main() {}
