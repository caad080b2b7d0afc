//! What a space is to the rest of the SDK: its cells and its handlers. Both traits are implemented by macros; they know nothing of
//! a host.

use crate::describe::Descriptor;
use crate::{Context, Result};

/// A struct whose fields are all cells. Derived.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no struct of cells",
    note = "write `#[derive(Cells)]` above `struct {Self}`"
)]
pub trait Cells: Sized {
    /// The struct; cells hold no data, so this reads nothing.
    fn cells() -> Self;

    /// Tells the descriptor about settings.
    fn describe_cells(descriptor: &mut Descriptor);
}

/// A struct of cells with handlers. Implemented by `#[space]`.
#[diagnostic::on_unimplemented(message = "`{Self}` is no space", note = "write `#[space]` above `impl {Self}`")]
pub trait Space: Cells {
    /// Tells the descriptor about the space.
    fn describe(descriptor: &mut Descriptor);

    /// Handles a command.
    fn command(&self, ctx: &Context, name: &str, body: &[u8]) -> Result<Vec<u8>>;

    /// Handles an event.
    fn event(&self, ctx: &Context, topic: &str, body: &[u8]) -> Result<()>;

    /// Handles a timer.
    fn timer(&self, ctx: &Context, name: &str, body: &[u8]) -> Result<()>;

    /// Looks at its state when a fresh instance starts.
    fn start(&self, _ctx: &Context) -> Result<()> {
        Ok(())
    }

    /// Sets up a new partition, or brings the state of the version `from` to this one.
    fn migrate(&self, _ctx: &Context, _from: Option<&str>) -> Result<()> {
        Ok(())
    }
}
