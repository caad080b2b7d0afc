use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    #[command(name = "mark paid")]
    fn mark_paid(&self) {}
}

fn main() {}
