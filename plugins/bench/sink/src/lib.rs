//! The space `sink`: where the messages of the benches end. It owns nothing, does nothing with them and cannot fail, so
//! that what is measured is the host.

use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Sink;

/// Takes whatever comes.
#[space]
impl Sink {
    /// Takes a body and answers nothing.
    #[command]
    fn take(&self) -> Bytes {
        Bytes::default()
    }

    /// Answers the body.
    #[command]
    fn echo(&self, body: Bytes) -> Bytes {
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_taken_or_comes_back() {
        let host = MockHost::new();
        assert_eq!(host.command_raw::<Sink>("take", &[1, 2]), Ok(Vec::new()));
        assert_eq!(host.command_raw::<Sink>("echo", &[1, 2]), Ok(vec![1, 2]));
    }
}
