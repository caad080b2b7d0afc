use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    fn charge(&self) {}
}

fn main() {}
