use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    #[command]
    fn charge(&mut self) {}
}

fn main() {}
