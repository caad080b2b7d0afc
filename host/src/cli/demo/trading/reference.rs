//! The exchange as it should be, done the plain way: orders in a list, each time searched from end to end; and whatever
//! a trader has or owes added up anew from all trades and all open orders, each time it is needed.
//!
//! Pure, and shares nothing with the spaces. It cannot fail; what goes beyond a limit is counted.

use super::input::{Action, Cancel, Limits, Order, Segment, Side, What};
use super::picture::{
    Account, Answer, Balance, Bar, Book, Fill, Holding, Instrument, Level, Outcome, Picture, Quote, Reason, Resting,
    Risk, Seen, Tally, Ticker, Trade,
};
use std::collections::BTreeMap;

/// As the exchange's README says: one order meets so many at most.
const MOST_MET: usize = 200;
const MINUTE_MS: u64 = 60_000;

pub struct Exchange {
    limits: BTreeMap<String, Limits>,
    floors: BTreeMap<String, Floor>,
    /// The most that each could have come to owe.
    owed: BTreeMap<String, i64>,
    /// The most shares that each could have come to hold or owe, by trader and instrument.
    held: BTreeMap<(String, String), i64>,
    /// How often a trader was beyond a limit after an action.
    pub breaches: u64,
}

/// One instrument.
#[derive(Default)]
struct Floor {
    /// In the order in which they came.
    open: Vec<(Side, Resting)>,
    trades: Vec<Trade>,
    tally: Tally,
}

impl Exchange {
    pub fn new(segment: &Segment) -> Self {
        let limits = segment.traders.iter().map(|trader| (trader.name.clone(), trader.limits)).collect();
        let floors = segment.instruments.iter().map(|name| (name.clone(), Floor::default())).collect();
        Exchange { limits, floors, owed: BTreeMap::new(), held: BTreeMap::new(), breaches: 0 }
    }

    pub fn act(&mut self, action: &Action) -> Answer {
        let answer = match &action.what {
            What::Place(order) => self.place(&action.instrument, order),
            What::Cancel(cancel) => self.floor(&action.instrument).cancel(cancel),
        };
        self.count_breaches(action, &answer);
        answer
    }

    /// Of all to whom something has happened.
    fn count_breaches(&mut self, action: &Action, answer: &Answer) {
        let actor = match &action.what {
            What::Place(Order { trader, .. }) | What::Cancel(Cancel { trader, .. }) => trader,
        };
        let others = match answer {
            Answer::Placed { fills, .. } => &fills[..],
            Answer::Cancelled { .. } => &[],
        };
        let involved = others.iter().map(|fill| &fill.trader).chain([actor]);
        let beyond = involved.map(|trader| self.beyond(trader, &action.instrument, None));
        self.breaches +=
            beyond.filter(|reason| matches!(reason, Some(Reason::Credit | Reason::Position))).count() as u64;
    }

    fn floor(&mut self, instrument: &str) -> &mut Floor {
        self.floors.entry(instrument.to_owned()).or_default()
    }

    fn place(&mut self, instrument: &str, order: &Order) -> Answer {
        if let Some(reason) = self.beyond(&order.trader, instrument, Some(order)) {
            let floor = self.floor(instrument);
            floor.tally.rejected += 1;
            let quote = floor.quote();
            return Answer::Placed { outcome: Outcome::Rejected(reason), fills: Vec::new(), resting: 0, quote };
        }
        self.mark(instrument, order);
        self.floor(instrument).enter(order)
    }

    /// The limit that the trader is beyond, or would be if this order were open too.
    fn beyond(&self, trader: &str, instrument: &str, order: Option<&Order>) -> Option<Reason> {
        let Some(limits) = self.limits.get(trader) else { return Some(Reason::UnknownTrader) };
        if self.owed(trader, order) > limits.credit_cents as i64 {
            return Some(Reason::Credit);
        }
        (self.worst_position(trader, instrument, order) > limits.position as i64).then_some(Reason::Position)
    }

    /// Fills make neither worse than the order made it, so it is when an order comes that a most is reached.
    fn mark(&mut self, instrument: &str, order: &Order) {
        let trader = &order.trader;
        let (owed, held) = (self.owed(trader, Some(order)), self.worst_position(trader, instrument, Some(order)));
        let most = self.owed.entry(trader.clone()).or_default();
        *most = owed.max(*most);
        let most = self.held.entry((trader.clone(), instrument.to_owned())).or_default();
        *most = held.max(*most);
    }

