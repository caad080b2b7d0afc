use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    #[command]
    fn charge(&self, _ctx: &Context, _order: u64, _cents: u64) {}
}

fn main() {}
