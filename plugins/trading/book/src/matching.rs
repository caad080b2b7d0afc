//! An order that comes in against those that rest: the best price first, at one price the oldest. Where it would meet an
//! order of its own trader, that one is closed instead, and the next is looked at. Fails as cells do.

use crate::Book;
use crate::order::{Fill, Open, Order, Resting};
use spacehost_sdk::prelude::*;

/// How many resting orders one order may meet. A turn has a limit to what it may tell; what is left of an order that has met
/// so many is closed, or the book would be crossed.
pub const MOST_MET: usize = 200;

/// What an order came to.
pub struct Matched {
    pub fills: Vec<Fill>,
    /// Orders of the same trader that were in the way, and are closed.
    pub own: Vec<Resting>,
    /// How many shares are not filled.
    pub left: u64,
    /// It met as many orders as it may.
    pub is_cut_short: bool,
}

impl Matched {
    /// Shares and cents of all fills.
    pub fn sums(&self) -> (u64, u64) {
        let of = |fill: &Fill| (fill.quantity, fill.quantity * fill.price);
        self.fills.iter().map(of).fold((0, 0), |(shares, cents), (more, dearer)| (shares + more, cents + dearer))
    }
}

impl Book {
    pub fn matched(&self, instrument: &str, order: &Order) -> Result<Matched> {
        let mut matched = Matched { fills: Vec::new(), own: Vec::new(), left: order.quantity, is_cut_short: false };
        let other = order.side.other();
        for entry in self.side(other).under(instrument) {
            let (key, resting) = entry?;
            if matched.left == 0 || !order.accepts(resting.price) {
                break;
            }
            if matched.fills.len() + matched.own.len() == MOST_MET {
                matched.is_cut_short = true;
                break;
            }
            let open = Open { side: other, price: resting.price, place: key.2 };
            if resting.trader == order.trader {
                matched.own.push(self.remove(instrument, &resting.trader, resting.number, open)?);
            } else {
                matched.fills.push(self.fill(instrument, resting, open, &mut matched.left)?);
            }
        }
        Ok(matched)
    }

    /// Fills as much as there is on both sides; what is left of the resting order keeps its place.
    fn fill(&self, instrument: &str, resting: Resting, open: Open, left: &mut u64) -> Result<Fill> {
        let quantity = resting.quantity.min(*left);
        *left -= quantity;
        let Resting { trader, number, price, .. } = resting.clone();
        if quantity == resting.quantity {
            self.remove(instrument, &trader, number, open)?;
        } else {
            let rest = Resting { quantity: resting.quantity - quantity, ..resting };
            self.side(open.side).set(&(instrument, crate::ladder::rank(open.side, price), open.place), &rest)?;
        }
        Ok(Fill { trader, number, price, quantity })
    }
}
