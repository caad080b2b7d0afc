use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[derive(Deserialize)]
struct Charge {
    _cents: u64,
}

#[space]
impl Payments {
    #[command]
    fn charge(&self, _input: Charge) {}
}

fn main() {}
