//! Bytes that are dropped in as a component: they are a space, or refused in one line, and nothing else.

use crate::hostile::Hostile;
use spacehost::runtime::{Runtime, RuntimeConfig};
use spacehost::words::SpaceSettings;
use std::sync::OnceLock;

pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut config = RuntimeConfig { executors: 1, ..RuntimeConfig::default() };
        config.engine.max_instances = 64;
        let runtime = Runtime::start(config).expect("a runtime starts");
        runtime.open();
        runtime
    })
}

pub fn load(bytes: &[u8]) {
    // Compiling happens in this process here, so the size bounds the time.
    if bytes.len() > 64 << 10 {
        return;
    }
    if let Err(error) = runtime().load(bytes, &SpaceSettings::default()) {
        let text = error.to_string();
        assert!(!text.is_empty() && text.len() < 10_000, "{text}");
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    vec![b"\0asm\x0d\0\x01\0".to_vec(), crate::raw::core_module(), Hostile::default().component(), b"\x7fELF".to_vec()]
}
