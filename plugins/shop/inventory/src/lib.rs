//! The space `inventory`: owns how many CDs there are of each title. It sets aside what an order claims, and knows neither
//! prices nor who pays. An order that wants more than is left is no failure: that is told as `inventory.refused`. A turn after
//! which a CD would be missing or there twice fails as `broken-stock` and changes nothing; a claim to give back or sell
//! what was not set aside fails as `not-held`, and a supply beyond all reason as `too-many`.

mod stock;

use shop_messages::{Claim, Claimed, Step, Stock, Stocked};
use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Inventory {
    stocks: Map<String, Stock>,
}

/// Keeps the stock of each title; the title is the key of each command.
///
/// It does not remember which order holds what. A turn is done once, whatever becomes of the host, so orders need not ask
/// twice and a sum is enough.
#[space(partitions = 4, publishes(Stocked, Claimed))]
impl Inventory {
    /// Takes in more CDs of a title; answers what there is of it.
    #[command]
    fn supply(&self, ctx: &Context, count: u64) -> Result<Stock> {
        let title = title(ctx)?;
        let mut stock = self.stock(&title)?;
        stock::supply(&mut stock, count).or_fail("too-many", format!("{count} CDs of {title} more"))?;
        self.write(&title, &stock)?;
        ctx.emit(&Stocked { title, count, stock })?;
        Ok(stock)
    }

    /// Answers what there is of a title.
    #[command]
    fn show(&self, ctx: &Context) -> Result<Stock> {
        self.stock(&title(ctx)?)
    }

    /// Sets CDs aside for an order, if so many are left; tells so either way.
    #[command]
    fn reserve(&self, ctx: &Context, claim: Claim) -> Result<()> {
        let title = title(ctx)?;
        let mut stock = self.stock(&title)?;
        let step = match stock::reserve(&mut stock, claim.count) {
            Some(()) => Step::Reserved,
            None => Step::Refused,
        };
        self.tell(ctx, title, claim, step, stock)
    }

    /// The order will not be: what was set aside for it is left again.
    #[command]
    fn release(&self, ctx: &Context, claim: Claim) -> Result<()> {
        self.end(ctx, claim, Step::Released, stock::release)
    }

    /// The order is paid: what was set aside for it is gone.
    #[command]
    fn sell(&self, ctx: &Context, claim: Claim) -> Result<()> {
        self.end(ctx, claim, Step::Sold, stock::sell)
    }

    fn end(&self, ctx: &Context, claim: Claim, step: Step, go: fn(&mut Stock, u64) -> Option<()>) -> Result<()> {
        let title = title(ctx)?;
        let mut stock = self.stock(&title)?;
        let Claim { customer, number, count } = &claim;
        let why = format!("order {number} of {customer} has {count} of {title}, of which {} are set aside", stock.held);
        go(&mut stock, *count).or_fail("not-held", why)?;
        self.tell(ctx, title, claim, step, stock)
    }

    fn stock(&self, title: &str) -> Result<Stock> {
        Ok(self.stocks.get(title)?.unwrap_or_default())
    }

    /// The one place that writes. What it refuses fails the turn, so nothing of it happens.
    fn write(&self, title: &str, stock: &Stock) -> Result<()> {
        if !stock::is_whole(stock) {
            return Err(Failure::new("broken-stock", format!("{title}: {stock:?}")));
        }
        self.stocks.set(title, stock)
    }

    fn tell(&self, ctx: &Context, title: String, claim: Claim, step: Step, stock: Stock) -> Result<()> {
        if step != Step::Refused {
            self.write(&title, &stock)?;
        }
        let Claim { customer, number, count } = claim;
        // The command's key is the title; whoever hears of it asks for the customer.
        ctx.with_key(&customer).emit(&Claimed { step, title, customer: customer.clone(), number, count, stock })
    }
}

/// The title that a command is about: its key.
fn title(ctx: &Context) -> Result<String> {
    ctx.required_key("title")
}

#[cfg(test)]
mod tests;
