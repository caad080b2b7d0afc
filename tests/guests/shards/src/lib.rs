//! A guest of four partitions; hears all of `news.>`.

use script::{hear, run};
use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Shards {}

#[space(version = "1", partitions = 4)]
impl Shards {
    #[command]
    fn run(&self, ctx: &Context, script: Value) -> Result<Value> {
        run::<false>(ctx, script)
    }

    #[event("news.>")]
    fn hear(&self, ctx: &Context, body: Value) -> Result<()> {
        hear::<false>(ctx, body)
    }
}
