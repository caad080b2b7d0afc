//! The space `book`: owns the open orders of each instrument, and matches what comes in against them by price, then time. It
//! asks risk before it lets an order in, and tells what it came to; it knows no cash and no positions. An order that makes
//! no sense is refused as `bad-order`; one whose number was used, as `old-number`. An order that risk refuses is an answer
//! and no failure: it is counted, and its number is used.

mod ladder;
mod matching;
mod order;

use matching::Matched;
use order::{Cancel, Cancelled, Count, Open, Order, Outcome, Report, Resting, Tally};
use spacehost_sdk::prelude::*;
use std::collections::BTreeMap;
use trading_messages::{Apply, Change, Quote, Quoted, Reserve, Traded, Verdict, instrument};

#[derive(Cells)]
struct Book {
    /// By instrument, rank of the price (the best is the lowest) and time: so the first is the next to be met.
    bids: Map<(String, i64, u64), Resting>,
    asks: Map<(String, i64, u64), Resting>,
    /// Where an order rests, by instrument, trader and number.
    open: Map<(String, String, u64), Open>,
    /// The last number of each trader, by instrument and trader.
    numbers: Map<(String, String), u64>,
    /// The top of each book, as it was told last.
    quotes: Map<String, Quote>,
    tallies: Map<String, Tally>,
}

/// Matches orders; the instrument is the key of each command.
#[space(partitions = 4, publishes(Traded, Quoted), wants(commands("risk/reserve", "risk/apply")))]
impl Book {
    /// Lets an order in if risk agrees, and matches it.
    ///
    /// Risk is asked by a request, because without its word nothing may happen here. All that follows from the order leaves
    /// together when this turn commits. If the host ends before that, risk has a reservation without an order; it drops it
    /// when this book asks for the same trader again.
    #[command]
    fn place(&self, ctx: &Context, input: Order) -> Result<Report> {
        let instrument = instrument(ctx)?;
        input.check()?;
        self.take_number(&instrument, &input)?;
        let verdict = ctx.with_key(&input.trader).request("risk/reserve", &reservation(&instrument, &input))?;
        match verdict {
            Verdict::Reserved => self.enter(ctx, &instrument, &input),
            Verdict::Refused(reason) => {
                self.count(&instrument, |tally| tally.rejected += 1)?;
                Ok(Report { quote: self.quote(&instrument)?, ..Report::of(Outcome::Rejected(reason)) })
            }
        }
    }

    /// Takes what is left of an order out of the book. Nothing is left of one that was filled or cancelled before.
    #[command]
    fn cancel(&self, ctx: &Context, input: Cancel) -> Result<Cancelled> {
        let instrument = instrument(ctx)?;
        let Cancel { trader, number } = input;
        let Some(open) = self.open.get(&(instrument.as_str(), trader.as_str(), number))? else {
            return Ok(Cancelled { quantity: 0, quote: self.quote(&instrument)? });
        };
        let resting = self.remove(&instrument, &trader, number, open)?;
        let change = Change::Closed { side: open.side, limit: open.price, quantity: resting.quantity };
        tell(ctx, &instrument, &trader, vec![change])?;
        self.count(&instrument, |tally| {
            tally.cancelled += 1;
            tally.closed_shares += resting.quantity;
        })?;
        Ok(Cancelled { quantity: resting.quantity, quote: self.tell_top(ctx, &instrument)? })
    }

    /// Lists the open orders, the best and oldest first, and what has happened.
    #[command]
    fn show(&self, ctx: &Context) -> Result<order::Shown> {
        let instrument = instrument(ctx)?;
        let tally = self.tallies.get(&instrument)?.unwrap_or_default();
        Ok(order::Shown {
            bids: self.resting(&self.bids, &instrument)?,
            asks: self.resting(&self.asks, &instrument)?,
            tally,
        })
    }

