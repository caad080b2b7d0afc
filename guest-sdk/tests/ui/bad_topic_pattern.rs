use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    #[event("orders.>.paid")]
    fn paid(&self) {}

    #[event("orders..paid")]
    fn paid_too(&self) {}

    #[event]
    fn paid_as_well(&self) {}
}

fn main() {}
