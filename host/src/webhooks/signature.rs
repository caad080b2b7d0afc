//! The signature of a request as Standard Webhooks has it: HMAC-SHA256 over id, time and body.
//!
//! Pure. Must not know where keys come from. Cannot fail.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// Of one webhook: the first is the newest, and all of them sign, so that a receiver may change over when it likes.
#[derive(Debug, Clone)]
pub struct Keys(Vec<hmac::Key>);

impl Keys {
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s [u8]>) -> Self {
        Keys(secrets.into_iter().map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret)).collect())
    }

    /// The value of the header `webhook-signature`. `timestamp` is in seconds since 1970.
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let signed = self.0.iter().map(|key| {
            let mut context = hmac::Context::with_key(key);
            context.update(format!("{id}.{timestamp}.").as_bytes());
            context.update(body);
            format!("v1,{}", STANDARD.encode(context.sign()))
        });
        signed.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";

    fn secret(text: &str) -> Vec<u8> {
        STANDARD.decode(text).unwrap()
    }

    #[test]
    fn the_signature_is_that_of_the_specification() {
        let keys = Keys::new([&*secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]);
        assert_eq!(keys.sign(ID, 1_614_265_330, BODY), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_key_signs_and_anything_else_that_is_signed_is_another_signature() {
        let (old, new) = (secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), vec![7; 32]);
        let [both, one, other] =
            [Keys::new([&*new, &*old]), Keys::new([&*new]), Keys::new([&*old])].map(|keys| keys.sign(ID, 1, BODY));
        assert_eq!(both, format!("{one} {other}"));
        let keys = Keys::new([&*new]);
        for changed in [keys.sign("other", 1, BODY), keys.sign(ID, 2, BODY), keys.sign(ID, 1, b"")] {
            assert_ne!(changed, one);
        }
    }
}
