//! The space `orders`: owns the orders, and the saga that each one is. It has inventory set the CDs aside, then payments take
//! the money, and where one of them says no, it takes back what the other has done. It waits for nobody: what they answer are
//! events. An order without lines, or with a number that is not higher than those before, is refused as `empty-order` or
//! `old-number`; an answer about an order that it does not know, or that does not wait for it, is set aside as `unknown-order`
//! or `not-asked`.

mod order;

use order::{Answers, Order, Progress};
use shop_messages::{
    Charge, Charged, Claim, Claimed, Declined, Ended, Outcome, Place, Step, customer, total_cds, total_cents,
};
use spacehost_sdk::prelude::*;

/// How far a customer's orders are.
#[derive(Default, Serialize, Deserialize)]
struct Queue {
    /// The number of the last one that was placed.
    last: u32,
    /// The one whose saga is under way; those behind it wait.
    in_hand: Option<u32>,
}

/// Customer and number.
type Id = (String, u32);

#[derive(Cells)]
struct Orders {
    orders: Map<Id, Order>,
    queues: Map<String, Queue>,
}

/// Keeps the orders of each customer and brings them to an end, one after the other; the customer is the key of each message.
///
/// Nothing here asks whether a message came before, or whether the other spaces have got theirs. A turn and what it sends
/// happen together and once, so of a saga there is nothing to keep but how far it is.
#[space(
    partitions = 4,
    publishes(Ended),
    wants(commands("inventory/reserve", "inventory/release", "inventory/sell", "payments/charge"))
)]
impl Orders {
    /// Takes an order. It begins at once, or when those before it have ended: what a card is good for depends on them.
    #[command]
    fn place(&self, ctx: &Context, input: Place) -> Result<()> {
        let Place { customer, number, day, lines } = input;
        if lines.is_empty() {
            return Err(Failure::new("empty-order", format!("order {number} of {customer} has no lines")));
        }
        let mut queue = self.queues.get(&customer)?.unwrap_or_default();
        if number <= queue.last {
            let why = format!("order {number} of {customer} after order {}", queue.last);
            return Err(Failure::new("old-number", why));
        }
        queue.last = number;
        let is_first = queue.in_hand.is_none();
        queue.in_hand = queue.in_hand.or(Some(number));
        self.queues.set(&customer, &queue)?;
        let (id, mut order) = ((customer, number), Order::new(number, day, lines));
        if is_first {
            self.begin(ctx, &id, &mut order)?;
        }
        self.orders.set(&id, &order)
    }

    /// The first half of the saga: inventory has set a title aside, or has not enough of it.
    #[event("inventory.reserved")]
    #[event("inventory.refused")]
    fn answered(&self, ctx: &Context, event: Claimed) -> Result<()> {
        let id = (event.customer, event.number);
        let mut order = self.order_in(Progress::Reserving, &id)?;
        if !order.awaits(&event.title) {
            return Err(not_asked(&id, &event.title));
        }
        match order.answered(event.title, event.step == Step::Reserved) {
            Answers::NotYetAll => self.orders.set(&id, &order),
            Answers::AllHeld => {
                order.progress = Progress::Charging;
                self.orders.set(&id, &order)?;
                let cents = total_cents(&order.lines);
                ctx.send("payments/charge", &Charge { customer: id.0, number: id.1, cents })
            }
            Answers::SomeMissing => self.end(ctx, id, order, Outcome::OutOfStock),
        }
    }

    /// The second half: the money came.
    #[event("payments.charged")]
    fn charged(&self, ctx: &Context, event: Charged) -> Result<()> {
        let id = (event.customer, event.number);
        let order = self.order_in(Progress::Charging, &id)?;
        self.end(ctx, id, order, Outcome::Paid)
    }

    /// Or it did not.
    #[event("payments.declined")]
    fn declined(&self, ctx: &Context, event: Declined) -> Result<()> {
        let id = (event.customer, event.number);
        let order = self.order_in(Progress::Charging, &id)?;
        self.end(ctx, id, order, Outcome::Declined)
    }

    /// Begins the customer's next order.
    #[timer]
    fn next(&self, ctx: &Context) -> Result<()> {
        let customer = ctx.timer_key().or_fail("no-customer", "the timer's name says whose order it is")?;
        let Some(number) = self.queues.get(customer)?.and_then(|queue| queue.in_hand) else { return Ok(()) };
        let id = (customer.to_owned(), number);
        let mut order = self.order(&id)?;
        self.begin(ctx, &id, &mut order)?;
        self.orders.set(&id, &order)
    }

    /// Lists the customer's orders, the oldest first.
    #[command]
    fn list(&self, ctx: &Context) -> Result<Vec<Order>> {
        self.orders.under(&customer(ctx)?).values().collect()
    }

    fn order(&self, id: &Id) -> Result<Order> {
        self.orders.get(id)?.or_fail("unknown-order", format!("there is no order {} of {}", id.1, id.0))
    }

    /// An order that waits for just that: else whoever publishes an answer of his own could end it twice.
    fn order_in(&self, progress: Progress, id: &Id) -> Result<Order> {
        let order = self.order(id)?;
        if order.progress == progress { Ok(order) } else { Err(not_asked(id, "it")) }
    }

    /// Asks for all lines at once; the stock of each title is in a partition of its own.
    fn begin(&self, ctx: &Context, id: &Id, order: &mut Order) -> Result<()> {
        order.progress = Progress::Reserving;
        let all = order.lines.iter();
        all.map(|line| (line.title.as_str(), line.count)).try_for_each(|line| claim(ctx, "inventory/reserve", id, line))
    }

    /// Ends an order: what is set aside for it is sold, or, the compensation, released. Then the next one's turn comes.
    fn end(&self, ctx: &Context, id: Id, mut order: Order, outcome: Outcome) -> Result<()> {
        order.end(outcome);
        self.orders.set(&id, &order)?;
        let to = if outcome == Outcome::Paid { "inventory/sell" } else { "inventory/release" };
        for line in order.held_lines() {
            claim(ctx, to, &id, (&line.title, line.count))?;
        }
        self.go_on(ctx, &id)?;
        let (cds, cents) = (total_cds(&order.lines), total_cents(&order.lines));
        let (customer, number) = id;
        ctx.emit(&Ended { outcome, customer, number, day: order.day, cds, cents, missing: order.missing })
    }

    /// A timer and not a call: chains of messages end at the limit `hops`, and each timer begins a new one.
    fn go_on(&self, ctx: &Context, id: &Id) -> Result<()> {
        let (customer, _) = id;
        let next = self.orders.under(customer).after(id).keys().next().transpose()?;
        let in_hand = next.map(|(_, number)| number);
        self.queues.update(customer, |queue| queue.in_hand = in_hand)?;
        match in_hand {
            Some(_) => ctx.timers().set(&format!("next/{customer}"), Duration::ZERO, &()),
            None => Ok(()),
        }
    }
}

fn not_asked((customer, number): &Id, what: &str) -> Failure {
    Failure::new("not-asked", format!("order {number} of {customer} does not wait for an answer about {what}"))
}

/// Sends inventory what the order wants of a title, under the title's key.
fn claim(ctx: &Context, to: &str, (customer, number): &Id, (title, count): (&str, u64)) -> Result<()> {
    ctx.with_key(title).send(to, &Claim { customer: customer.clone(), number: *number, count })
}

#[cfg(test)]
mod tests;
