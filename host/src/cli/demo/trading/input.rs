//! What the trading demo feeds its exchange: traders, instruments and a day of orders, all out of one seed.
//!
//! Pure. Must not know spaces, nor what becomes of an order. It cannot fail.

use super::dice::Dice;
use serde::{Deserialize, Serialize};

/// A segment is some instruments and the traders who trade them and nothing else. Its actions come one after the other.
pub const SEGMENTS: u64 = 12;
pub const ACTIONS: u64 = 500;
const INSTRUMENTS: u64 = 2;
const TRADERS: u64 = 8;

const BETWEEN_ACTIONS_MS: u64 = 2_000;
/// The best prices move about this one.
const FIRST_PRICE: u64 = 5_000;
/// Whoever has no limits must not trade.
const STRANGER: &str = "stranger";

pub struct Segment {
    pub instruments: Vec<String>,
    pub traders: Vec<Trader>,
    pub actions: Vec<Action>,
}

pub struct Trader {
    pub name: String,
    pub limits: Limits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub credit_cents: u64,
    pub position: u64,
}

pub struct Action {
    pub instrument: String,
    pub what: What,
}

pub enum What {
    Place(Order),
    Cancel(Cancel),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    Buy,
    Sell,
}

/// As the space `book` takes it.
#[derive(Debug, Clone, Serialize)]
pub struct Order {
    pub trader: String,
    pub number: u64,
    pub side: Side,
    pub price: u64,
    pub quantity: u64,
    pub immediate: bool,
    pub at: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Cancel {
    pub trader: String,
    pub number: u64,
}

/// All segments; the same seed gives the same ones.
pub fn segments(seed: u64) -> Vec<Segment> {
    (0..SEGMENTS).map(|number| segment(number, Dice::new(seed ^ (number << 32)))).collect()
}

fn segment(number: u64, mut dice: Dice) -> Segment {
    let instruments: Vec<_> = (0..INSTRUMENTS).map(|instrument| format!("stock-{number}-{instrument}")).collect();
    let trader = |trader| {
        let limits = Limits { credit_cents: dice.within(1_000_000, 2_500_000), position: dice.within(200, 500) };
        Trader { name: format!("trader-{number}-{trader}"), limits }
    };
    let traders: Vec<_> = (0..TRADERS).map(trader).collect();
    let mut day =
        Day { placed: vec![Vec::new(); instruments.len()], prices: vec![FIRST_PRICE; instruments.len()], dice };
    let actions = (0..ACTIONS).map(|action| day.action(&instruments, &traders, action * BETWEEN_ACTIONS_MS)).collect();
    Segment { instruments, traders, actions }
}

struct Day {
    dice: Dice,
    /// What was placed of each instrument, whether or not it is still open.
    placed: Vec<Vec<Cancel>>,
    prices: Vec<u64>,
}

impl Day {
    fn action(&mut self, instruments: &[String], traders: &[Trader], at: u64) -> Action {
        let instrument = self.dice.below(instruments.len() as u64) as usize;
        let placed = &self.placed[instrument];
        let cancels = self.dice.percent(20) && !placed.is_empty();
        let what = if cancels {
            // Mostly one of the last, which may still be open.
            let back = self.dice.below(placed.len().min(12) as u64) as usize;
            What::Cancel(placed[placed.len() - 1 - back].clone())
        } else {
            What::Place(self.order(instrument, traders, at))
        };
        Action { instrument: instruments[instrument].clone(), what }
    }

    fn order(&mut self, instrument: usize, traders: &[Trader], at: u64) -> Order {
        let dice = &mut self.dice;
        let trader = match dice.percent(1) {
            true => STRANGER.to_owned(),
            false => traders[dice.below(traders.len() as u64) as usize].name.clone(),
        };
        let middle = &mut self.prices[instrument];
        *middle = *middle + dice.below(5) - 2;
        let side = if dice.percent(50) { Side::Buy } else { Side::Sell };
        // Between seven cents to the worse and four to the better of the middle: so some meet at once, and most wait.
        let away = *middle - 7 + dice.below(12);
        let price = if side == Side::Buy { away } else { 2 * *middle - away };
        let quantity = if dice.percent(4) { dice.within(150, 400) } else { dice.within(1, 60) };
        let number = self.placed[instrument].len() as u64 + 1;
        self.placed[instrument].push(Cancel { trader: trader.clone(), number });
        Order { trader, number, side, price, quantity, immediate: self.dice.percent(10), at }
    }
}