    /// Matches an order that risk has let in, keeps what is left of it, and tells all about it.
    fn enter(&self, ctx: &Context, instrument: &str, order: &Order) -> Result<Report> {
        let matched = self.matched(instrument, order)?;
        let rests = if order.immediate || matched.is_cut_short { 0 } else { matched.left };
        if rests > 0 {
            self.add(instrument, order, rests)?;
        }
        self.tell_trades(ctx, instrument, order, &matched)?;
        let closed = matched.left - rests;
        for (trader, changes) in changes(order, &matched, closed) {
            tell(ctx, instrument, trader, changes)?;
        }
        self.count(instrument, |tally| {
            tally.entered += 1;
            tally.self_cancelled += matched.own.len() as Count;
            tally.closed_shares += closed + matched.own.iter().map(|own| own.quantity).sum::<u64>();
        })?;
        let quote = self.tell_top(ctx, instrument)?;
        Ok(Report { fills: matched.fills, resting: rests, quote, ..Report::of(Outcome::Entered) })
    }

    /// Each trader numbers his orders of an instrument upwards, so none can come in twice.
    fn take_number(&self, instrument: &str, order: &Order) -> Result<()> {
        let key = (instrument, order.trader.as_str());
        let last = self.numbers.get(&key)?.unwrap_or(0);
        if order.number <= last {
            let why = format!("{} has numbered his orders of {instrument} up to {last} already", order.trader);
            return Err(Failure::new("old-number", why));
        }
        self.numbers.set(&key, &order.number)
    }

    fn tell_trades(&self, ctx: &Context, instrument: &str, order: &Order, matched: &Matched) -> Result<()> {
        let first = self.count(instrument, |tally| {
            let first = tally.trades + 1;
            tally.trades += matched.fills.len() as Count;
            tally.volume += matched.fills.iter().map(|fill| fill.quantity).sum::<u64>();
            first
        })?;
        for (number, fill) in (first..).zip(&matched.fills) {
            ctx.emit(&order::traded(instrument, number, order, fill, order.at.unwrap_or_else(|| ctx.now())))?;
        }
        Ok(())
    }

    /// Publishes the top of the book if it has changed.
    fn tell_top(&self, ctx: &Context, instrument: &str) -> Result<Quote> {
        let quote = self.top(instrument)?;
        if quote != self.quote(instrument)? {
            self.quotes.set(instrument, &quote)?;
            ctx.emit(&Quoted { instrument: instrument.to_owned(), quote })?;
        }
        Ok(quote)
    }

    fn quote(&self, instrument: &str) -> Result<Quote> {
        Ok(self.quotes.get(instrument)?.unwrap_or_default())
    }

    fn count<R>(&self, instrument: &str, change: impl FnOnce(&mut Tally) -> R) -> Result<R> {
        self.tallies.update(instrument, change)
    }
}

fn reservation(instrument: &str, order: &Order) -> Reserve {
    let Order { side, price, quantity, .. } = *order;
    Reserve { instrument: instrument.to_owned(), side, price, quantity }
}

/// What an order came to for each trader whom it concerns; `closed` shares of it will never be filled.
fn changes<'a>(order: &'a Order, matched: &'a Matched, closed: u64) -> BTreeMap<&'a str, Vec<Change>> {
    let mut changes: BTreeMap<&str, Vec<Change>> = BTreeMap::new();
    let mine = changes.entry(&order.trader).or_default();
    mine.push(Change::Entered);
    let (quantity, cents) = matched.sums();
    if quantity > 0 {
        mine.push(Change::Filled { side: order.side, limit: order.price, quantity, cents });
    }
    if closed > 0 {
        mine.push(Change::Closed { side: order.side, limit: order.price, quantity: closed });
    }
    let side = order.side.other();
    for own in &matched.own {
        mine.push(Change::Closed { side, limit: own.price, quantity: own.quantity });
    }
    for fill in &matched.fills {
        // Whoever was there first gets his own price.
        let (limit, quantity) = (fill.price, fill.quantity);
        let filled = Change::Filled { side, limit, quantity, cents: limit * quantity };
        changes.entry(&fill.trader).or_default().push(filled);
    }
    changes
}

/// Tells risk. One way: it leaves when this turn commits, and before whatever this book asks risk next.
fn tell(ctx: &Context, instrument: &str, trader: &str, changes: Vec<Change>) -> Result<()> {
    ctx.with_key(trader).send("risk/apply", &Apply { instrument: instrument.to_owned(), changes })
}

#[cfg(test)]
mod tests;
