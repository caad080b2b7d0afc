//! The two sides of a book as cells: what rests where, and in which order it will be met. It knows no matching. Fails as cells
//! do; an index that does not fit the book is `bad-state`.

use crate::Book;
use crate::order::{Open, Order, Resting, joins};
use spacehost_sdk::prelude::*;
use trading_messages::{Level, Quote, Side};

type Orders = Map<(String, i64, u64), Resting>;

impl Book {
    pub fn side(&self, side: Side) -> &Orders {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    /// Puts what is left of an order behind all others of its price.
    pub fn add(&self, instrument: &str, order: &Order, quantity: u64) -> Result<()> {
        let Order { side, price, number, .. } = *order;
        let place = self.tallies.update(instrument, |tally| {
            tally.places += 1;
            tally.places
        })?;
        let resting = Resting { trader: order.trader.clone(), number, price, quantity };
        self.side(side).set(&(instrument, rank(side, price), place), &resting)?;
        self.open.set(&(instrument, order.trader.as_str(), number), &Open { side, price, place })
    }

    /// Takes an order out of the book, and answers what was left of it.
    pub fn remove(&self, instrument: &str, trader: &str, number: u64, open: Open) -> Result<Resting> {
        self.open.delete(&(instrument, trader, number))?;
        let Open { side, price, place } = open;
        let resting = self.side(side).take(&(instrument, rank(side, price), place))?;
        resting.or_fail("bad-state", format!("order {number} of {trader} is not where it should rest"))
    }

    /// The best price of either side, and what waits at it.
    pub fn top(&self, instrument: &str) -> Result<Quote> {
        Ok(Quote { bid: self.best(&self.bids, instrument)?, ask: self.best(&self.asks, instrument)? })
    }

    fn best(&self, orders: &Orders, instrument: &str) -> Result<Option<Level>> {
        let mut level = None;
        for order in orders.under(instrument).values() {
            if !joins(&mut level, &order?) {
                break;
            }
        }
        Ok(level)
    }

    pub fn resting(&self, orders: &Orders, instrument: &str) -> Result<Vec<Resting>> {
        orders.under(instrument).values().collect()
    }
}

/// The best price of a side has the lowest rank: keys sort upwards.
pub fn rank(side: Side, price: u64) -> i64 {
    // Prices are checked when they come in, and far below where this would not fit.
    let price = i64::try_from(price).unwrap_or(i64::MAX);
    match side {
        Side::Buy => -price,
        Side::Sell => price,
    }
}
