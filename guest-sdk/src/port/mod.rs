//! The host as the SDK sees it: one function for each of the contract's. In a component they are the imports; natively the mock
//! answers. Nothing else in the SDK knows which.
//!
//! They are free functions, not a trait behind a pointer: so the linker sees which ones a space calls, and the component imports
//! no others. The host runs a space that imports no `request` on a faster path.

#[cfg(target_arch = "wasm32")]
mod guest;
#[cfg(not(target_arch = "wasm32"))]
mod native;

#[cfg(target_arch = "wasm32")]
pub use guest::*;
#[cfg(not(target_arch = "wasm32"))]
pub use native::*;

/// A page of state: entries, and the key after which to go on.
pub type Page = (Vec<(Vec<u8>, Vec<u8>)>, Option<Vec<u8>>);

/// Names and values.
pub type Headers = [(String, String)];
