use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    #[command]
    fn mark_paid(&self) {}

    #[command(name = "mark-paid")]
    fn mark(&self) {}
}

fn main() {}
