//! From bytes to artifacts: compile, check, link, describe; or open what a former load has sealed.
//!
//! Owns what all components of a host are made with: engine, compiler, linker. Must not know where sealed code is kept, nor
//! under which file name components come. Fails as a component fails to be a space; a seal that does not open is no
//! failure, the component is compiled anew.

use super::code::{self, Code, Seal, Sealed};
use super::compile::{Compiler, Place};
use super::contract::{self, Shape};
use super::engine::{Engine, EngineConfig};
use super::host_api::{Guest, HostCalls, add_to_linker};
use super::instance::{Exports, PathChoice, Source};
use super::memory::{HostMemory, SpaceMemory};
use super::registry::{Artifact, Inner, LoadError};
use crate::words::{Descriptor, Limits};
use futures::executor::block_on;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType};

pub struct Loader<H: 'static> {
    engine: Engine,
    compiler: Compiler,
    /// All that is offered; making it takes longer than a component needs to be linked.
    linker: Linker<Guest<H>>,
}

/// A component that was compiled just now.
pub struct Fresh<H: 'static> {
    pub artifact: Artifact<H>,
    description: String,
    code: Code,
}

impl<H> Fresh<H> {
    /// What `Loader::open` takes, for the same bytes.
    pub fn seal(&self, seal: &Seal, name: &str) -> Vec<u8> {
        seal.close(name, &self.description, &self.code)
    }
}

impl<H: HostCalls> Loader<H> {
    pub fn new(config: &EngineConfig, place: Place) -> wasmtime::Result<Self> {
        let engine = Engine::new(config)?;
        let mut linker = Linker::new(engine.wasmtime());
        add_to_linker(&mut linker)?;
        Ok(Loader { engine, compiler: Compiler::new(place), linker })
    }

    /// Under which name the code of a component may be kept: it stands for the bytes and for all that shapes code.
    pub fn name(&self, bytes: &[u8]) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.engine.stamp().as_bytes()).update(blake3::hash(bytes).as_bytes());
        hasher.finalize().to_hex().to_string()
    }

    /// Compiles, checks and describes. Blocks for as long as compilation takes. `host` stands in for the runtime while
    /// `describe` runs.
    pub fn load(&self, bytes: &[u8], limits: &Limits, host: H) -> Result<Fresh<H>, LoadError> {
        check_size(bytes, limits)?;
        let code = self.compiler.compile(&self.engine, bytes)?;
        let mut inner = self.link(bytes, &code)?;
        let memory = Arc::new(SpaceMemory::on(self.memory().clone()));
        let description = block_on(inner.describe(limits, &memory, host))?;
        inner.descriptor = Arc::new(Descriptor::parse(&description)?);
        Ok(Fresh { artifact: Artifact::of(inner), description, code })
    }

    /// The same from what was sealed under that name; no code of the guest runs, for `describe` answers the same each time.
    /// None when the seal does not open, or when what is under it is not to be used any more.
    pub fn open(&self, bytes: &[u8], limits: &Limits, sealed: Sealed) -> Option<Artifact<H>> {
        check_size(bytes, limits).ok()?;
        let mut inner = self.link(bytes, &sealed.code).ok()?;
        inner.descriptor = Arc::new(Descriptor::parse(&sealed.descriptor).ok()?);
        Some(Artifact::of(inner))
    }

    /// Ticks of a millisecond, so far.
    pub fn ticks(&self) -> Arc<AtomicU64> {
        self.engine.ticks()
    }

    /// What all instances have together.
    pub fn memory(&self) -> &Arc<HostMemory> {
        self.engine.memory()
    }

    /// Ends compiles in hand, and begins no more.
    pub fn stop(&self) {
        self.compiler.stop();
    }

    /// The same component with its calls answered by others. Nothing is compiled, and no code of the guest runs.
    pub fn adapt<K: HostCalls>(&self, artifact: &Artifact<H>) -> Result<Artifact<K>, LoadError> {
        let Inner { digest, descriptor, shape, source } = artifact.inner();
        let mut linker = Linker::new(self.engine.wasmtime());
        add_to_linker(&mut linker).map_err(link_failed)?;
        let source = make_source(&linker, source.pre.component(), shape)?;
        let (digest, descriptor, shape) = (digest.clone(), descriptor.clone(), shape.clone());
        Ok(Artifact::of(Inner { digest, descriptor, shape, source }))
    }

    fn link(&self, bytes: &[u8], code: &Code) -> Result<Inner<H>, LoadError> {
        let component = code::adopt(&self.engine, code).map_err(link_failed)?;
        let shape = contract::check(self.engine.wasmtime(), &component)?;
        Ok(Inner {
            digest: blake3::hash(bytes).to_hex().to_string(),
            descriptor: Arc::new(Descriptor::unknown()),
            source: make_source(&self.linker, &component, &shape)?,
            shape,
        })
    }
}

fn link_failed(error: wasmtime::Error) -> LoadError {
    LoadError::Link(super::one_line(&error))
}

fn make_source<H: HostCalls>(
    linker: &Linker<Guest<H>>,
    component: &Component,
    shape: &Shape,
) -> Result<Source<H>, LoadError> {
    let exports = Exports::find(component, shape.has_lifecycle).map_err(LoadError::Link)?;
    let pre = linker_for(linker, component, shape.uses_wasi).and_then(|linker| linker.instantiate_pre(component));
    let path = PathChoice { may_wait: shape.may_wait, outlived_slice: AtomicBool::new(false) };
    Ok(Source { pre: pre.map_err(link_failed)?, exports, path: Arc::new(path) })
}

fn linker_for<'l, H: HostCalls>(
    linker: &'l Linker<Guest<H>>,
    component: &Component,
    uses_wasi: bool,
) -> wasmtime::Result<Cow<'l, Linker<Guest<H>>>> {
    if !uses_wasi {
        return Ok(Cow::Borrowed(linker));
    }
    let mut linker = linker.clone();
    trap_other_packages(&mut linker, component)?;
    if linker.instantiate_pre(component).is_err() {
        // It is built for a WASI that has more than this host's. Then none of it is there, since what is defined for its
        // version stands before what this host offers for all.
        linker.define_unknown_imports_as_traps(component)?;
    }
    Ok(Cow::Owned(linker))
}

/// Packages of WASI that the linker has, in a version that serves for all of 0.2.
const WASI: [&str; 6] = ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];

/// What is not offered at all becomes a trap when called: toolchains import more than their programs call.
fn trap_other_packages<H: HostCalls>(linker: &mut Linker<Guest<H>>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    for (name, import) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(interface) = import.ty else { continue };
        if !name.starts_with("wasi:") || WASI.iter().any(|package| name.starts_with(package)) {
            continue;
        }
        let mut instance = linker.instance(name)?;
        for (item, export) in interface.exports(&engine) {
            match export.ty {
                ComponentItem::ComponentFunc(_) => {
                    let called = format!("`{item}` of `{name}`, which this host does not offer");
                    instance.func_new(item, move |_, _, _, _| Err(wasmtime::Error::msg(called.clone())))?;
                }
                ComponentItem::Resource(_) => instance.resource(item, ResourceType::host::<()>(), |_, _| Ok(()))?,
                _ => {}
            }
        }
    }
    Ok(())
}

fn check_size(bytes: &[u8], limits: &Limits) -> Result<(), LoadError> {
    let (bytes, allowed) = (bytes.len() as u64, limits.component_bytes);
    if bytes > allowed { Err(LoadError::TooLarge { bytes, allowed }) } else { Ok(()) }
}
