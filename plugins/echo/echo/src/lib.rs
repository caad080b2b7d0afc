//! The space `echo`: answers each of the commands A, B and C with an event. It owns a count of each, knows no
//! listener, and fails only if its state cannot be written.

use spacehost_sdk::prelude::*;

/// A command was processed.
#[derive(Event, Serialize, JsonSchema)]
#[event(topic = "echo.processed")]
struct Processed {
    /// "Processed: " and the name of the command.
    text: String,
    /// How many of its kind there have been, this one included.
    count: u64,
}

#[derive(Cells)]
struct Echo {
    counts: Map<String, u64>,
}

/// Takes the commands A, B and C, and publishes "Processed: …" for each.
#[space(publishes(Processed))]
impl Echo {
    /// Processes an A; answers how many there have been.
    #[command(name = "A")]
    fn a(&self, ctx: &Context) -> Result<u64> {
        self.process(ctx, "A")
    }

    /// Processes a B; answers how many there have been.
    #[command(name = "B")]
    fn b(&self, ctx: &Context) -> Result<u64> {
        self.process(ctx, "B")
    }

    /// Processes a C; answers how many there have been.
    #[command(name = "C")]
    fn c(&self, ctx: &Context) -> Result<u64> {
        self.process(ctx, "C")
    }

    /// Count and event leave together when the turn succeeds, or neither does: they cannot disagree.
    fn process(&self, ctx: &Context, command: &str) -> Result<u64> {
        let count = self.counts.get(command)?.unwrap_or(0) + 1;
        self.counts.set(command, &count)?;
        ctx.emit(&Processed { text: format!("Processed: {command}"), count })?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
