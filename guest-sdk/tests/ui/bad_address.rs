use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space(wants(commands("orders.mark-paid")))]
impl Payments {
    #[command]
    fn charge(&self) {}
}

fn main() {}
