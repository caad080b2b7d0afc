//! What a `.wasm` file says of itself: is it a component, and what does it import.
//!
//! Owns the reading of the outermost layer of a component. Must not know how it was built, nor validate what is inside:
//! the host does that before it runs anything. Fails when the bytes are no component or ask for foreign things.

use thiserror::Error;
use wasmparser::{Encoding, Parser, Payload};

/// Interfaces that a host offers; everything else would keep the space from being loaded.
const ALLOWED: [&str; 2] = ["spacehost:space/", "wasi:"];

/// Why a file cannot be a space.
#[derive(Debug, Error)]
pub enum ComponentError {
    #[error("it is not WebAssembly: {0}")]
    NotWasm(String),
    #[error(
        "it is a core module, not a component: the linker did not wrap it. Does the crate use the SDK's `#[space]`, \
         and does its `.cargo/config.toml` leave the linker alone?"
    )]
    CoreModule,
    #[error(
        "it imports `{0}`, which no host offers: a space may import `spacehost:space/*` and `wasi:*` only. Which of \
         its dependencies brings that import?"
    )]
    ForeignImport(String),
}

/// The imports of a component, in their order.
pub fn imports_of(bytes: &[u8]) -> Result<Vec<String>, ComponentError> {
    let mut imports = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(not_wasm)? {
            Payload::Version { encoding, .. } if depth == 0 && encoding == Encoding::Module => {
                return Err(ComponentError::CoreModule);
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import.map_err(not_wasm)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(imports)
}

/// The imports of a component that a host can run.
pub fn check(bytes: &[u8]) -> Result<Vec<String>, ComponentError> {
    let imports = imports_of(bytes)?;
    let is_foreign = |import: &&String| !ALLOWED.iter().any(|allowed| import.starts_with(allowed));
    match imports.iter().find(is_foreign) {
        Some(foreign) => Err(ComponentError::ForeignImport(foreign.clone())),
        None => Ok(imports),
    }
}

fn not_wasm(error: wasmparser::BinaryReaderError) -> ComponentError {
    ComponentError::NotWasm(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

    /// A component that imports one instance of an empty type under `name`.
    fn importing(name: &str) -> Vec<u8> {
        let mut bytes = COMPONENT.to_vec();
        bytes.extend([7, 3, 1, 0x42, 0]);
        let mut import = vec![1, 0, u8::try_from(name.len()).unwrap()];
        import.extend(name.bytes());
        import.extend([5, 0]);
        bytes.extend([10, u8::try_from(import.len()).unwrap()]);
        bytes.extend(import);
        bytes
    }

    #[test]
    fn an_empty_component_imports_nothing() {
        assert_eq!(check(&COMPONENT).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn own_and_wasi_interfaces_may_be_imported() {
        for name in ["spacehost:space/state@1.0.0", "wasi:cli/environment@0.2.6"] {
            assert_eq!(check(&importing(name)).unwrap(), [name]);
        }
    }

    #[test]
    fn a_foreign_import_is_named() {
        let error = check(&importing("evil:corp/disk@1.0.0")).unwrap_err();
        assert!(error.to_string().contains("`evil:corp/disk@1.0.0`"), "{error}");
    }

    #[test]
    fn a_core_module_is_told_apart() {
        let error = check(b"\0asm\x01\0\0\0").unwrap_err();
        assert!(matches!(error, ComponentError::CoreModule), "{error}");
    }

    #[test]
    fn other_bytes_and_cut_files_are_not_wasm() {
        let whole = importing("wasi:cli/environment@0.2.6");
        for bytes in [&b"#!/bin/sh"[..], &[], &whole[..whole.len() - 1]] {
            assert!(matches!(check(bytes), Err(ComponentError::NotWasm(_))));
        }
    }
}
