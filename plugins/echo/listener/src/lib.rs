//! The space `listener`: keeps what it hears on `echo.*`. It owns a count and the last few texts, knows nobody who
//! publishes them, and sets an event aside that is not of the shape it expects.

use spacehost_sdk::prelude::*;

/// Older texts are forgotten, so that the state stays small however long the host runs.
const KEPT: usize = 10;

/// Of the events on `echo.*` only what this space needs; other fields may come and go.
#[derive(Deserialize, JsonSchema)]
struct Processed {
    text: String,
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
struct Heard {
    /// How many events were heard in all.
    count: u64,
    /// The texts of the last ten, the newest at the end.
    last: Vec<String>,
}

#[derive(Cells)]
struct Listener {
    heard: Item<Heard>,
}

/// Listens to `echo.*`.
#[space]
impl Listener {
    #[event("echo.*")]
    fn listen(&self, event: Processed) -> Result<()> {
        self.heard.update(|heard| {
            heard.count += 1;
            heard.last.push(event.text);
            let forgotten = heard.last.len().saturating_sub(KEPT);
            heard.last.drain(..forgotten);
        })
    }

    /// Tells what was heard.
    #[command]
    fn heard(&self) -> Result<Heard> {
        self.heard.get_or_default()
    }
}

#[cfg(test)]
mod tests;
