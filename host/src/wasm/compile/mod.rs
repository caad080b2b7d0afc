//! From bytes to code. Only the binary form is taken: never text, never precompiled code.
//!
//! Owns where that happens: in this process, or in a limited one of its own (`apart` is this side of it, `child` the
//! other, `jail` its limits). Must not know where code is kept. Fails with one line that says whose fault it was: the
//! file's, or a compiler's that ran into its limits.

mod apart;
pub mod child;
mod jail;

use super::code::Code;
use super::engine::Engine;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Why bytes give no code; each says what to do, or what was the matter.
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
    #[error("the compiler ran out of memory (limit {}): make the component's functions smaller", bytes(*.0))]
    Memory(u64),
    #[error("the compiler took longer than {0} s of CPU: make the component's functions smaller")]
    Cpu(u64),
    #[error("the compiler took longer than {} s: is the machine overloaded? `reload --force` tries again", .0.as_secs())]
    Wall(Duration),
    #[error("the compiler {0}; `reload --force` tries again")]
    Crashed(String),
    #[error("the compiler could not be started: {0}")]
    Unstartable(std::io::Error),
    #[error("the host is stopping")]
    Stopping,
}

impl CompileError {
    /// It says more of the machine, or of whoever ended the compiler, than of the component.
    pub fn is_passing(&self) -> bool {
        use CompileError::{Crashed, Stopping, Unstartable, Wall};
        matches!(self, Wall(_) | Crashed(_) | Unstartable(_) | Stopping)
    }
}

/// Where components are compiled.
#[derive(Debug, Clone, Default)]
pub enum Place {
    /// In this process, without limits: for whoever loads what he trusts, or has no program to do it.
    #[default]
    Here,
    /// In a process of its own for each, by the hidden mode of this program.
    Apart { program: PathBuf, bounds: CompileBounds },
}

impl Place {
    /// The program that runs here compiles, under the usual bounds. It is the same one even if its file has been replaced
    /// since it was started.
    pub fn apart() -> Self {
        Place::Apart { program: "/proc/self/exe".into(), bounds: CompileBounds::default() }
    }
}

/// What one compile may take.
#[derive(Debug, Clone)]
pub struct CompileBounds {
    /// Of address space; what the program itself needs is part of it.
    pub memory_bytes: u64,
    pub cpu_s: u64,
    /// Twice the CPU time and more: the process is niced, and others may keep the machine busy.
    pub wall: Duration,
}

impl Default for CompileBounds {
    fn default() -> Self {
        CompileBounds { memory_bytes: 2 << 30, cpu_s: 60, wall: Duration::from_secs(150) }
    }
}

/// Compiles until it is stopped.
pub struct Compiler {
    place: Place,
    stopping: AtomicBool,
}

impl Compiler {
    pub fn new(place: Place) -> Self {
        Compiler { place, stopping: AtomicBool::new(false) }
    }

    /// Blocks for as long as it takes.
    pub fn compile(&self, engine: &Engine, bytes: &[u8]) -> Result<Code, CompileError> {
        check_form(bytes)?;
        let compiled = match &self.place {
            Place::Here => engine
                .wasmtime()
                .precompile_component(bytes)
                .map_err(|error| CompileError::Invalid(super::one_line(&error)))?,
            Place::Apart { program, bounds } => apart::compile(program, bounds, bytes, &self.stopping)?,
        };
        Ok(Code::of_compiler(compiled))
    }

    /// Ends the processes that compile, and begins no more.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }
}

const MAGIC: &[u8] = b"\0asm";
const COMPONENT: [u8; 4] = [0x0d, 0, 1, 0];
const CORE_MODULE: [u8; 4] = [1, 0, 0, 0];

fn check_form(bytes: &[u8]) -> Result<(), CompileError> {
    if bytes.is_empty() {
        return Err(CompileError::Empty);
    }
    if !bytes.starts_with(MAGIC) {
        return Err(CompileError::NotWasm(hex(&bytes[..bytes.len().min(8)])));
    }
    match bytes.get(4..8) {
        Some(version) if version == CORE_MODULE => Err(CompileError::CoreModule),
        Some(version) if version == COMPONENT => Ok(()),
        version => Err(CompileError::Invalid(format!(
            "its version field is {}; a component has 0d 00 01 00",
            hex(version.unwrap_or_default())
        ))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn bytes(count: u64) -> String {
    if count.is_multiple_of(1 << 30) { format!("{} GiB", count >> 30) } else { format!("{} MiB", count >> 20) }
}
