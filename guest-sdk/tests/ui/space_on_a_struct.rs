use spacehost_sdk::prelude::*;

#[space]
struct Payments;

fn main() {}
