//! What the purchases of the file are made to buy: the file says how many CDs and what they cost together, not which.
//!
//! Owns titles and how many there are of each. Pure; must not know what becomes of an order. It cannot fail.
//!
//! Mostly a title is a price, and there are as many CDs of it as the whole file wants. But a customer of whom the file has
//! one purchase, within the limit of a card, takes one of its CDs from *the sale*: all who make that same purchase (so many CDs
//! for so much) want the same title, and there are two for three of them. Who is too late depends on who comes when. How many are,
//! and what they wanted to pay, does not: they want the same, and no order of theirs ends otherwise.

use super::purchases::Purchase;
use std::collections::BTreeMap;

/// A purchase, title by title.
#[derive(Debug, Clone, PartialEq)]
pub struct Basket {
    pub customer: String,
    pub day: String,
    pub lines: Vec<Line>,
    /// Whether one of its titles is on sale.
    pub is_sale: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub title: String,
    pub cents: u64,
    pub count: u64,
}

/// What there is of a title.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Supply {
    pub cents: u64,
    pub count: u64,
}

impl Basket {
    pub fn cents(&self) -> u64 {
        self.lines.iter().map(|line| line.cents * line.count).sum()
    }

    pub fn cds(&self) -> u64 {
        self.lines.iter().map(|line| line.count).sum()
    }
}

/// In the order of the file.
pub fn of(purchases: &[Purchase], card_limit_cents: u64) -> Vec<Basket> {
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for purchase in purchases {
        *times.entry(&purchase.customer).or_default() += 1;
    }
    let is_sale = |bought: &Purchase| times[bought.customer.as_str()] == 1 && bought.cents <= card_limit_cents;
    purchases.iter().map(|purchase| basket(purchase, is_sale(purchase))).collect()
}

fn basket(purchase: &Purchase, is_sale: bool) -> Basket {
    let mut lines: Vec<_> =
        purchase.prices().map(|(cents, count)| Line { title: title(cents), cents, count }).collect();
    if is_sale {
        let cents = lines[0].cents;
        lines[0].count -= 1;
        lines.retain(|line| line.count > 0);
        lines.push(Line { title: format!("sale-{}-{}", purchase.cds, purchase.cents), cents, count: 1 });
    }
    Basket { customer: purchase.customer.clone(), day: purchase.day.clone(), lines, is_sale }
}

/// How a CD of that price is called.
fn title(cents: u64) -> String {
    format!("cd-{cents}")
}

/// How many CDs there are of each title.
pub fn supplies(baskets: &[Basket]) -> BTreeMap<String, Supply> {
    let mut supplies: BTreeMap<String, Supply> = BTreeMap::new();
    for line in baskets.iter().flat_map(|basket| &basket.lines) {
        let supply = supplies.entry(line.title.clone()).or_default();
        supply.cents = line.cents;
        supply.count += line.count;
    }
    for (title, supply) in &mut supplies {
        if title.starts_with("sale-") {
            supply.count = (2 * supply.count).div_ceil(3);
        }
    }
    supplies
}

/// Each customer's baskets, in the order of the file.
pub fn by_customer(baskets: &[Basket]) -> Vec<Vec<&Basket>> {
    let mut customers: BTreeMap<&str, Vec<&Basket>> = BTreeMap::new();
    for basket in baskets {
        customers.entry(&basket.customer).or_default().push(basket);
    }
    customers.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::super::purchases::read;
    use super::*;

    const LIMIT: u64 = 30_000;
    /// Customer 4 comes twice, 21 and 22 once and for the same, 23 for more than a card is good for.
    const TEXT: &str = "4 1 19970101 2 29.33\n4 1 19970118 1 14.96\n21 2 19970102 3 44.00\n22 3 19970103 3 44.00\n\
        23 4 19970104 1 300.01\n";

    fn line(title: &str, cents: u64, count: u64) -> Line {
        Line { title: title.into(), cents, count }
    }

    #[test]
    fn the_lines_of_a_basket_come_to_the_purchase() {
        let purchases = read(TEXT).unwrap();
        let baskets = of(&purchases, LIMIT);
        assert_eq!(baskets[0].lines, [line("cd-1466", 1466, 1), line("cd-1467", 1467, 1)]);
        for (basket, purchase) in baskets.iter().zip(&purchases) {
            assert_eq!((basket.cds(), basket.cents()), (purchase.cds, purchase.cents));
        }
    }

    #[test]
    fn who_comes_once_takes_one_cd_from_the_sale() {
        let baskets = of(&read(TEXT).unwrap(), LIMIT);
        let sale: Vec<bool> = baskets.iter().map(|basket| basket.is_sale).collect();
        assert_eq!(sale, [false, false, true, true, false]);
        assert_eq!(baskets[2].lines, [line("cd-1467", 1467, 2), line("sale-3-4400", 1466, 1)]);
    }

    #[test]
    fn there_is_enough_of_all_but_the_sale() {
        let baskets = of(&read(&TEXT.replace("23 4 19970104 1 300.01", "23 4 19970104 3 44.00")).unwrap(), LIMIT);
        let supplies = supplies(&baskets);
        assert_eq!(supplies["cd-1467"], Supply { cents: 1467, count: 7 });
        assert_eq!(supplies["sale-3-4400"], Supply { cents: 1466, count: 2 });
    }

    #[test]
    fn each_customer_keeps_the_order_of_the_file() {
        let baskets = of(&read(TEXT).unwrap(), LIMIT);
        let customers = by_customer(&baskets);
        let days: Vec<_> =
            customers.iter().find(|own| own.len() == 2).unwrap().iter().map(|own| own.day.as_str()).collect();
        assert_eq!((customers.len(), days), (4, vec!["1997-01-01", "1997-01-18"]));
    }
}
