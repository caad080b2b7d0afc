//! The space `asker`: asks `sink/echo` and waits for the reply. It owns nothing and fails as `request` does. It imports
//! `request`, so the host runs it on fibers: the bench shows what that costs.

use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Asker;

/// Asks another space within its turn.
#[space(wants(commands("sink/echo")))]
impl Asker {
    /// Answers what `sink/echo` answers to the body.
    #[command]
    fn ask(&self, ctx: &Context, body: Bytes) -> Result<Bytes> {
        ctx.request("sink/echo", &body)
    }

    /// Asks a hundred times in one turn, so that a bench can divide.
    #[command]
    fn ask_often(&self, ctx: &Context, body: Bytes) -> Result<Bytes> {
        for _ in 1..100 {
            ctx.request::<Bytes>("sink/echo", &body)?;
        }
        ctx.request("sink/echo", &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_of_the_other_space_is_its_own() {
        let host = MockHost::new();
        host.replies_to("sink/echo", Bytes::from([7]));
        assert_eq!(host.command_raw::<Asker>("ask", &[1]), Ok(vec![7]));
        assert_eq!(host.requested()[0].body, [1]);
    }
}
