//! The Rust SDK of Spacehost: a space is a struct of cells and an impl of handlers. This file owns the list of what is public;
//! it knows no details. README.md beside this folder is the manual, wit/space.wit the contract below it.
//!
//! ```
//! use spacehost_sdk::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Charge {
//!     cents: u64,
//! }
//!
//! #[derive(Cells)]
//! struct Payments {
//!     balance: Item<u64>,
//! }
//!
//! /// Keeps the balance.
//! #[space]
//! impl Payments {
//!     /// Takes money and answers the new balance.
//!     #[command]
//!     fn charge(&self, input: Charge) -> Result<u64> {
//!         self.balance.update(|balance| {
//!             *balance += input.cents;
//!             *balance
//!         })
//!     }
//! }
//! # fn main() {
//! let host = MockHost::new();
//! assert_eq!(host.command::<Payments>("charge", json!({ "cents": 300 })), Ok(json!(300)));
//! # }
//! ```

mod body;
mod cell;
mod context;
mod envelope;
mod event;
mod failure;
mod log;
mod port;
mod space;
mod timers;
mod topic;

/// What the code made by `#[space]` calls to describe a space.
pub mod describe;
/// What the code made by `#[space]` calls to handle a message.
pub mod dispatch;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
#[cfg(not(target_arch = "wasm32"))]
pub mod mock;
pub mod prelude;

pub use body::{Bytes, FromBody, ToBody};
pub use cell::{AsKey, Cell, Config, Entries, Item, Key, KeyText, Leading, Map};
pub use context::Context;
pub use envelope::Envelope;
pub use event::Event;
pub use failure::{Failure, OrFail, Result};
pub use log::{Level, write as write_log};
pub use schemars;
pub use serde;
pub use serde_json;
pub use space::{Cells, Space};
pub use spacehost_macros::{Cells, Event, space};
pub use timers::Timers;

/// Makes the component of a space. `#[space]` writes this; natively there is none.
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
#[macro_export]
macro_rules! export {
    ($space:ty) => {};
}

/// As `export`, for a space with `#[start]` or `#[migrate]`.
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
#[macro_export]
macro_rules! export_with_lifecycle {
    ($space:ty) => {};
}
