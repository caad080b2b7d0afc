//! The space `relay`: passes each body on to `sink/take`. It owns nothing and fails as `send` does. The bench of a hop
//! measures it, so it takes raw bytes, and must not import `request`, which would put it on the host's slower path.

use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Relay;

/// Passes bodies on by a one-way command.
#[space(wants(commands("sink/take")))]
impl Relay {
    /// Sends the body to `sink/take`.
    #[command]
    fn hop(&self, ctx: &Context, body: Bytes) -> Result<Bytes> {
        ctx.send("sink/take", &body)?;
        Ok(Bytes::default())
    }

    /// As `hop`, for the bench that fills the mailbox while the space is stopped.
    #[event("bench.hop")]
    fn heard(&self, ctx: &Context, body: Bytes) -> Result<()> {
        ctx.send("sink/take", &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_passes_on_as_it_is() {
        let host = MockHost::new();
        assert_eq!(host.command_raw::<Relay>("hop", &[0, 159, 255]), Ok(Vec::new()));
        let [sent] = &host.sent()[..] else { panic!("one message") };
        assert_eq!((sent.to.as_str(), &sent.body[..]), ("sink/take", &[0, 159, 255][..]));
    }
}
