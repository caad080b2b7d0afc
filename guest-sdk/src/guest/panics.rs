//! Panics: without a hook they would be a trap without a word. It owns the hook; it cannot fail.

use std::sync::Once;

use crate::{Level, port};

static INSTALLED: Once = Once::new();

/// From now on a panic writes its message and place into the log before it traps. Each export calls this first.
pub fn report() {
    INSTALLED.call_once(|| std::panic::set_hook(Box::new(|panic| port::log(Level::Error, &panic.to_string()))));
}
