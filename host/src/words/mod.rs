//! The words of the domain as types: names, topics, messages, limits, settings, descriptors.
//!
//! Pure: no IO, no tokio, no wasmtime. Everything that arrives from outside becomes one of these types or a clear error
//! here, so that the layers above need not check again.

pub mod authority;
pub mod cell;
pub mod descriptor;
pub mod failure;
pub mod grants;
pub mod histogram;
pub mod interface;
pub mod level;
pub mod limits;
pub mod message;
pub mod settings;
pub mod topic;
pub mod trace;
pub mod version;

pub use descriptor::Descriptor;
pub use failure::Failure;
pub use grants::Grants;
pub use histogram::{Distribution, Histogram};
pub use level::Level;
pub use limits::Limits;
pub use message::{Message, MessageId};
pub use settings::{
    AllowedNames, HookForm, HookUrl, HostSettings, JournalSettings, Policy, ReloadSettings, SecretFile, SpaceSettings,
    TracesSettings, WebhookSettings,
};
pub use topic::{Address, Pattern, SpaceName, Topic};
pub use trace::TraceContext;
