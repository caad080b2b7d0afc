use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    #[command(nam = "charge")]
    fn charge(&self) {}
}

fn main() {}
