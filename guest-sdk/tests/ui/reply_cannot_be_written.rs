use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Payments;

struct Receipt;

#[space]
impl Payments {
    #[command]
    fn charge(&self) -> Result<Receipt> {
        Ok(Receipt)
    }
}

fn main() {}
