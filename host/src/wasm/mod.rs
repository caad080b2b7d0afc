//! The sandbox: the only part that knows wasmtime.
//!
//! Compiles components, checks them against the contract, instantiates them and calls their handlers under limits.
//! What a guest's imports *do* is decided above, by whoever implements `HostCalls`: this layer translates, meters and
//! reports how a call ended. It knows no mailboxes, no routes, no files. Whatever a guest does ends in a `Broken`.

pub mod bare;
mod budget;
mod code;
mod compile;
mod contract;
mod engine;
mod host_api;
mod instance;
mod limiter;
mod loader;
mod memory;
mod output;
mod registry;
mod ticker;
mod wasi;

pub use code::Seal;
pub use compile::child::serve_if_asked;
pub use compile::{CompileBounds, CompileError, Place};
pub use engine::EngineConfig;
pub use host_api::{Abort, Extras, HostCalls, Page, Schedule};
pub use instance::{Broken, Entry, Instance, Path};
pub use loader::Loader;
pub use memory::{HostMemory, SpaceMemory};
pub use registry::{Artifact, LoadError};

/// An error and its causes in one line, without the backtrace that wasmtime appends; cut where a guest made it long.
fn one_line(error: &wasmtime::Error) -> String {
    const LONGEST: usize = 500;
    let text = error.chain().map(|cause| cause.to_string()).filter(|text| !text.contains("wasm backtrace"));
    let mut line = text.collect::<Vec<_>>().join(": ").replace('\n', " ");
    if line.is_empty() {
        line = error.root_cause().to_string().replace('\n', " ");
    }
    if let Some((cut, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(cut);
    }
    line
}
