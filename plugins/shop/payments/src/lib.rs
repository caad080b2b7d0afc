//! The space `payments`: owns what each customer has paid, and what of it is not settled yet. It knows no carts and no stock, and
//! of orders only the number. That a card is not good for the money is no failure, and told as `payments.declined`. It fails
//! only if its state cannot be written.

use shop_messages::{Charge, Charged, Declined, Settled, customer};
use spacehost_sdk::prelude::*;

const SETTLE_AFTER: Duration = Duration::from_secs(1);

/// Payments that wait to be settled together.
#[derive(Default, Serialize, Deserialize)]
struct Batch {
    payments: u64,
    cents: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// What a customer's card is good for, all orders together; without it, each card is good for everything.
    card_limit_cents: Option<u64>,
}

#[derive(Cells)]
struct Payments {
    /// In cents, by customer.
    paid: Map<String, u64>,
    unsettled: Item<Batch>,
    settings: Config<Settings>,
}

/// Takes the money; the customer is the key of each message.
#[space(partitions = 4, publishes(Charged, Declined, Settled))]
impl Payments {
    /// Takes money for an order, or tells that the card is not good for so much.
    #[command]
    fn charge(&self, ctx: &Context, input: Charge) -> Result<()> {
        let Charge { customer, number, cents } = input;
        let limit = self.settings.get()?.card_limit_cents.unwrap_or(u64::MAX);
        let paid = self.paid.get(&customer)?.unwrap_or(0).checked_add(cents).filter(|paid| *paid <= limit);
        let Some(paid) = paid else {
            return ctx.emit(&Declined { customer, number, cents });
        };
        // A plain sum is right: a turn that is repeated finds the state as it was before, so nobody is charged twice.
        self.paid.set(&customer, &paid)?;
        let mut batch = self.unsettled.get_or_default()?;
        if batch.payments == 0 {
            ctx.timers().set("settle", SETTLE_AFTER, &())?;
        }
        batch.payments += 1;
        batch.cents += cents;
        self.unsettled.set(&batch)?;
        ctx.emit(&Charged { customer, number, cents })
    }

    /// Answers how many cents the customer has paid.
    #[command]
    fn paid(&self, ctx: &Context) -> Result<u64> {
        Ok(self.paid.get(&customer(ctx)?)?.unwrap_or(0))
    }

    /// Settles all payments of this partition since the last time. The first one after it sets the timer again, so a
    /// partition without payments stays asleep.
    #[timer]
    fn settle(&self, ctx: &Context) -> Result<()> {
        let Batch { payments, cents } = self.unsettled.get_or_default()?;
        self.unsettled.delete()?;
        ctx.emit(&Settled { partition: ctx.partition(), payments, cents })
    }
}

#[cfg(test)]
mod tests;