    /// What he owes if all that he bids for is bought.
    fn owed(&self, trader: &str, order: Option<&Order>) -> i64 {
        let more = order.filter(|order| order.side == Side::Buy).map_or(0, |order| order.price * order.quantity);
        (self.reserved(trader) + more) as i64 - self.cash(trader)
    }

    fn worst_position(&self, trader: &str, instrument: &str, order: Option<&Order>) -> i64 {
        let floor = &self.floors[instrument];
        let more = |side| order.filter(|order| order.side == side).map_or(0, |order| order.quantity);
        let of = |side| (floor.open_shares(trader, side) + more(side)) as i64;
        let position = floor.position(trader);
        (position + of(Side::Buy)).max(of(Side::Sell) - position)
    }

    fn reserved(&self, trader: &str) -> u64 {
        let bids = self.floors.values().flat_map(|floor| floor.of(trader, Side::Buy));
        bids.map(|bid| bid.price * bid.quantity).sum()
    }

    fn cash(&self, trader: &str) -> i64 {
        self.floors.values().map(|floor| floor.cash(trader)).sum()
    }

    /// Adds what there is now to a picture.
    pub fn show(self, picture: &mut Picture) {
        for (name, limits) in &self.limits {
            picture.traders.insert(name.clone(), Seen { balance: self.balance(name), risk: self.risk(name, *limits) });
        }
        let floors = self.floors.into_iter().map(|(name, floor)| (name, floor.shown()));
        picture.instruments.extend(floors);
    }

    fn balance(&self, trader: &str) -> Balance {
        let held = self.floors.iter().map(|(name, floor)| (name.clone(), floor.position(trader)));
        Balance { cash_cents: self.cash(trader), shares: held.filter(|(_, shares)| *shares != 0).collect() }
    }

    fn risk(&self, trader: &str, limits: Limits) -> Risk {
        let account = Account {
            cash_cents: self.cash(trader),
            reserved_cents: self.reserved(trader),
            most_owed_cents: self.owed.get(trader).copied().unwrap_or(0),
        };
        let holding = |(name, floor): (&String, &Floor)| {
            let (buying, selling) = (floor.open_shares(trader, Side::Buy), floor.open_shares(trader, Side::Sell));
            let most_position = self.held.get(&(trader.to_owned(), name.clone())).copied().unwrap_or(0);
            (name.clone(), Holding { position: floor.position(trader), buying, selling, most_position })
        };
        let held = self.floors.iter().map(holding).filter(|(_, held)| *held != Holding::default());
        Risk { limits, account, holdings: held.collect() }
    }
}

impl Floor {
    fn enter(&mut self, order: &Order) -> Answer {
        self.tally.entered += 1;
        let (mut left, mut fills, mut met) = (order.quantity, Vec::new(), 0);
        while let Some(best) = (left > 0).then(|| self.best_for(order)).flatten() {
            if met == MOST_MET {
                break;
            }
            met += 1;
            if self.open[best].1.trader == order.trader {
                self.tally.self_cancelled += 1;
                self.tally.closed_shares += self.open.remove(best).1.quantity;
            } else {
                fills.push(self.fill(best, order, &mut left));
            }
        }
        let rests = !order.immediate && (met < MOST_MET || self.best_for(order).is_none());
        let resting = if rests { left } else { 0 };
        self.tally.closed_shares += left - resting;
        if resting > 0 {
            let Order { number, price, .. } = *order;
            self.open.push((order.side, Resting { trader: order.trader.clone(), number, price, quantity: resting }));
        }
        Answer::Placed { outcome: Outcome::Entered, fills, resting, quote: self.quote() }
    }

    /// The best price of the other side that the order accepts, and at that price the order that came first.
    fn best_for(&self, order: &Order) -> Option<usize> {
        let meets = |open: &Resting| match order.side {
            Side::Buy => open.price <= order.price,
            Side::Sell => open.price >= order.price,
        };
        let met = self.open.iter().enumerate().filter(|(_, (side, open))| *side != order.side && meets(open));
        // Of equal ones, the first is the least.
        met.min_by_key(|(_, (side, open))| badness(*side, open.price)).map(|(place, _)| place)
    }

