//! What the spaces of the sensor network say to each other: the bodies of their events, and the words in them. It owns no
//! data and no rule of any space. Measured values are whole hundredths, times are milliseconds since 1970. A message
//! without a device gives the failure `no-key`.
//!
//! Fields may be added as long as the old ones stay: spaces are replaced one by one, so for a while one speaks the new
//! language and the other the old.

use spacehost_sdk::prelude::*;
use std::fmt;

/// What a device measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Of an earthquake.
    Magnitude,
    /// Millimetres of a day.
    Precipitation,
    /// Highest and lowest of a day, in degrees Celsius.
    TempMax,
    TempMin,
    /// Metres per second.
    Wind,
}

/// As in topics and settings.
impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Metric::Magnitude => "magnitude",
            Metric::Precipitation => "precipitation",
            Metric::TempMax => "temp-max",
            Metric::TempMin => "temp-min",
            Metric::Wind => "wind",
        })
    }
}

/// Where something was measured, in ten-millionths of a degree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    pub lat_e7: i64,
    pub lon_e7: i64,
}

/// A reading was taken in, for the first and only time.
#[derive(Clone, Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "ingestion.accepted.{metric}")]
pub struct Accepted {
    pub device: String,
    /// With device and time, it names the reading.
    pub id: String,
    /// When it was measured, which may be long ago.
    pub at: u64,
    pub metric: Metric,
    pub value: i64,
    pub place: Option<Place>,
}

/// A device has said nothing for longer than it may.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "devices.silent")]
pub struct Silent {
    pub device: String,
    pub metric: Metric,
    /// When its newest reading was measured.
    pub newest: u64,
}

/// What the readings of a window come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sums {
    pub count: u64,
    pub sum: i64,
    pub min: i64,
    pub max: i64,
}

/// A window of time is over and its readings are summed up; or one came late, and they are summed up again.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "analytics.summed.{metric}")]
pub struct Summed {
    pub device: String,
    pub metric: Metric,
    /// The window holds what was measured from here on,
    pub start: u64,
    /// up to here, exclusive.
    pub end: u64,
    /// 0 for the first time; counts the readings that came late.
    pub revision: u64,
    #[serde(flatten)]
    pub sums: Sums,
}

/// Something is as a rule says that somebody should know.
#[derive(Clone, Debug, PartialEq, Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "alerts.raised")]
pub struct Raised {
    pub device: String,
    pub rule: String,
    /// What it is about: the id of a reading, or the time at which a window or a silence begins.
    pub cause: String,
    pub value: i64,
}

/// Whether earthquakes that are near in space are also near in time, more than by chance.
#[derive(Clone, Debug, PartialEq, Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "clusters.tested")]
pub struct Tested {
    pub quakes: u64,
    /// Pairs that are near in space and time.
    pub links: u64,
    /// Groups of two or more that links hold together, and the size of the largest.
    pub clusters: u64,
    pub largest: u64,
    /// How often the times were dealt out anew at random, and in how many of these rounds there were as many links or more.
    pub rounds: u64,
    pub as_many: u64,
    /// The links of all rounds together.
    pub links_by_chance: u64,
}

/// The device that a message is about: its key, which also chooses the partition. So all that one device tells is handled
/// in order, and the key passes on from message to message by itself.
pub fn device(ctx: &Context) -> Result<String> {
    ctx.required_key("device")
}
