//! The space `catalog`: owns the prices, and is the only one to say what a CD costs. It knows neither carts nor orders, nor how
//! many CDs there are. A
//! title without a price is refused as `unknown-title`, a price beyond all reason as `bad-price`.

use spacehost_sdk::prelude::*;

/// A million dollars: with the cart's limits, no sum in the shop can overflow.
const HIGHEST_CENTS: u64 = 100_000_000;

#[derive(Deserialize, JsonSchema)]
struct Title {
    title: String,
    /// The price of one CD.
    cents: u64,
}

#[derive(Cells)]
struct Catalog {
    prices: Map<String, u64>,
}

/// Knows what each title costs.
#[space]
impl Catalog {
    /// Puts titles on sale, or changes their prices; answers how many were given. All of them or, if one is refused, none.
    #[command]
    fn offer(&self, titles: Vec<Title>) -> Result<usize> {
        for Title { title, cents } in &titles {
            if *cents > HIGHEST_CENTS {
                return Err(Failure::new("bad-price", format!("{title} for {cents} cents: at most {HIGHEST_CENTS}")));
            }
            self.prices.set(title, cents)?;
        }
        Ok(titles.len())
    }

    /// Answers the price of a title, in cents.
    #[command]
    fn price(&self, title: String) -> Result<u64> {
        self.prices.get(&title)?.or_fail("unknown-title", format!("{title} is not on sale"))
    }
}

#[cfg(test)]
mod tests;
