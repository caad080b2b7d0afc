//! The fuzzer: lets libFuzzer choose the inputs of the target that `SPACEHOST_FUZZ` names. Built and run by `tests/fuzz/run`.
#![no_main]

use spacehost_tests::fuzz::{Target, target};
use std::sync::OnceLock;

fn chosen() -> &'static Target {
    static CHOSEN: OnceLock<&'static Target> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        let name = std::env::var("SPACEHOST_FUZZ").unwrap_or_default();
        target(&name).unwrap_or_else(|| panic!("SPACEHOST_FUZZ={name} is no target"))
    })
}

libfuzzer_sys::fuzz_target!(init: {
    // The seeds go where the first argument says that the corpus is.
    if let Some(corpus) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) {
        for (number, seed) in (chosen().seeds)().iter().enumerate() {
            let file = std::path::Path::new(&corpus).join(format!("seed-{number}"));
            std::fs::write(&file, seed).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }
}, |data: &[u8]| (chosen().run)(data));
