//! What the spaces of the shop say to each other: the bodies of their commands and events. It owns no data and no rule of
//! any space. Money is whole cents. A message without a customer gives the failure `no-customer`.
//!
//! Fields may be added as long as the old ones stay: spaces are replaced one by one, so for a while one speaks the new
//! language and the other the old.

use spacehost_sdk::prelude::*;

/// Some CDs of one title, at the price of the day they went into the cart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    pub title: String,
    pub count: u64,
    /// The price of one.
    pub cents: u64,
}

/// What the lines cost together.
pub fn total_cents(lines: &[Line]) -> u64 {
    lines.iter().map(|line| line.count * line.cents).sum()
}

/// How many CDs the lines have together.
pub fn total_cds(lines: &[Line]) -> u64 {
    lines.iter().map(|line| line.count).sum()
}

/// The command `orders/place`, from the cart.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Place {
    pub customer: String,
    /// Counts the customer's orders from 1; with the customer it names an order.
    pub number: u32,
    /// The day of the purchase, as whoever checked out wrote it.
    pub day: Option<String>,
    pub lines: Vec<Line>,
}

/// The command `payments/charge`, from orders.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Charge {
    pub customer: String,
    pub number: u32,
    pub cents: u64,
}

/// A cart was left alone for too long and is empty now.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "cart.abandoned")]
pub struct Abandoned {
    pub customer: String,
    pub cents: u64,
}

/// The money for an order came in.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "payments.charged")]
pub struct Charged {
    pub customer: String,
    pub number: u32,
    pub cents: u64,
}

/// A partition of payments has settled what it charged since it settled last.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "payments.settled")]
pub struct Settled {
    pub partition: u32,
    pub payments: u64,
    pub cents: u64,
}

/// An order is paid for, and complete.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "orders.paid")]
pub struct Paid {
    pub customer: String,
    pub number: u32,
    pub day: Option<String>,
    pub cds: u64,
    pub cents: u64,
}

/// The customer whom a command is about: its key, which also chooses the partition. So no command can name one customer
/// and reach the partition of another. The key passes on from message to message by itself.
pub fn customer(ctx: &Context) -> Result<String> {
    ctx.key().or_fail("no-customer", "the key of the message says which customer: send the header Spacehost-Key")
}
