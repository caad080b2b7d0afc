//! A guest that asks: for the command `b/run`, and to publish `audit.>`. Its scripts may try more.

use script::run;
use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Clerk {}

#[space(version = "1", wants(commands("b/run"), publish("audit.>")))]
impl Clerk {
    #[command]
    fn run(&self, ctx: &Context, script: Value) -> Result<Value> {
        run::<true>(ctx, script)
    }
}
