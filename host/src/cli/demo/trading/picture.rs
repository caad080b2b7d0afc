//! What can be seen of an exchange: answers while it trades, and at the end all of it. Both the spaces and the reference give
//! such a picture.
//!
//! Pure data, and sums over it. Must not know where it comes from. It cannot fail.

use super::input::Limits;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of one action.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    Placed { outcome: Outcome, fills: Vec<Fill>, resting: u64, quote: Quote },
    Cancelled { quantity: u64, quote: Quote },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Entered,
    Rejected(Reason),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    UnknownTrader,
    Credit,
    Position,
}

/// Some shares of an order that rested.
#[derive(Debug, PartialEq, Deserialize)]
pub struct Fill {
    pub trader: String,
    pub number: u64,
    pub price: u64,
    pub quantity: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Level {
    pub price: u64,
    pub quantity: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    pub bid: Option<Level>,
    pub ask: Option<Level>,
}

impl Quote {
    /// Two orders that should have met.
    pub fn is_crossed(&self) -> bool {
        self.bid.zip(self.ask).is_some_and(|(bid, ask)| bid.price >= ask.price)
    }
}

impl Answer {
    pub fn quote(&self) -> &Quote {
        match self {
            Answer::Placed { quote, .. } | Answer::Cancelled { quote, .. } => quote,
        }
    }
}

/// All there is at the end.
#[derive(Debug, Default)]
pub struct Picture {
    pub instruments: BTreeMap<String, Instrument>,
    pub traders: BTreeMap<String, Seen>,
}

#[derive(Debug, Default)]
pub struct Instrument {
    pub book: Book,
    pub trades: Vec<Trade>,
    pub ticker: Ticker,
    pub bars: Vec<Bar>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Book {
    /// The best first, of one price the oldest.
    pub bids: Vec<Resting>,
    pub asks: Vec<Resting>,
    pub tally: Tally,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resting {
    pub trader: String,
    pub number: u64,
    pub price: u64,
    pub quantity: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    pub entered: u64,
    pub rejected: u64,
    pub cancelled: u64,
    pub self_cancelled: u64,
    pub closed_shares: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trade {
    pub number: u64,
    pub buyer: String,
    pub seller: String,
    pub price: u64,
    pub quantity: u64,
    pub at: u64,
}

impl Trade {
    pub fn cents(&self) -> u64 {
        self.price * self.quantity
    }
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ticker {
    pub quote: Quote,
    pub last: Option<u64>,
    pub trades: u64,
    pub volume: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    pub minute: u64,
    pub open: u64,
    pub high: u64,
    pub low: u64,
    pub close: u64,
    pub volume: u64,
}

/// A trader, as accounts and risk see him.
#[derive(Debug)]
pub struct Seen {
    pub balance: Balance,
    pub risk: Risk,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    pub cash_cents: i64,
    pub shares: BTreeMap<String, i64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    pub limits: Limits,
    pub account: Account,
    pub holdings: BTreeMap<String, Holding>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub cash_cents: i64,
    pub reserved_cents: u64,
    pub most_owed_cents: i64,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Holding {
    pub position: i64,
    pub buying: u64,
    pub selling: u64,
    pub most_position: i64,
}

impl Risk {
    /// Whether it was ever beyond a limit.
    pub fn was_beyond(&self) -> bool {
        let owed = i128::from(self.account.most_owed_cents) > i128::from(self.limits.credit_cents);
        owed || self.holdings.values().any(|held| i128::from(held.most_position) > i128::from(self.limits.position))
    }
}

impl Picture {
    pub fn sum(&self, of: impl Fn(&Instrument) -> u64) -> u64 {
        self.instruments.values().map(of).sum()
    }

    /// Of all traders together.
    pub fn cash(&self) -> i64 {
        self.traders.values().map(|trader| trader.balance.cash_cents).sum()
    }

    pub fn ever_beyond(&self) -> usize {
        self.traders.values().filter(|trader| trader.risk.was_beyond()).count()
    }

    /// How many instruments have more or fewer shares owned than owed.
    pub fn out_of_balance(&self) -> usize {
        let held = |instrument: &String| -> i64 {
            self.traders.values().filter_map(|trader| trader.balance.shares.get(instrument)).sum()
        };
        self.instruments.keys().filter(|instrument| held(instrument) != 0).count()
    }

    /// A short word for all that is chosen: equal words, equal contents.
    pub fn digest<'a, T: Serialize>(&'a self, part: impl Fn(&'a Picture) -> Vec<T>) -> String {
        let json = serde_json::to_vec(&part(self)).unwrap_or_default();
        blake3::hash(&json).to_hex()[..12].to_owned()
    }
}

impl Instrument {
    pub fn resting(&self) -> impl Iterator<Item = &Resting> {
        self.book.bids.iter().chain(&self.book.asks)
    }
}
