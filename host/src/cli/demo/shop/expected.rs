//! What must become of the orders, by a plain shop: one table of stock, one of cards, and one basket after the other. No
//! messages, no saga, nothing at the same time.
//!
//! Pure. Must not know the spaces. It cannot fail.

use super::baskets::{Basket, Supply};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How an order ends, as the spaces call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Paid,
    Declined,
    OutOfStock,
}

/// What some orders come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Sums {
    pub orders: u64,
    pub cds: u64,
    pub cents: u64,
}

/// What can be known though the customers come all at once.
#[derive(Debug, Default, PartialEq)]
pub struct Expected {
    pub customers: u64,
    pub paid: Sums,
    pub declined: Sums,
    pub out_of_stock: Sums,
    /// How many CDs of each title are left.
    pub left: BTreeMap<String, u64>,
    /// How often CDs of a title come in, are claimed, released or sold.
    pub steps: u64,
    /// By customer and number; without those of the sale, where it depends on who comes first.
    pub outcomes: BTreeMap<(String, u32), Outcome>,
}

/// The baskets may come in any order that keeps each customer's own.
pub fn of<'a>(
    baskets: impl IntoIterator<Item = &'a Basket>,
    supplies: &BTreeMap<String, Supply>,
    limit: u64,
) -> Expected {
    let left = supplies.iter().map(|(title, supply)| (title.clone(), supply.count)).collect();
    let mut expected = Expected { left, steps: supplies.len() as u64, ..Expected::default() };
    // How many orders each customer has placed, and what of them is paid.
    let mut customers: BTreeMap<&str, (u32, u64)> = BTreeMap::new();
    for basket in baskets {
        let (number, paid) = customers.entry(&basket.customer).or_default();
        *number += 1;
        let outcome = expected.buy(basket, limit - *paid);
        if outcome == Outcome::Paid {
            *paid += basket.cents();
        }
        if !basket.is_sale {
            expected.outcomes.insert((basket.customer.clone(), *number), outcome);
        }
    }
    expected.customers = customers.len() as u64;
    expected
}

impl Expected {
    /// All together, however they ended.
    pub fn all(&self) -> Sums {
        [self.paid, self.declined, self.out_of_stock].into_iter().sum()
    }

    fn buy(&mut self, basket: &Basket, card_is_good_for: u64) -> Outcome {
        let there = basket.lines.iter().filter(|line| self.left[&line.title] >= line.count).count();
        let (outcome, sums) = if there < basket.lines.len() {
            (Outcome::OutOfStock, &mut self.out_of_stock)
        } else if basket.cents() > card_is_good_for {
            (Outcome::Declined, &mut self.declined)
        } else {
            (Outcome::Paid, &mut self.paid)
        };
        *sums = [*sums, Sums { orders: 1, cds: basket.cds(), cents: basket.cents() }].into_iter().sum();
        // Each line is claimed, and what was there is sold or released.
        self.steps += (basket.lines.len() + there) as u64;
        if outcome == Outcome::Paid {
            for line in &basket.lines {
                self.left.entry(line.title.clone()).and_modify(|left| *left -= line.count);
            }
        }
        outcome
    }
}

impl std::iter::Sum for Sums {
    fn sum<I: Iterator<Item = Sums>>(all: I) -> Sums {
        all.fold(Sums::default(), |sums, more| Sums {
            orders: sums.orders + more.orders,
            cds: sums.cds + more.cds,
            cents: sums.cents + more.cents,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::baskets;
    use super::super::purchases::read;
    use super::*;

    const LIMIT: u64 = 30_000;

    fn file() -> Vec<Basket> {
        let purchases = read(include_str!("../../../../../plugins/shop/data/cdnow-sample.txt")).unwrap();
        baskets::of(&purchases, LIMIT)
    }

    fn expected<'a>(baskets: impl IntoIterator<Item = &'a Basket>, all: &[Basket]) -> Expected {
        of(baskets, &baskets::supplies(all), LIMIT)
    }

    #[test]
    fn a_card_is_good_for_what_was_not_paid_yet() {
        let text = "4 1 19970101 1 200.00\n4 1 19970102 1 100.01\n4 1 19970103 1 100.00\n4 1 19970104 1 0.01\n";
        let baskets = baskets::of(&read(text).unwrap(), LIMIT);
        let outcomes: Vec<_> = expected(&baskets, &baskets).outcomes.into_values().collect();
        assert_eq!(outcomes, [Outcome::Paid, Outcome::Declined, Outcome::Paid, Outcome::Declined]);
    }

    #[test]
    fn of_the_sale_two_of_three_get_something() {
        let text = "1 1 19970101 3 44.00\n2 2 19970101 3 44.00\n3 3 19970101 3 44.00\n";
        let baskets = baskets::of(&read(text).unwrap(), LIMIT);
        let expected = expected(&baskets, &baskets);
        assert_eq!(expected.paid, Sums { orders: 2, cds: 6, cents: 8_800 });
        assert_eq!(expected.out_of_stock, Sums { orders: 1, cds: 3, cents: 4_400 });
        assert_eq!(expected.left, BTreeMap::from([("cd-1467".into(), 2), ("sale-3-4400".into(), 0)]));
        // Two titles come in; two lines each are claimed; four are sold and one released.
        assert_eq!(expected.steps, 2 + 6 + 4 + 1);
    }

    #[test]
    fn the_whole_file_comes_to_what_it_says_in_all() {
        let baskets = file();
        let expected = expected(&baskets, &baskets);
        assert_eq!(expected.all(), Sums { orders: 6_919, cds: 16_479, cents: 24_409_194 });
        assert_eq!(expected.customers, 2_357);
        assert!([expected.declined, expected.out_of_stock].iter().all(|sums| sums.orders > 100));
    }

    #[test]
    fn it_does_not_matter_which_customer_comes_first() {
        let baskets = file();
        let customers = baskets::by_customer(&baskets);
        let in_the_files_order = expected(&baskets, &baskets);
        let last_first = expected(customers.iter().rev().flatten().copied(), &baskets);
        assert!(in_the_files_order == last_first);
        // One basket of each, again and again.
        let most = customers.iter().map(Vec::len).max().unwrap();
        let rounds = (0..most).flat_map(|round| customers.iter().filter_map(move |own| own.get(round).copied()));
        assert!(in_the_files_order == expected(rounds, &baskets));
    }
}
