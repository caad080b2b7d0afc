//! What the spaces of the shop say to each other: the bodies of their commands and events. It owns no data and no rule of
//! any space. Money is whole cents. A message whose key should name a customer or a title and has none gives the failure
//! `no-key`.
//!
//! Fields may be added as long as the old ones stay: spaces are replaced one by one, so for a while one speaks the new
//! language and the other the old.

use spacehost_sdk::prelude::*;
use std::fmt::{self, Display, Formatter};

/// Some CDs of one title, at the price of the day they went into the cart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    pub title: String,
    pub count: u64,
    /// The price of one.
    pub cents: u64,
}

/// What the lines cost together; a sum beyond all numbers is the largest there is.
pub fn total_cents(lines: &[Line]) -> u64 {
    lines.iter().fold(0, |sum, line| sum.saturating_add(line.count.saturating_mul(line.cents)))
}

/// How many CDs the lines have together.
pub fn total_cds(lines: &[Line]) -> u64 {
    lines.iter().fold(0, |sum, line| sum.saturating_add(line.count))
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

/// The commands `inventory/reserve`, `inventory/release` and `inventory/sell`, from orders: what one order wants of one title. The
/// key is the title.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    pub customer: String,
    pub number: u32,
    pub count: u64,
}

/// Where the CDs of a title are. What came in is what is left, held and sold, at every moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stock {
    pub came_in: u64,
    /// What can still be ordered.
    pub left: u64,
    /// Set aside for orders that are not paid yet.
    pub held: u64,
    pub sold: u64,
}

/// What has become of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The CDs are set aside for the order.
    Reserved,
    /// There are not so many left; nothing is set aside.
    Refused,
    /// What was set aside can be ordered again.
    Released,
    /// What was set aside is gone.
    Sold,
}

/// More CDs of a title have come in.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "inventory.stocked")]
pub struct Stocked {
    pub title: String,
    pub count: u64,
    /// After that.
    pub stock: Stock,
}

/// An order's claim to a title has gone one step on. Told under the key of the customer.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "inventory.{step}")]
pub struct Claimed {
    pub step: Step,
    pub title: String,
    pub customer: String,
    pub number: u32,
    pub count: u64,
    /// After that.
    pub stock: Stock,
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

/// The customer's card is not good for the money; nothing was taken.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "payments.declined")]
pub struct Declined {
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

/// How an order ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All its CDs were there, and the money came.
    Paid,
    /// The money did not come; its CDs are back in stock.
    Declined,
    /// Some CDs were not there; the others are back in stock, and no money was asked for.
    OutOfStock,
}

/// An order has come to its end: on `orders.paid`, `orders.declined` or `orders.out-of-stock`. Those of a customer come in
/// the order of their numbers.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "orders.{outcome}")]
pub struct Ended {
    pub outcome: Outcome,
    pub customer: String,
    pub number: u32,
    pub day: Option<String>,
    pub cds: u64,
    pub cents: u64,
    /// The titles that were not there.
    #[serde(default)]
    pub missing: Vec<String>,
}

/// A customer was told how an order ended.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "notifications.sent")]
pub struct Sent {
    pub customer: String,
    pub number: u32,
    pub outcome: Outcome,
    pub text: String,
}

// As tokens of topics.
impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Reserved => "reserved",
            Step::Refused => "refused",
            Step::Released => "released",
            Step::Sold => "sold",
        })
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Paid => "paid",
            Outcome::Declined => "declined",
            Outcome::OutOfStock => "out-of-stock",
        })
    }
}

/// The customer whom a command is about: its key, which also chooses the partition. So no command can name one customer
/// and reach the partition of another. The key passes on from message to message by itself.
pub fn customer(ctx: &Context) -> Result<String> {
    ctx.required_key("customer")
}
