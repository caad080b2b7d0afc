//! The space `orders`: owns the orders, from the moment they are placed. It asks payments for the money and waits for
//! nobody: that the money came is an event. A payment for an order that it does not know is set aside as `unknown-order`.

use shop_messages::{Charge, Charged, Line, Paid, Place, customer, total_cds, total_cents};
use spacehost_sdk::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Progress {
    Placed,
    Paid,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Order {
    number: u32,
    day: Option<String>,
    lines: Vec<Line>,
    progress: Progress,
}

#[derive(Cells)]
struct Orders {
    /// By customer and number.
    orders: Map<(String, u32), Order>,
}

/// Keeps the orders of each customer; the customer is the key of each message.
#[space(partitions = 4, publishes(Paid), wants(commands("payments/charge")))]
impl Orders {
    /// Takes an order, and sends for the money.
    ///
    /// Nothing here asks whether the order came before. The host may call this again, but only after an attempt whose
    /// effects it discarded.
    #[command]
    fn place(&self, ctx: &Context, input: Place) -> Result<()> {
        let cents = total_cents(&input.lines);
        let order = Order { number: input.number, day: input.day, lines: input.lines, progress: Progress::Placed };
        let key = (input.customer, input.number);
        self.orders.set(&key, &order)?;
        let (customer, number) = key;
        ctx.send("payments/charge", &Charge { customer, number, cents })
    }

    /// Completes the order that the money was for, and tells so.
    #[event("payments.charged")]
    fn charged(&self, ctx: &Context, event: Charged) -> Result<()> {
        let key = (event.customer, event.number);
        let unknown = format!("there is no order {} of {}", key.1, key.0);
        let mut order = self.orders.get(&key)?.or_fail("unknown-order", unknown)?;
        order.progress = Progress::Paid;
        self.orders.set(&key, &order)?;
        // What was bought is told from this space's own state; how much was paid for it, only payments can say.
        let (customer, number) = key;
        ctx.emit(&Paid { customer, number, day: order.day, cds: total_cds(&order.lines), cents: event.cents })
    }

    /// Lists the customer's orders, the oldest first.
    #[command]
    fn list(&self, ctx: &Context) -> Result<Vec<Order>> {
        self.orders.under(&customer(ctx)?).values().collect()
    }
}

#[cfg(test)]
mod tests;
