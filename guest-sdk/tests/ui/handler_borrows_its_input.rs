use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    #[command]
    fn charge(&self, _order: &str) {}

    #[command]
    fn refund(&self, _ctx: &mut Context) {}
}

fn main() {}
