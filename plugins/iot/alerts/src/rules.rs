//! The operator's rules. Pure: it knows figures, and nothing of where they come from.

use iot_messages::Metric;
use spacehost_sdk::prelude::*;

/// Of what a rule speaks: the value of a reading, or a figure of a window.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    Value,
    Count,
    Sum,
    Min,
    Max,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Rule {
    pub name: String,
    metric: Metric,
    of: Figure,
    /// It calls for an alert from here on up,
    at_least: Option<i64>,
    /// and from here on down.
    at_most: Option<i64>,
}

impl Rule {
    /// The value that calls for an alert.
    pub fn called_for(&self, metric: Metric, figures: &[(Figure, i64)]) -> Option<i64> {
        let (_, value) = figures.iter().copied().find(|(figure, _)| *figure == self.of)?;
        let beyond =
            self.at_least.is_some_and(|least| value >= least) || self.at_most.is_some_and(|most| value <= most);
        (metric == self.metric && beyond).then_some(value)
    }
}
