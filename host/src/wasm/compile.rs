//! From bytes to a compiled component. Only the binary form is taken: never text, never precompiled code.

use super::engine::Engine;
use wasmtime::component::Component;

/// Why bytes are no component; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    #[error("the file is empty: is it still being written?")]
    Empty,
    #[error("the file is not WebAssembly (its first bytes are {0}): build it with `spacehost build`")]
    NotWasm(String),
    #[error(
        "the file is a core module, not a component: build it with `spacehost build`, or wrap it with wasm-component-ld"
    )]
    CoreModule,
    #[error("the component is invalid: {0}")]
    Invalid(String),
}

const MAGIC: &[u8] = b"\0asm";
const COMPONENT: [u8; 4] = [0x0d, 0, 1, 0];
const CORE_MODULE: [u8; 4] = [1, 0, 0, 0];

pub fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, CompileError> {
    if bytes.is_empty() {
        return Err(CompileError::Empty);
    }
    if !bytes.starts_with(MAGIC) {
        return Err(CompileError::NotWasm(hex(&bytes[..bytes.len().min(8)])));
    }
    match bytes.get(4..8) {
        Some(version) if version == CORE_MODULE => Err(CompileError::CoreModule),
        Some(version) if version == COMPONENT => Component::from_binary(engine.wasmtime(), bytes)
            .map_err(|error| CompileError::Invalid(super::one_line(&error))),
        version => Err(CompileError::Invalid(format!(
            "its version field is {}; a component has 0d 00 01 00",
            hex(version.unwrap_or_default())
        ))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}
