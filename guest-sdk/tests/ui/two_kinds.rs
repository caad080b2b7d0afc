use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    #[command]
    #[timer]
    fn charge(&self) {}
}

fn main() {}