    fn fill(&mut self, place: usize, order: &Order, left: &mut u64) -> Fill {
        let open = &mut self.open[place].1;
        let quantity = open.quantity.min(*left);
        *left -= quantity;
        open.quantity -= quantity;
        let fill = Fill { trader: open.trader.clone(), number: open.number, price: open.price, quantity };
        if open.quantity == 0 {
            self.open.remove(place);
        }
        let (buyer, seller) = match order.side {
            Side::Buy => (order.trader.clone(), fill.trader.clone()),
            Side::Sell => (fill.trader.clone(), order.trader.clone()),
        };
        let number = self.trades.len() as u64 + 1;
        self.trades.push(Trade { number, buyer, seller, price: fill.price, quantity, at: order.at });
        fill
    }

    fn cancel(&mut self, cancel: &Cancel) -> Answer {
        let is_it = |open: &Resting| open.trader == cancel.trader && open.number == cancel.number;
        let place = self.open.iter().position(|(_, open)| is_it(open));
        let quantity = place.map_or(0, |place| self.open.remove(place).1.quantity);
        self.tally.cancelled += u64::from(place.is_some());
        self.tally.closed_shares += quantity;
        Answer::Cancelled { quantity, quote: self.quote() }
    }

    fn quote(&self) -> Quote {
        Quote { bid: self.level(Side::Buy), ask: self.level(Side::Sell) }
    }

    fn level(&self, side: Side) -> Option<Level> {
        let prices = self.open.iter().filter(|(of, _)| *of == side).map(|(_, open)| open.price);
        let price = prices.min_by_key(|price| badness(side, *price))?;
        let there = self.open.iter().filter(|(of, open)| *of == side && open.price == price);
        Some(Level { price, quantity: there.map(|(_, open)| open.quantity).sum() })
    }

    fn of<'a>(&'a self, trader: &'a str, side: Side) -> impl Iterator<Item = &'a Resting> {
        self.open.iter().filter(move |(of, open)| *of == side && open.trader == trader).map(|(_, open)| open)
    }

    fn open_shares(&self, trader: &str, side: Side) -> u64 {
        self.of(trader, side).map(|open| open.quantity).sum()
    }

    fn position(&self, trader: &str) -> i64 {
        self.sum(trader, |trade| trade.quantity as i64)
    }

    fn cash(&self, trader: &str) -> i64 {
        -self.sum(trader, |trade| (trade.price * trade.quantity) as i64)
    }

    /// Over what he bought, less the same over what he sold.
    fn sum(&self, trader: &str, of: impl Fn(&Trade) -> i64) -> i64 {
        let sign = |trade: &Trade| i64::from(trade.buyer == trader) - i64::from(trade.seller == trader);
        self.trades.iter().map(|trade| sign(trade) * of(trade)).sum()
    }

    fn shown(self) -> Instrument {
        let quote = self.quote();
        let volume = self.trades.iter().map(|trade| trade.quantity).sum();
        let last = self.trades.last().map(|trade| trade.price);
        let ticker = Ticker { quote, last, trades: self.trades.len() as u64, volume };
        let bars = bars(&self.trades);
        let book = Book { bids: self.ladder(Side::Buy), asks: self.ladder(Side::Sell), tally: self.tally };
        Instrument { book, trades: self.trades, ticker, bars }
    }

    fn ladder(&self, side: Side) -> Vec<Resting> {
        let mut ladder: Vec<_> = self.open.iter().filter(|(of, _)| *of == side).map(|(_, open)| open.clone()).collect();
        // A stable sort: of one price, whoever came first stays first.
        ladder.sort_by_key(|open| badness(side, open.price));
        ladder
    }
}

fn bars(trades: &[Trade]) -> Vec<Bar> {
    let minutes = trades.chunk_by(|one, next| one.at / MINUTE_MS == next.at / MINUTE_MS);
    let bar = |trades: &[Trade]| {
        let prices = || trades.iter().map(|trade| trade.price);
        Some(Bar {
            minute: trades.first()?.at / MINUTE_MS,
            open: prices().next()?,
            high: prices().max()?,
            low: prices().min()?,
            close: prices().next_back()?,
            volume: trades.iter().map(|trade| trade.quantity).sum(),
        })
    };
    minutes.filter_map(bar).collect()
}

/// The least is the best of its side.
fn badness(side: Side, price: u64) -> i128 {
    match side {
        Side::Buy => -i128::from(price),
        Side::Sell => i128::from(price),
    }
}

#[cfg(test)]
mod tests;
