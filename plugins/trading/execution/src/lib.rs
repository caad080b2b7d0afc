//! The space `execution`: owns the trades of each instrument, and what of them is not settled yet. It turns trades into
//! postings of shares and cash, each trader's of one instrument netted over a second; it knows no orders and no balances. A
//! trade that does not follow the one before is set aside as `gap`.

use spacehost_sdk::prelude::*;
use trading_messages::{Post, Settled, Traded, instrument};

const SETTLE_AFTER: Duration = Duration::from_secs(1);
/// What one turn posts; the rest follows at once.
const POSTINGS_AT_ONCE: usize = 200;
const TRADES_AT_ONCE: usize = 500;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Trade {
    number: u64,
    buyer: String,
    seller: String,
    price: u64,
    quantity: u64,
    at: u64,
}

#[derive(Default, Deserialize, JsonSchema)]
struct After {
    /// The number of the last trade that is known.
    #[serde(default)]
    after: u64,
}

/// How far an instrument is.
#[derive(Serialize, JsonSchema)]
struct Progress {
    trades: u64,
    /// How many postings wait to be settled, of any instrument of the same partition.
    unsettled: u64,
}

#[derive(Cells)]
struct Execution {
    trades: Map<(String, u64), Trade>,
    /// How many trades each instrument has.
    counts: Map<String, u64>,
    /// Netted, by instrument and trader.
    unsettled: Map<(String, String), Post>,
}

/// Settles trades; the instrument is the key of each message.
#[space(partitions = 4, publishes(Settled), wants(commands("accounts/post")))]
impl Execution {
    /// Books a trade for buyer and seller.
    #[event("book.traded")]
    fn traded(&self, ctx: &Context, event: Traded) -> Result<()> {
        let Traded { instrument, number, buyer, seller, price, quantity, at } = event;
        let before = self.counts.get(&instrument)?.unwrap_or(0);
        if number != before + 1 {
            let why = format!("trade {number} of {instrument} came after trade {before}");
            return Err(Failure::new("gap", why));
        }
        self.counts.set(&instrument, &number)?;
        if self.unsettled.iter().next().is_none() {
            ctx.timers().set("settle", SETTLE_AFTER, &())?;
        }
        let (shares, cents) = legs(quantity, price)?;
        self.net(&instrument, &buyer, shares, -cents)?;
        self.net(&instrument, &seller, -shares, cents)?;
        let trade = Trade { number, buyer, seller, price, quantity, at };
        self.trades.set(&(instrument, number), &trade)
    }

    /// Posts what this partition has netted. The first trade after it sets the timer again, so a partition without trades
    /// stays asleep.
    #[timer]
    fn settle(&self, ctx: &Context) -> Result<()> {
        let waiting: Vec<_> = self.unsettled.iter().take(POSTINGS_AT_ONCE + 1).collect::<Result<_>>()?;
        for ((instrument, trader), post) in waiting.iter().take(POSTINGS_AT_ONCE) {
            self.unsettled.delete(&(instrument, trader))?;
            // One way: it leaves when it is no longer unsettled here, and not otherwise.
            ctx.with_key(trader).send("accounts/post", post)?;
        }
        if waiting.len() > POSTINGS_AT_ONCE {
            ctx.timers().set("settle", Duration::ZERO, &())?;
        }
        let postings = waiting.len().min(POSTINGS_AT_ONCE) as u64;
        ctx.emit(&Settled { partition: ctx.partition(), postings })
    }

    /// Lists trades of the instrument, the oldest first, 500 at most.
    #[command]
    fn trades(&self, ctx: &Context, input: Option<After>) -> Result<Vec<Trade>> {
        let instrument = instrument(ctx)?;
        let after = (instrument.clone(), input.unwrap_or_default().after);
        self.trades.under(&instrument).after(&after).values().take(TRADES_AT_ONCE).collect()
    }

    /// Tells how far the instrument is.
    #[command]
    fn progress(&self, ctx: &Context) -> Result<Progress> {
        let trades = self.counts.get(&instrument(ctx)?)?.unwrap_or(0);
        let unsettled = self.unsettled.iter().map(|entry| entry.map(|_| 1)).sum::<Result<u64>>()?;
        Ok(Progress { trades, unsettled })
    }

    fn net(&self, instrument: &str, trader: &str, shares: i64, cents: i64) -> Result<()> {
        self.unsettled.update(&(instrument, trader), |post| {
            post.instrument = instrument.to_owned();
            post.shares += shares;
            post.cents += cents;
        })
    }
}

/// The shares and cents of a trade.
fn legs(quantity: u64, price: u64) -> Result<(i64, i64)> {
    let cents = quantity.checked_mul(price).and_then(|cents| i64::try_from(cents).ok());
    let shares = i64::try_from(quantity).ok();
    shares.zip(cents).or_fail("too-much", format!("{quantity} shares at {price} cents"))
}

#[cfg(test)]
mod tests;
