//! Cells: the fields of a space. A cell holds no data; it knows its name and reads and writes the partition's state through the
//! host, so that nothing outlives a turn that failed.

mod config;
mod entries;
mod item;
mod key;
mod map;
mod number;
mod tuple;

pub use config::Config;
pub use entries::Entries;
pub use item::Item;
pub use key::{AsKey, Key, KeyText};
pub use map::Map;
pub use tuple::Leading;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::describe::Descriptor;
use crate::{Failure, Result, port};

/// What a field of a space may be.
#[diagnostic::on_unimplemented(
    message = "guest memory is not state: `{Self}` is neither `Item<T>`, `Map<K, V>` nor `Config<T>`",
    label = "this would be lost with the instance",
    note = "write `Item<{Self}>` to keep one value, or `Map<K, V>` to keep many"
)]
pub trait Cell {
    /// The cell that is stored under this name.
    fn named(name: &'static str) -> Self;

    /// Tells the descriptor what the operator should know of it.
    fn describe(_descriptor: &mut Descriptor) {}
}

fn load<T: DeserializeOwned>(key: &str) -> Result<Option<T>> {
    port::state_get(key.as_bytes()).map(|value| parse(key, &value)).transpose()
}

fn store(key: &str, value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_vec(value).map_err(|error| Failure::new("bad-value", format!("{key}: {error}")))?;
    port::state_set(key.as_bytes(), &json)
}

/// State that this version cannot read: another version wrote it and `#[migrate]` left it.
fn parse<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T> {
    serde_json::from_slice(value).map_err(|error| Failure::new("bad-state", format!("{key}: {error}")))
}
