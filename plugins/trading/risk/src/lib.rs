//! The space `risk`: owns the limits of each trader and what he may come to owe or hold. It says yes or no to an order before
//! it goes in, and sets the worst case aside; it knows no books and no other trader. What the book tells of fills and
//! closed orders is taken as told; if it were to free more than was set aside, that is `bad-release`, and changes nothing.

mod exposure;

use exposure::{Account, Holding, Pending};
use spacehost_sdk::prelude::*;
use std::collections::BTreeMap;
use trading_messages::{Apply, Change, Reason, Reserve, Verdict, trader};

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
struct Limits {
    /// What the trader may owe in cash, if all his buy orders are filled and none of his sell orders.
    credit_cents: u64,
    /// How many shares of one instrument he may hold or owe, if all his orders of one side are filled.
    position: u64,
}

/// What a trader has, has set aside, and has had at most.
#[derive(Serialize, JsonSchema)]
struct Shown {
    limits: Limits,
    account: Account,
    holdings: BTreeMap<String, Holding>,
}

#[derive(Cells)]
struct Risk {
    limits: Map<String, Limits>,
    accounts: Map<String, Account>,
    /// By trader and instrument.
    holdings: Map<(String, String), Holding>,
}

/// Keeps each trader within his limits; the trader is the key of each message.
#[space(partitions = 4)]
impl Risk {
    /// Gives the trader limits, or others. What is in the book already stays there.
    #[command]
    fn set_limits(&self, ctx: &Context, input: Limits) -> Result<()> {
        self.limits.set(&trader(ctx)?, &input)
    }

    /// Sets the worst case of an order aside, or refuses.
    ///
    /// The book may ask twice for one order: when the host is killed after this answer, the client sends its command again,
    /// and that is another message. The book asks for one order of an instrument at a time, and says what became of it
    /// before it asks again. So a reservation of which it has said nothing is of an order that never went in.
    #[command]
    fn reserve(&self, ctx: &Context, input: Reserve) -> Result<Verdict> {
        let trader = trader(ctx)?;
        let Some(limits) = self.limits.get(&trader)? else { return Ok(Verdict::Refused(Reason::UnknownTrader)) };
        let (mut account, mut holding) = self.exposure(&trader, &input.instrument)?;
        if let Some(Pending { side, price, quantity }) = holding.pending.take() {
            exposure::release(&mut account, &mut holding, side, price, quantity)?;
        }
        exposure::reserve(&mut account, &mut holding, &input)?;
        let verdict = match exposure::beyond(&account, &holding, &limits) {
            None => Verdict::Reserved,
            Some(reason) => {
                exposure::release(&mut account, &mut holding, input.side, input.price, input.quantity)?;
                holding.pending = None;
                Verdict::Refused(reason)
            }
        };
        self.keep(&trader, &input.instrument, account, holding)?;
        Ok(verdict)
    }

    /// Takes up what became of orders: what was filled has changed hands, what was closed is set aside no more.
    #[command]
    fn apply(&self, ctx: &Context, input: Apply) -> Result<()> {
        let trader = trader(ctx)?;
        let (mut account, mut holding) = self.exposure(&trader, &input.instrument)?;
        for change in input.changes {
            match change {
                Change::Entered => holding.pending = None,
                Change::Filled { side, limit, quantity, cents } => {
                    exposure::release(&mut account, &mut holding, side, limit, quantity)?;
                    exposure::exchange(&mut account, &mut holding, side, quantity, cents)?;
                }
                Change::Closed { side, limit, quantity } => {
                    exposure::release(&mut account, &mut holding, side, limit, quantity)?;
                }
            }
        }
        self.keep(&trader, &input.instrument, account, holding)
    }

    /// Shows what the trader has, has set aside, and has had at most.
    #[command]
    fn show(&self, ctx: &Context) -> Result<Shown> {
        let trader = trader(ctx)?;
        let limits = self.limits.get(&trader)?.or_fail("unknown-trader", format!("{trader} has no limits"))?;
        let held =
            self.holdings.under(&trader).map(|entry| entry.map(|((_, instrument), holding)| (instrument, holding)));
        Ok(Shown {
            limits,
            account: self.accounts.get(&trader)?.unwrap_or_default(),
            holdings: held.collect::<Result<_>>()?,
        })
    }

    fn exposure(&self, trader: &str, instrument: &str) -> Result<(Account, Holding)> {
        let account = self.accounts.get(trader)?.unwrap_or_default();
        Ok((account, self.holdings.get(&(trader, instrument))?.unwrap_or_default()))
    }

    /// Each state that others can see comes by here, so the marks hold the worst of all moments.
    fn keep(&self, trader: &str, instrument: &str, mut account: Account, mut holding: Holding) -> Result<()> {
        exposure::mark(&mut account, &mut holding);
        self.accounts.set(trader, &account)?;
        self.holdings.set(&(trader, instrument), &holding)
    }
}

#[cfg(test)]
mod tests;
