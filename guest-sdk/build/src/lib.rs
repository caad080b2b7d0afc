//! Builds spaces: Rust crates in, WebAssembly components out.
//!
//! Owns everything between a folder of Rust sources and a verified `.wasm` file: the choice of a toolchain, the call
//! of cargo, the check of what came out, its placing in a drop folder, the first files of a new space, the
//! fingerprint of its sources, and the doctor's checks of all that. Must not know a running host: no wasmtime, no
//! tokio, no HTTP, no terminal. Everything is synchronous, takes its surroundings as an [`Environment`] and
//! fails with errors that say what happened, why, and what to do next.
//!
//! ```no_run
//! use spacehost_build::{Request, Silent, build};
//!
//! let request = Request::new("plugins/bank").into_dir("spaces");
//! for built in build(&request, &mut Silent)? {
//!     println!("{} {} bytes", built.name, built.bytes);
//! }
//! # Ok::<(), spacehost_build::BuildError>(())
//! ```

mod build;
mod cargo;
mod component;
mod doctor;
mod environment;
mod metadata;
mod name;
mod place;
mod process;
mod profile;
mod progress;
pub mod scaffold;
mod sources;
mod toolchain;

pub use build::{BuildError, Built, Request, build};
pub use cargo::CargoError;
pub use component::{ComponentError, imports_of};
pub use doctor::{Check, Fix, FixError, checks};
pub use environment::Environment;
pub use metadata::MetadataError;
pub use name::{BadName, check_name};
pub use place::PlaceError;
pub use process::RunError;
pub use progress::{Phase, Progress, Silent};
pub use scaffold::ScaffoldError;
pub use sources::{Fingerprint, Sources};
pub use toolchain::install::InstallError;
pub use toolchain::{Compiler, Facts, Missing, Toolchain, ToolchainError, Way, Wish, decide};
