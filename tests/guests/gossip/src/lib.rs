//! A guest that wants to hear all of `vault`, and whatever is `closed` anywhere.

use script::{hear, run};
use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Gossip {}

#[space(version = "1")]
impl Gossip {
    #[command]
    fn run(&self, ctx: &Context, script: Value) -> Result<Value> {
        run::<false>(ctx, script)
    }

    #[event("vault.*.*")]
    #[event("*.closed")]
    fn hear(&self, ctx: &Context, body: Value) -> Result<()> {
        hear::<false>(ctx, body)
    }
}
