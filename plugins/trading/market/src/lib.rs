//! The space `market`: owns what anybody may know of an instrument: the top of its book, the last price, the volume, and a bar
//! for each minute. It is told by events and asks nobody; it knows no traders. It fails only if its state cannot be written.

use spacehost_sdk::prelude::*;
use trading_messages::{Bar, BarClosed, Quote, Quoted, Traded, instrument};

const MINUTE_MS: u64 = 60_000;
const BARS_AT_ONCE: usize = 500;

#[derive(Default, Serialize, Deserialize, JsonSchema)]
struct Ticker {
    quote: Quote,
    /// The price of the last trade.
    last: Option<u64>,
    trades: u64,
    /// In shares.
    volume: u64,
    /// The minute of the last trade.
    minute: Option<u64>,
}

#[derive(Default, Deserialize, JsonSchema)]
struct After {
    /// The last minute that is known.
    after: Option<u64>,
}

#[derive(Cells)]
struct Market {
    tickers: Map<String, Ticker>,
    /// By instrument and minute.
    bars: Map<(String, u64), Bar>,
}

/// Market data; the instrument is the key of each message.
#[space(partitions = 4, publishes(BarClosed))]
impl Market {
    #[event("book.quoted")]
    fn quoted(&self, event: Quoted) -> Result<()> {
        self.tickers.update(&event.instrument, |ticker| ticker.quote = event.quote)
    }

    #[event("book.traded")]
    fn traded(&self, ctx: &Context, event: Traded) -> Result<()> {
        let Traded { instrument, price, quantity, at, .. } = event;
        let minute = at / MINUTE_MS;
        let before = self.tickers.update(&instrument, |ticker| {
            ticker.last = Some(price);
            ticker.trades += 1;
            ticker.volume += quantity;
            ticker.minute.replace(minute)
        })?;
        if let Some(over) = before.filter(|before| *before != minute) {
            self.close(ctx, &instrument, over)?;
        }
        let key = (instrument, minute);
        let bar = grown(self.bars.get(&key)?, minute, price, quantity);
        self.bars.set(&key, &bar)
    }

    /// Tells the top of the book, the last price and the volume.
    #[command]
    fn ticker(&self, ctx: &Context) -> Result<Ticker> {
        Ok(self.tickers.get(&instrument(ctx)?)?.unwrap_or_default())
    }

    /// Lists the bars of the minutes with trades, the oldest first, 500 at most.
    #[command]
    fn bars(&self, ctx: &Context, input: Option<After>) -> Result<Vec<Bar>> {
        let instrument = instrument(ctx)?;
        let bars = self.bars.under(&instrument);
        let bars = match input.unwrap_or_default().after {
            Some(minute) => bars.after(&(instrument, minute)),
            None => bars,
        };
        bars.values().take(BARS_AT_ONCE).collect()
    }

    /// Tells a bar when the first trade of another minute has come.
    fn close(&self, ctx: &Context, instrument: &str, minute: u64) -> Result<()> {
        let bar = self.bars.get(&(instrument, minute))?.or_fail("bad-state", "a minute with trades has a bar")?;
        ctx.emit(&BarClosed { instrument: instrument.to_owned(), bar })
    }
}

fn grown(bar: Option<Bar>, minute: u64, price: u64, quantity: u64) -> Bar {
    let bar = bar.unwrap_or(Bar { minute, open: price, high: price, low: price, close: price, volume: 0 });
    let (high, low) = (bar.high.max(price), bar.low.min(price));
    Bar { high, low, close: price, volume: bar.volume + quantity, ..bar }
}

#[cfg(test)]
mod tests;
