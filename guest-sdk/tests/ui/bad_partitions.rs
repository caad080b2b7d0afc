use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space(partitions = 0)]
impl Payments {
    #[command]
    fn charge(&self) {}
}

fn main() {}
