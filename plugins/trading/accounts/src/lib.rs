//! The space `accounts`: owns each trader's cash and shares, as settled. It is told what to add, and adds it; it knows no
//! orders, trades or limits. A sum that no number holds is refused as `too-much`.

use spacehost_sdk::prelude::*;
use std::collections::BTreeMap;
use trading_messages::{Post, trader};

/// What a trader has; negative is owed.
#[derive(Serialize, JsonSchema)]
struct Balance {
    cash_cents: i64,
    /// Shares by instrument, without those of which he has none.
    shares: BTreeMap<String, i64>,
}

#[derive(Cells)]
struct Accounts {
    cash: Map<String, i64>,
    /// By trader and instrument.
    shares: Map<(String, String), i64>,
}

/// Keeps the accounts; the trader is the key of each message.
#[space(partitions = 4)]
impl Accounts {
    /// Adds shares and cash, or takes them away.
    #[command]
    fn post(&self, ctx: &Context, input: Post) -> Result<()> {
        let trader = trader(ctx)?;
        let Post { instrument, shares, cents } = input;
        let cash = added(self.cash.get(&trader)?, cents)?;
        self.cash.set(&trader, &cash)?;
        let key = (trader, instrument);
        match added(self.shares.get(&key)?, shares)? {
            0 => self.shares.delete(&key),
            held => self.shares.set(&key, &held),
        }
    }

    /// Shows the trader's account.
    #[command]
    fn show(&self, ctx: &Context) -> Result<Balance> {
        let trader = trader(ctx)?;
        let held = self.shares.under(&trader).map(|entry| entry.map(|((_, instrument), shares)| (instrument, shares)));
        Ok(Balance { cash_cents: self.cash.get(&trader)?.unwrap_or(0), shares: held.collect::<Result<_>>()? })
    }
}

fn added(before: Option<i64>, more: i64) -> Result<i64> {
    before.unwrap_or(0).checked_add(more).or_fail("too-much", "a balance has 63 bits")
}

#[cfg(test)]
mod tests;
