//! Version 2 of a space with a life cycle; its settings `start` and `migrate` are the scripts of both.

use script::run;
use spacehost_sdk::prelude::*;

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
#[derive(Default)]
struct Scripts {
    start: Vec<Value>,
    migrate: Vec<Value>,
}

#[derive(Cells)]
struct Two {
    scripts: Config<Scripts>,
}

#[space(version = "2")]
impl Two {
    #[command]
    fn run(&self, ctx: &Context, script: Value) -> Result<Value> {
        run::<false>(ctx, script)
    }

    /// Which version answers.
    #[command]
    fn version(&self) -> u32 {
        2
    }

    #[start]
    fn start(&self, ctx: &Context) -> Result<()> {
        run::<false>(ctx, self.scripts.get()?.start.into()).map(drop)
    }

    #[migrate]
    fn migrate(&self, ctx: &Context, from: Option<&str>) -> Result<()> {
        run::<false>(ctx, json!([{ "note": { "from": from, "to": "2" } }]))?;
        run::<false>(ctx, self.scripts.get()?.migrate.into()).map(drop)
    }
}
