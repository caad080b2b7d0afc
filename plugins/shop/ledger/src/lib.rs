//! The space `ledger`: adds up what the other spaces tell, over all their partitions. It owns sums and the set of
//! customers, is told only facts, and asks nobody. It fails only if its state cannot be written.

use shop_messages::{Ended, Outcome, Settled};
use spacehost_sdk::prelude::*;

/// What some orders come to.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
struct Sums {
    orders: u64,
    cds: u64,
    cents: u64,
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
struct Totals {
    /// How many customers have an order that ended, however.
    customers: u64,
    paid: Sums,
    declined: Sums,
    out_of_stock: Sums,
    /// Of the money that was paid, what payments told of settling: a second way to the same sum.
    settled_payments: u64,
    settled_cents: u64,
}

#[derive(Cells)]
struct Ledger {
    totals: Item<Totals>,
    /// How many orders of each customer have ended.
    customers: Map<String, u64>,
}

/// Adds up the whole shop.
///
/// One partition, so that its sums are of all customers. The events come with the customer as their key, but with one
/// partition each key leads there.
#[space]
impl Ledger {
    #[event("orders.paid")]
    #[event("orders.declined")]
    #[event("orders.out-of-stock")]
    fn ended(&self, event: Ended) -> Result<()> {
        let is_new = !self.customers.contains(&event.customer);
        self.customers.update(&event.customer, |orders| *orders += 1)?;
        self.totals.update(|totals| {
            totals.customers += u64::from(is_new);
            let sums = match event.outcome {
                Outcome::Paid => &mut totals.paid,
                Outcome::Declined => &mut totals.declined,
                Outcome::OutOfStock => &mut totals.out_of_stock,
            };
            sums.orders += 1;
            sums.cds += event.cds;
            sums.cents += event.cents;
        })
    }

    #[event("payments.settled")]
    fn settled(&self, event: Settled) -> Result<()> {
        self.totals.update(|totals| {
            totals.settled_payments += event.payments;
            totals.settled_cents += event.cents;
        })
    }

    /// Tells the sums so far.
    #[command]
    fn totals(&self) -> Result<Totals> {
        self.totals.get_or_default()
    }
}

#[cfg(test)]
mod tests;
