//! What the spaces of the exchange say to each other: the bodies of their commands and events. It owns no data and no rule of
//! any space. Money is whole cents, quantities are whole shares. A message whose key should name an instrument or a trader
//! and has none gives the failure `no-key`.
//!
//! Fields may be added as long as the old ones stay: spaces are replaced one by one, so for a while one speaks the new
//! language and the other the old.

use spacehost_sdk::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    pub fn other(self) -> Self {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }
}

/// The command `risk/reserve`, from the book before an order goes in. The key is the trader.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Reserve {
    pub instrument: String,
    pub side: Side,
    /// The worst price that the order accepts.
    pub price: u64,
    pub quantity: u64,
}

/// The reply to `risk/reserve`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Reserved,
    Refused(Reason),
}

/// Why an order is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Nobody has given this trader limits.
    UnknownTrader,
    /// If all his buy orders were filled, he would owe more than his credit.
    Credit,
    /// If all his orders of one side were filled, he would hold or owe more of the instrument than he may.
    Position,
}

/// The command `risk/apply`, from the book: what one turn there came to for one trader. The key is the trader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Apply {
    pub instrument: String,
    pub changes: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The order that was reserved for last is in the book; from here on its reservation ends by what follows.
    Entered,
    /// So much of an order with this limit was bought or sold, for so many cents together.
    Filled { side: Side, limit: u64, quantity: u64, cents: u64 },
    /// So much of an order with this limit will not be filled any more.
    Closed { side: Side, limit: u64, quantity: u64 },
}

/// Two orders met.
#[derive(Clone, Debug, PartialEq, Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "book.traded")]
pub struct Traded {
    pub instrument: String,
    /// Counts the instrument's trades from 1.
    pub number: u64,
    pub buyer: String,
    pub seller: String,
    pub price: u64,
    pub quantity: u64,
    /// In milliseconds, by the clock of the order that came last.
    pub at: u64,
}

/// What all orders at one price come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Level {
    pub price: u64,
    pub quantity: u64,
}

/// The best prices of either side: the top of the book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quote {
    pub bid: Option<Level>,
    pub ask: Option<Level>,
}

/// The top of a book is another one than before.
#[derive(Clone, Debug, Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "book.quoted")]
pub struct Quoted {
    pub instrument: String,
    pub quote: Quote,
}

/// The command `accounts/post`, from execution: what a trader got (or gave, if negative) by some trades of an instrument.
/// The key is the trader.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Post {
    pub instrument: String,
    pub shares: i64,
    pub cents: i64,
}

/// A partition of execution has settled what it had netted since it settled last.
#[derive(Clone, Debug, Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "execution.settled")]
pub struct Settled {
    pub partition: u32,
    /// How many postings went to accounts.
    pub postings: u64,
}

/// A minute of trading is over.
#[derive(Clone, Debug, Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "market.bar")]
pub struct BarClosed {
    pub instrument: String,
    pub bar: Bar,
}

/// The trades of one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bar {
    /// Counted from the clock's zero.
    pub minute: u64,
    pub open: u64,
    pub high: u64,
    pub low: u64,
    pub close: u64,
    pub volume: u64,
}

/// The instrument that a message is about: its key, which also chooses the partition. So no command can name one instrument
/// and reach the partition of another.
pub fn instrument(ctx: &Context) -> Result<String> {
    ctx.required_key("instrument")
}

/// The trader whom a message is about: its key.
pub fn trader(ctx: &Context) -> Result<String> {
    ctx.required_key("trader")
}
