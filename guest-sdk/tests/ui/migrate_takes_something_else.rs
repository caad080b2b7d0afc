use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    #[command]
    fn charge(&self) {}

    #[migrate]
    fn migrate(&self, _from: String) {}
}

fn main() {}
