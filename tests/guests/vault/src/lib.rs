//! A guest that keeps `vault.secret.*` to itself, and says of `vault.open.*` to whoever listens.

use script::run;
use spacehost_sdk::prelude::*;

/// What only those hear who are granted it.
#[derive(Event, Serialize, JsonSchema)]
#[event(topic = "vault.secret.{number}", private)]
struct Secret {
    number: u64,
}

#[derive(Cells)]
struct Vault {}

#[space(version = "1", publishes(Secret, "vault.open.*"))]
impl Vault {
    #[command]
    fn run(&self, ctx: &Context, script: Value) -> Result<Value> {
        run::<true>(ctx, script)
    }

    /// An event of its own type.
    #[command]
    fn whisper(&self, ctx: &Context, number: u64) -> Result<()> {
        ctx.emit(&Secret { number })
    }
}
