//! A host for native tests: one partition of one space, in memory, with the turns of the real one. It owns what a test arranges and
//! looks at; it knows no wasm. It enforces the spelling of topics and addresses and that turns are all or nothing, but
//! neither grants nor limits.

mod arrange;
mod drive;
mod inspect;
mod records;
pub(crate) mod rules;
pub(crate) mod world;

pub use records::{Message, Timer};

use std::cell::RefCell;
use std::rc::Rc;

use crate::{Cells, Context, Result};
use world::World;

/// A host that a test makes, arranges, calls and looks at. Cells and contexts on this thread belong to the host made or used last.
#[derive(Debug)]
pub struct MockHost(Rc<RefCell<World>>);

impl MockHost {
    /// A host with empty state, at the beginning of the year 2026.
    #[allow(clippy::new_without_default, reason = "making a host binds the thread to it, which a default should not")]
    pub fn new() -> Self {
        let host = MockHost(Rc::new(RefCell::new(World::new())));
        host.enter();
        host
    }

    /// The cells of a space.
    pub fn space<S: Cells>(&self) -> S {
        self.enter();
        S::cells()
    }

    /// A context for calling handlers directly: the next message. Outside of `turn`, each effect takes place at once.
    pub fn context(&self) -> Context {
        self.context_of("")
    }

    /// As `context`, for the event on a topic or the timer of a name.
    pub fn context_of(&self, topic: &str) -> Context {
        self.enter();
        self.0.borrow_mut().next_message();
        Context::of(topic)
    }

    /// Runs the closure as a turn: when it fails, its state writes, messages and timers are discarded.
    pub fn turn<T>(&self, handle: impl FnOnce(&Context) -> Result<T>) -> Result<T> {
        let context = self.context();
        self.in_turn(|| handle(&context))
    }

    fn in_turn<T>(&self, handle: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = self.0.borrow().effects.clone();
        let result = handle();
        if result.is_err() {
            self.0.borrow_mut().effects = before;
        }
        result
    }

    fn enter(&self) {
        world::enter(&self.0);
    }
}
