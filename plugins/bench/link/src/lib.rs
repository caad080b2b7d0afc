//! The space `link`: one of a chain, deployed under as many names as the chain has spaces. It owns the bodies that it was
//! given last and knows the next space of the chain by its settings. It fails as `request` and `send` do, and as state that
//! cannot be written.

use spacehost_sdk::prelude::*;

/// Bodies that are kept; later ones take the places of earlier ones.
const KEPT: u64 = 1_000;

#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// The space that comes after this one; none after the last.
    next: Option<String>,
}

#[derive(Cells)]
struct Link {
    kept: Map<u64, String>,
    settings: Config<Settings>,
}

/// Keeps what it is given, and lets the rest of the chain do the same.
#[space]
impl Link {
    /// Keeps the body, and that is all.
    #[command]
    fn keep(&self, ctx: &Context, body: String) -> Result<()> {
        self.kept.set(&(ctx.random() % KEPT), &body)
    }

    /// Keeps the body, and answers when all after it have.
    #[command]
    fn ask(&self, ctx: &Context, body: String) -> Result<String> {
        self.keep(ctx, body.clone())?;
        match self.settings.get()?.next {
            Some(next) => ctx.request(&format!("{next}/ask"), &body),
            None => Ok(body),
        }
    }

    /// Keeps the body and sends it on; the last one tells that it has come.
    #[command]
    fn pass(&self, ctx: &Context, body: String) -> Result<()> {
        self.keep(ctx, body.clone())?;
        match self.settings.get()?.next {
            Some(next) => ctx.send(&format!("{next}/pass"), &body),
            None => ctx.publish("bench.passed", &body),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(next: Option<&str>) -> MockHost {
        let host = MockHost::new();
        host.set_config(json!({ "next": next }));
        host
    }

    #[test]
    fn whoever_asks_is_answered_by_the_end_of_the_chain() {
        let first = host(Some("b"));
        first.replies_to("b/ask", "from b");
        assert_eq!(first.command::<Link>("ask", "x"), Ok(json!("from b")));
        assert_eq!((first.requested()[0].json(), first.state().len()), (json!("x"), 1));
        assert_eq!(host(None).command::<Link>("ask", "x"), Ok(json!("x")));
    }

    #[test]
    fn what_is_sent_goes_on_to_the_end_of_the_chain_and_is_told_there() {
        let (first, last) = (host(Some("b")), host(None));
        first.command::<Link>("pass", "x").unwrap();
        last.command::<Link>("pass", "x").unwrap();
        assert_eq!((first.sent()[0].to.as_str(), first.published().len()), ("b/pass", 0));
        assert_eq!((last.sent().len(), last.published()[0].to.as_str()), (0, "bench.passed"));
    }
}
