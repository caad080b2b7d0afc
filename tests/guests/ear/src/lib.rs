//! A guest that never waits, so that the host runs it on the sync path; hears all of `news.>`.

use script::{fire, hear, run};
use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Ear {}

#[space(version = "1")]
impl Ear {
    #[command]
    fn run(&self, ctx: &Context, script: Value) -> Result<Value> {
        run::<false>(ctx, script)
    }

    #[event("news.>")]
    fn hear(&self, ctx: &Context, body: Value) -> Result<()> {
        hear::<false>(ctx, body)
    }

    #[timer]
    fn tick(&self, ctx: &Context, body: Value) -> Result<()> {
        fire::<false>(ctx, body)
    }
}
