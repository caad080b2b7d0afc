//! The space `cart`: owns what each customer has chosen and not yet bought. It asks the catalog for prices and hands what
//! was bought to orders; it knows nothing of payments. A cart that is empty, or would grow beyond its limits, is refused
//! as `empty-cart` or `full-cart`.

use shop_messages::{Abandoned, Line, Place, customer, total_cds, total_cents};
use spacehost_sdk::prelude::*;

const MOST_LINES: usize = 100;
const MOST_OF_A_TITLE: u64 = 1_000;

#[derive(Deserialize, JsonSchema)]
struct Add {
    title: String,
    /// How many CDs.
    count: u64,
}

#[derive(Default, Deserialize, JsonSchema)]
struct Checkout {
    /// The day of the purchase, for whoever replays old ones.
    day: Option<String>,
}

/// What a cart or an order comes to.
#[derive(Serialize, JsonSchema)]
struct Total {
    cds: u64,
    cents: u64,
}

#[derive(Serialize, JsonSchema)]
struct Placed {
    /// Counts the customer's orders from 1.
    number: u32,
    total: Total,
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// After how many seconds without a change a cart is emptied.
    #[serde(default = "half_an_hour")]
    abandon_after_s: u64,
}

fn half_an_hour() -> u64 {
    1_800
}

#[derive(Cells)]
struct Cart {
    /// The open carts, by customer.
    open: Map<String, Vec<Line>>,
    /// How many orders each customer has placed.
    placed: Map<String, u32>,
    settings: Config<Settings>,
}

/// Holds the carts; the customer is the key of each command.
#[space(partitions = 4, publishes(Abandoned), wants(commands("catalog/price", "orders/place")))]
impl Cart {
    /// Puts CDs of a title into the customer's cart, at the catalog's price of now.
    #[command]
    fn add(&self, ctx: &Context, input: Add) -> Result<Total> {
        let customer = customer(ctx)?;
        let mut lines = self.lines(&customer)?;
        // A request, because without the price there is no line. When this turn must be repeated, the host gives the
        // answer it has recorded, so the price stays the same.
        let cents = ctx.request("catalog/price", &input.title)?;
        put(&mut lines, input, cents)?;
        self.open.set(&customer, &lines)?;
        let patience = Duration::from_secs(self.settings.get()?.abandon_after_s);
        ctx.timers().set(&abandonment(&customer), patience, &())?;
        Ok(total(&lines))
    }

    /// Buys what is in the cart; payment follows by itself.
    #[command]
    fn checkout(&self, ctx: &Context, input: Option<Checkout>) -> Result<Placed> {
        let customer = customer(ctx)?;
        let lines = self.open.take(&customer)?.or_fail("empty-cart", format!("{customer} has chosen nothing"))?;
        ctx.timers().cancel(&abandonment(&customer))?;
        let number = self.placed.update(&customer, |placed| {
            *placed += 1;
            *placed
        })?;
        let total = total(&lines);
        // One way: the order leaves when the empty cart is committed, and not otherwise. So nothing is bought twice or
        // lost, without a check on either side.
        ctx.send("orders/place", &Place { customer, number, day: input.unwrap_or_default().day, lines })?;
        Ok(Placed { number, total })
    }

    /// Shows what is in the customer's cart.
    #[command]
    fn show(&self, ctx: &Context) -> Result<Vec<Line>> {
        self.lines(&customer(ctx)?)
    }

    /// A cart was left alone. Each `add` sets its timer anew, and `checkout` cancels it.
    #[timer]
    fn abandon(&self, ctx: &Context) -> Result<()> {
        let customer = ctx.timer_key().or_fail("no-customer", "the timer's name says whose cart it is")?;
        let lines = self.open.take(customer)?.unwrap_or_default();
        // A timer comes without a key, so the event gets the one that the cart's commands had.
        ctx.with_key(customer).emit(&Abandoned { customer: customer.to_owned(), cents: total_cents(&lines) })
    }

    fn lines(&self, customer: &str) -> Result<Vec<Line>> {
        Ok(self.open.get(customer)?.unwrap_or_default())
    }
}

/// One line for each title; the price is that of the last time.
fn put(lines: &mut Vec<Line>, add: Add, cents: u64) -> Result<()> {
    let before = lines.iter().position(|line| line.title == add.title).map(|place| lines.remove(place));
    let count = add.count.saturating_add(before.map_or(0, |line| line.count));
    if !(1..=MOST_OF_A_TITLE).contains(&count) || lines.len() == MOST_LINES {
        let why = format!("a cart holds up to {MOST_LINES} titles, and 1 to {MOST_OF_A_TITLE} CDs of each");
        return Err(Failure::new("full-cart", why));
    }
    lines.push(Line { title: add.title, count, cents });
    Ok(())
}

fn total(lines: &[Line]) -> Total {
    Total { cds: total_cds(lines), cents: total_cents(lines) }
}

/// The name of the timer that `abandon` handles.
fn abandonment(customer: &str) -> String {
    format!("abandon/{customer}")
}

#[cfg(test)]
mod tests;
