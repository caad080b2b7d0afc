use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space(partition = 4)]
impl Payments {
    #[command]
    fn charge(&self) {}
}

fn main() {}
