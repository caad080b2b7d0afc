//! Orders, as clients send them and as they rest, and the answers about them. Pure; a senseless order is `bad-order`.

use spacehost_sdk::prelude::*;
use trading_messages::{Level, Quote, Reason, Side, Traded};

/// One order comes to 10^14 cents at most; how many a trader may have, his limits say.
const HIGHEST_PRICE: u64 = 100_000_000;
const MOST_SHARES: u64 = 1_000_000;
const LONGEST_NAME: usize = 32;

pub type Count = u64;

#[derive(Deserialize, JsonSchema)]
pub struct Order {
    pub trader: String,
    /// Counts the trader's orders of this instrument upwards; with him and the instrument it names the order.
    pub number: u64,
    pub side: Side,
    /// The worst price that it accepts, in cents for one share.
    pub price: u64,
    pub quantity: u64,
    /// What cannot be filled at once is closed and does not rest.
    #[serde(default)]
    pub immediate: bool,
    /// When it was given, in milliseconds, for whoever replays old ones; default: now.
    pub at: Option<u64>,
}

impl Order {
    pub fn check(&self) -> Result<()> {
        let named = (1..=LONGEST_NAME).contains(&self.trader.len());
        let priced = (1..=HIGHEST_PRICE).contains(&self.price) && (1..=MOST_SHARES).contains(&self.quantity);
        if named && priced && self.number > 0 {
            return Ok(());
        }
        let why = format!(
            "an order has a trader (of up to {LONGEST_NAME} bytes), a number from 1, a price of 1 to {HIGHEST_PRICE} cents, and 1 to {MOST_SHARES} shares"
        );
        Err(Failure::new("bad-order", why))
    }

    /// Whether it accepts this price.
    pub fn accepts(&self, price: u64) -> bool {
        match self.side {
            Side::Buy => price <= self.price,
            Side::Sell => price >= self.price,
        }
    }
}

#[derive(Deserialize, JsonSchema)]
pub struct Cancel {
    pub trader: String,
    pub number: u64,
}

/// What is left of an order that waits in the book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resting {
    pub trader: String,
    pub number: u64,
    pub price: u64,
    pub quantity: u64,
}

/// Where an open order rests.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Open {
    pub side: Side,
    pub price: u64,
    /// Its place among all orders of the instrument that ever rested.
    pub place: u64,
}

/// Some shares of an order that rested, and now met the one that came in.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Fill {
    /// Whose order it was.
    pub trader: String,
    pub number: u64,
    pub price: u64,
    pub quantity: u64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Entered,
    Rejected(Reason),
}

/// What became of an order.
#[derive(Serialize, JsonSchema)]
pub struct Report {
    pub outcome: Outcome,
    /// In the order in which they were made.
    pub fills: Vec<Fill>,
    /// How many shares of it wait in the book.
    pub resting: u64,
    /// The top of the book afterwards.
    pub quote: Quote,
}

impl Report {
    pub fn of(outcome: Outcome) -> Self {
        Report { outcome, fills: Vec::new(), resting: 0, quote: Quote::default() }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Cancelled {
    /// How many shares were taken out.
    pub quantity: u64,
    pub quote: Quote,
}

/// What has happened to an instrument so far.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    pub entered: Count,
    pub rejected: Count,
    /// Cancelled by their traders.
    pub cancelled: Count,
    /// Closed because they would have met an order of their own trader.
    pub self_cancelled: Count,
    /// Shares of orders that entered, which were never filled: cancelled, in the way of their own trader, or not let rest.
    pub closed_shares: u64,
    /// Orders that have rested: each gets the next place.
    pub places: Count,
    pub trades: Count,
    /// In shares.
    pub volume: u64,
}

/// A book and its history.
#[derive(Serialize, JsonSchema)]
pub struct Shown {
    pub bids: Vec<Resting>,
    pub asks: Vec<Resting>,
    pub tally: Tally,
}

/// The trade that a fill is.
pub fn traded(instrument: &str, number: u64, order: &Order, fill: &Fill, at: u64) -> Traded {
    let (buyer, seller) = match order.side {
        Side::Buy => (&order.trader, &fill.trader),
        Side::Sell => (&fill.trader, &order.trader),
    };
    let (buyer, seller, instrument) = (buyer.clone(), seller.clone(), instrument.to_owned());
    Traded { instrument, number, buyer, seller, price: fill.price, quantity: fill.quantity, at }
}

/// Adds an order to the level if it has the same price; false if it has another.
pub fn joins(level: &mut Option<Level>, order: &Resting) -> bool {
    let level = level.get_or_insert(Level { price: order.price, quantity: 0 });
    let same = level.price == order.price;
    level.quantity += if same { order.quantity } else { 0 };
    same
}
