use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

#[space]
impl Payments {
    #[command]
    async fn charge(&self) {}
}

fn main() {}
