//! One order, from placed to ended. Pure: it knows its lines and what inventory has said of them, and no messages. It cannot
//! fail.

use shop_messages::{Line, Outcome};
use spacehost_sdk::prelude::*;

/// How far an order is. From `charging` on, all its CDs are set aside.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// An earlier order of the customer has not ended.
    Waiting,
    /// Inventory has been asked for each line and has not answered of each.
    Reserving,
    /// Payments has been asked for the money.
    Charging,
    Paid,
    Declined,
    OutOfStock,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Order {
    pub number: u32,
    pub day: Option<String>,
    pub lines: Vec<Line>,
    pub progress: Progress,
    /// The titles that are set aside for it.
    pub held: Vec<String>,
    /// The titles that were not there.
    pub missing: Vec<String>,
}

/// What inventory's answers come to.
#[derive(Debug, PartialEq)]
pub enum Answers {
    NotYetAll,
    AllHeld,
    SomeMissing,
}

impl Order {
    pub fn new(number: u32, day: Option<String>, lines: Vec<Line>) -> Self {
        Order { number, day, lines, progress: Progress::Waiting, held: Vec::new(), missing: Vec::new() }
    }

    /// Whether inventory has been asked for the title and has not answered.
    pub fn awaits(&self, title: &String) -> bool {
        let is_asked = self.lines.iter().any(|line| line.title == *title);
        is_asked && !self.held.contains(title) && !self.missing.contains(title)
    }

    /// Takes down what inventory said of a title.
    pub fn answered(&mut self, title: String, is_held: bool) -> Answers {
        if is_held {
            self.held.push(title)
        } else {
            self.missing.push(title)
        }
        match self.held.len() + self.missing.len() < self.lines.len() {
            true => Answers::NotYetAll,
            false if self.missing.is_empty() => Answers::AllHeld,
            false => Answers::SomeMissing,
        }
    }

    pub fn end(&mut self, outcome: Outcome) {
        self.progress = match outcome {
            Outcome::Paid => Progress::Paid,
            Outcome::Declined => Progress::Declined,
            Outcome::OutOfStock => Progress::OutOfStock,
        };
    }

    /// The lines whose CDs are set aside.
    pub fn held_lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| self.held.contains(&line.title))
    }
}
