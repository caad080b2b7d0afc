use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    #[event("orders.paid")]
    fn paid(&self) -> u64 {
        7
    }
}

fn main() {}
