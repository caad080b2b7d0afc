use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    #[command]
    fn charge<T>(&self, _input: T) {}
}

fn main() {}
