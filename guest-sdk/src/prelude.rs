//! Everything that a space usually names, in one import. It owns the choice; it knows and does nothing else.

#[cfg(not(target_arch = "wasm32"))]
pub use crate::mock::MockHost;
pub use crate::{Bytes, Cells, Config, Context, Event, Failure, Item, Map, OrFail, Result, Space, space};
pub use crate::{debug, error, info, trace, warn};
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};
pub use serde_json::{Value, json};
pub use std::time::Duration;
