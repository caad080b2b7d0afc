use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space(version = "")]
impl Payments {
    #[command]
    fn charge(&self) {}
}

fn main() {}
