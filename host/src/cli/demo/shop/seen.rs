//! What the events of the shop tell, from the first CD that came in to the last message to a customer, step by step.
//!
//! Owns the books that it keeps along: what is left, held and sold of each title, and the last order that each customer was
//! told of. Must not know what is expected. Fails at an event of another form.

use super::expected::Outcome;
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// As the space `inventory` tells it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Stock {
    pub came_in: i64,
    pub left: i64,
    pub held: i64,
    pub sold: i64,
}

/// `inventory.stocked`, `reserved`, `refused`, `released` and `sold`.
#[derive(Deserialize)]
struct Step {
    title: String,
    count: i64,
    /// After the step.
    stock: Stock,
}

/// `orders.paid`, `declined` and `out-of-stock`, and `notifications.sent`.
#[derive(Deserialize)]
struct Told {
    outcome: Outcome,
    customer: String,
    number: u32,
}

#[derive(Debug, Default)]
pub struct Seen {
    pub stocks: BTreeMap<String, Stock>,
    /// Events of inventory, and those of them after which the stock is another one than its steps come to, or below zero.
    pub steps: u64,
    pub wrong: u64,
    /// Refusals, and those of them though enough was left.
    pub refused: u64,
    pub needless: u64,
    pub outcomes: BTreeMap<(String, u32), Outcome>,
    /// Orders that ended a second time.
    pub ended_again: u64,
    /// Messages to customers, by outcome, and those that came twice, too early, or with another outcome than the order's.
    pub notices: [u64; 3],
    pub misplaced: u64,
    last_told: BTreeMap<String, u32>,
}

impl Seen {
    pub fn look(&mut self, topic: &str, data: &Value) -> Result<()> {
        match topic.split_once('.') {
            Some(("inventory", step)) => self.step(step, read(data)?),
            Some(("orders", _)) => self.ended(read(data)?),
            Some(("notifications", _)) => self.told(read(data)?),
            _ => {}
        }
        Ok(())
    }

    fn step(&mut self, what: &str, step: Step) {
        let Step { title, count, stock } = step;
        let kept = self.stocks.entry(title).or_default();
        let is_known = match what {
            "refused" => {
                self.refused += 1;
                self.needless += u64::from(kept.left >= count);
                true
            }
            _ => kept.go(what, count),
        };
        self.steps += 1;
        self.wrong += u64::from(!is_known || *kept != stock || !kept.is_possible());
    }

    fn ended(&mut self, told: Told) {
        let before = self.outcomes.insert((told.customer, told.number), told.outcome);
        self.ended_again += u64::from(before.is_some());
    }

    fn told(&mut self, told: Told) {
        let Told { outcome, customer, number } = told;
        self.notices[outcome as usize] += 1;
        let last = self.last_told.entry(customer.clone()).or_default();
        let is_next = number == *last + 1;
        *last = number;
        let is_true = self.outcomes.get(&(customer, number)) == Some(&outcome);
        self.misplaced += u64::from(!is_next || !is_true);
    }
}

impl Stock {
    /// Whether there is such a step.
    fn go(&mut self, what: &str, count: i64) -> bool {
        match what {
            "stocked" => self.came_in += count,
            "reserved" | "released" | "sold" => {}
            _ => return false,
        }
        match what {
            "stocked" | "released" => self.left += count,
            "reserved" => self.left -= count,
            _ => self.sold += count,
        }
        match what {
            "reserved" => self.held += count,
            "released" | "sold" => self.held -= count,
            _ => {}
        }
        true
    }

    /// Nothing is below zero, and each CD is in one place.
    fn is_possible(&self) -> bool {
        let places = [self.left, self.held, self.sold];
        places.iter().all(|count| *count >= 0) && places.iter().sum::<i64>() == self.came_in
    }
}

fn read<T: serde::de::DeserializeOwned>(data: &Value) -> Result<T> {
    T::deserialize(data).context("it is not of the form that was expected")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Steps of the title `a`: what, how many, and came in, left, held and sold after it.
    fn steps(steps: &[(&str, i64, [i64; 4])]) -> Seen {
        let mut seen = Seen::default();
        for (what, count, [came_in, left, held, sold]) in steps {
            let stock = json!({ "came_in": came_in, "left": left, "held": held, "sold": sold });
            let data = json!({ "title": "a", "count": count, "stock": stock });
            seen.look(&format!("inventory.{what}"), &data).unwrap();
        }
        seen
    }

    fn told(events: &[(&str, u32, &str)]) -> Seen {
        let mut seen = Seen::default();
        for (topic, number, outcome) in events {
            let data = json!({ "customer": "7", "number": number, "outcome": outcome });
            seen.look(topic, &data).unwrap();
        }
        seen
    }

    #[test]
    fn steps_that_add_up_are_right() {
        let seen = steps(&[
            ("stocked", 3, [3, 3, 0, 0]),
            ("reserved", 2, [3, 1, 2, 0]),
            ("refused", 2, [3, 1, 2, 0]),
            ("released", 1, [3, 2, 1, 0]),
            ("sold", 1, [3, 2, 0, 1]),
        ]);
        assert_eq!((seen.steps, seen.wrong, seen.refused, seen.needless), (5, 0, 1, 0));
    }

    #[test]
    fn one_step_below_zero_is_seen_though_the_end_is_right() {
        let below = [("stocked", 1, [1, 1, 0, 0]), ("reserved", 2, [1, -1, 2, 0]), ("released", 2, [1, 1, 0, 0])];
        assert_eq!(steps(&below).wrong, 1);
    }

    #[test]
    fn stock_that_is_another_than_its_steps_come_to_is_seen() {
        assert_eq!(steps(&[("stocked", 2, [2, 1, 0, 1])]).wrong, 1);
        assert_eq!(steps(&[("stocked", 2, [2, 2, 0, 0]), ("lost", 1, [2, 1, 0, 0])]).wrong, 1);
    }

    #[test]
    fn a_refusal_though_enough_was_left_is_seen() {
        let seen = steps(&[("stocked", 2, [2, 2, 0, 0]), ("refused", 2, [2, 2, 0, 0]), ("refused", 3, [2, 2, 0, 0])]);
        assert_eq!((seen.refused, seen.needless, seen.wrong), (2, 1, 0));
    }

    #[test]
    fn a_customer_is_told_once_of_each_order_in_their_order() {
        let sent = "notifications.sent";
        let right =
            [("orders.paid", 1, "paid"), (sent, 1, "paid"), ("orders.declined", 2, "declined"), (sent, 2, "declined")];
        let seen = told(&right);
        assert_eq!((seen.notices, seen.misplaced, seen.ended_again), ([1, 1, 0], 0, 0));
        assert_eq!(told(&[right[0], right[1], right[1]]).misplaced, 1, "twice");
        assert_eq!(told(&[right[0], right[2], right[3], right[1]]).misplaced, 2, "in the wrong order");
        assert_eq!(told(&[right[0], (sent, 1, "declined")]).misplaced, 1, "something else");
        assert_eq!(told(&[right[0], right[0]]).ended_again, 1, "an order that ended twice");
    }
}
