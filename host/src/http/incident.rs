//! What of a client's doing goes into the audit trail, under which cause.
//!
//! Owns the causes. Must not know how the trail is written. A refusal that any honest client may get, such as of a full
//! mailbox, is none.

use super::error::ApiError;
use std::error::Error;
use std::io::{self, ErrorKind};

/// Goes with an answer until the connection takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    pub cause: &'static str,
    pub figure: String,
}

/// Where incidents go.
pub type Tell = Box<dyn Fn(&Incident) + Send + Sync>;

/// Why a connection was ended from this side.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    #[error("it gave way to another one")]
    Displaced,
    #[error("no request came in {0} s")]
    NoHead(u64),
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

impl Incident {
    pub fn of_refusal(error: &ApiError) -> Option<Self> {
        let cause = match error {
            ApiError::Foreign { header: "Host", .. } => "foreign-host",
            ApiError::Foreign { .. } => "foreign-origin",
            ApiError::Unauthorized => "no-token",
            ApiError::WrongToken => "wrong-token",
            ApiError::TooManyGuesses { .. } => "too-many-guesses",
            ApiError::BodyTooLarge { .. } => "body-too-large",
            ApiError::BodyTooSlow { .. } => "too-slow",
            ApiError::BodiesFull => "bodies-full",
            _ => return None,
        };
        Some(Incident { cause, figure: error.to_string() })
    }

    /// None when the client went away, or was idle for as long as it may be.
    pub fn of_end(ended: &Ended) -> Option<Self> {
        let cause = match ended {
            Ended::Displaced => "connection-displaced",
            Ended::NoHead(_) => "too-slow",
            Ended::Http(error) if error.is_parse_too_large() => "head-too-large",
            Ended::Http(error) if error.is_parse() => "malformed",
            Ended::Http(error) if stood_still(error) => "does-not-read",
            Ended::Http(_) => return None,
        };
        Some(Incident { cause, figure: ended.to_string() })
    }
}

/// Whether `Patient` gave up.
fn stood_still(error: &hyper::Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|error| error.kind() == ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_a_hostile_client_has_its_cause_and_others_have_none() {
        let cause = |error| Incident::of_refusal(&error).map(|incident| incident.cause);
        assert_eq!(cause(ApiError::Foreign { header: "Host", value: "x".into() }), Some("foreign-host"));
        assert_eq!(cause(ApiError::Foreign { header: "Sec-Fetch-Site", value: "x".into() }), Some("foreign-origin"));
        assert_eq!(cause(ApiError::WrongToken), Some("wrong-token"));
        assert_eq!(cause(ApiError::KeysFull), None);
        assert_eq!(Incident::of_end(&Ended::Displaced).map(|incident| incident.cause), Some("connection-displaced"));
    }
}
