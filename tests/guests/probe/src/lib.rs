//! The general guest: one partition, may make requests, hears `news.<anything>.hot`.

use script::{fire, hear, run};
use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Probe {}

#[space(version = "1")]
impl Probe {
    #[command]
    fn run(&self, ctx: &Context, script: Value) -> Result<Value> {
        run::<true>(ctx, script)
    }

    #[event("news.*.hot")]
    fn hear(&self, ctx: &Context, body: Value) -> Result<()> {
        hear::<true>(ctx, body)
    }

    #[timer]
    fn tick(&self, ctx: &Context, body: Value) -> Result<()> {
        fire::<true>(ctx, body)
    }
}
