//! Bodies: values as JSON, or bytes as they are. It owns both directions and the failure of each; it knows nothing of where a body
//! comes from or goes to.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Failure, Result};

/// A body that is not JSON: as input, reply or payload it passes as it is. It has no schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl<T: Into<Vec<u8>>> From<T> for Bytes {
    fn from(bytes: T) -> Self {
        Bytes(bytes.into())
    }
}

/// What can be sent: whatever serde can write as JSON, and `Bytes`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the body of a message",
    note = "write `#[derive(Serialize)]` above the type, or send `Bytes`"
)]
pub trait ToBody {
    /// The body; a type that serde cannot write gives the failure `bad-output`.
    fn to_body(&self) -> Result<Vec<u8>>;
}

impl<T: Serialize + ?Sized> ToBody for T {
    fn to_body(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Failure::new("bad-output", error.to_string()))
    }
}

impl ToBody for Bytes {
    fn to_body(&self) -> Result<Vec<u8>> {
        Ok(self.0.clone())
    }
}

/// What can be received: whatever serde can read from JSON, and `Bytes`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from the body of a message",
    note = "write `#[derive(Deserialize)]` above the type, or take `Bytes`"
)]
pub trait FromBody: Sized {
    /// The value, or what is wrong with the body and at which field.
    fn from_body(body: &[u8]) -> Result<Self, String>;
}

impl<T: DeserializeOwned> FromBody for T {
    fn from_body(body: &[u8]) -> Result<Self, String> {
        // Nobody should have to send `null` to a command whose input is optional.
        let json: &[u8] = if body.is_empty() { b"null" } else { body };
        let mut reader = serde_json::Deserializer::from_slice(json);
        let value =
            serde_path_to_error::deserialize(&mut reader).map_err(|error| match error.path().to_string().as_str() {
                "." => error.inner().to_string(),
                path => format!("at `{path}`: {}", error.inner()),
            })?;
        reader.end().map_err(|error| error.to_string())?;
        Ok(value)
    }
}

impl FromBody for Bytes {
    fn from_body(body: &[u8]) -> Result<Self, String> {
        Ok(Bytes(body.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Line {
        cents: u64,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Order {
        lines: Vec<Line>,
    }

    #[test]
    fn a_bad_body_names_the_field() {
        let error = Order::from_body(br#"{"lines":[{"cents":1},{"cents":"x"}]}"#).unwrap_err();
        assert_eq!(error, "at `lines[1].cents`: invalid type: string \"x\", expected u64 at line 1 column 34");
    }

    #[test]
    fn an_empty_body_is_null() {
        assert_eq!(Option::<Order>::from_body(b""), Ok(None));
    }

    #[test]
    fn nothing_may_follow_the_value() {
        assert_eq!(u64::from_body(b"1 2").unwrap_err(), "trailing characters at line 1 column 3");
    }

    #[test]
    fn bytes_pass_as_they_are() {
        let bytes = Bytes::from([0, 255]);
        assert_eq!(bytes.to_body(), Ok(vec![0, 255]));
        assert_eq!(Bytes::from_body(&[0, 255]), Ok(bytes));
    }
}
