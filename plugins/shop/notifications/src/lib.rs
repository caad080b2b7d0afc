//! The space `notifications`: owns what each customer was told of the ends of orders. It knows neither stock nor cards, and
//! asks nobody. An end that comes a second time, or before an earlier one, is set aside as `out-of-order`: a customer is told
//! once of each order, in their order.

use shop_messages::{Ended, Outcome, Sent, customer};
use spacehost_sdk::prelude::*;

const READ_AT_ONCE: usize = 100;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Notice {
    order: u32,
    text: String,
}

#[derive(Default, Deserialize, JsonSchema)]
struct Inbox {
    /// Go on behind this order.
    after: u32,
}

#[derive(Cells)]
struct Notifications {
    /// By customer and order.
    inbox: Map<(String, u32), String>,
    /// The last order of each customer of which there was something to tell.
    last: Map<String, u32>,
}

/// Tells each customer what has become of each order; the customer is the key of each message.
#[space(partitions = 4, publishes(Sent))]
impl Notifications {
    /// Tells the customer of it, once. In a shop with a mail server, the one that listens to `notifications.sent` sends it.
    #[event("orders.paid")]
    #[event("orders.declined")]
    #[event("orders.out-of-stock")]
    fn ended(&self, ctx: &Context, event: Ended) -> Result<()> {
        let last = self.last.get(&event.customer)?.unwrap_or(0);
        if event.number <= last {
            let why = format!("order {} of {} after order {last}", event.number, event.customer);
            return Err(Failure::new("out-of-order", why));
        }
        let text = text(&event);
        let Ended { outcome, customer, number, .. } = event;
        self.last.set(&customer, &number)?;
        self.inbox.set(&(customer.as_str(), number), &text)?;
        ctx.emit(&Sent { customer, number, outcome, text })
    }

    /// Answers what the customer was told, 100 messages at a time, the oldest first.
    #[command]
    fn inbox(&self, ctx: &Context, input: Option<Inbox>) -> Result<Vec<Notice>> {
        let customer = customer(ctx)?;
        let behind = (customer.as_str(), input.unwrap_or_default().after);
        let told = self.inbox.under(&customer).after(&behind).take(READ_AT_ONCE);
        told.map(|entry| entry.map(|((_, order), text)| Notice { order, text })).collect()
    }
}

fn text(event: &Ended) -> String {
    let Ended { outcome, number, cds, cents, missing, .. } = event;
    let cds = if *cds == 1 { "1 CD".to_owned() } else { format!("{cds} CDs") };
    let dollars = format!("${}.{:02}", cents / 100, cents % 100);
    match outcome {
        Outcome::Paid => format!("Your order {number} is paid: {cds} for {dollars} are on their way."),
        Outcome::Declined => {
            format!("Your card was declined for order {number}, {cds} for {dollars}. Nothing was taken.")
        }
        Outcome::OutOfStock => format!("Your order {number} cannot be filled: out of stock is {}.", missing.join(", ")),
    }
}

#[cfg(test)]
mod tests;
