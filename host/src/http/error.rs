//! Why a request is not answered as asked: one enum for all handlers.
//!
//! Owns the sentence that says what happened. Must not know statuses or titles; those are in `problem`.

use super::cloud_event::Malformed;
use crate::reload::ReloadError;
use crate::runtime::api::Refusal;
use crate::runtime::history::HistoryError;
use crate::runtime::replay::ReplayError;
use crate::words::topic::NameError;
use axum::extract::rejection::{PathRejection, QueryRejection};
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Reload(#[from] ReloadError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("it is no space that this host can run: {0}")]
    NoSpace(String),
    #[error("the request has no token")]
    Unauthorized,
    #[error("the token is not this host's")]
    WrongToken,
    #[error("there were too many wrong tokens")]
    TooManyGuesses { wait: Duration },
    #[error("the header {header} names `{value}`, which is not this host")]
    Foreign { header: &'static str, value: String },
    #[error("there is nothing at `{0}`")]
    NoRoute(String),
    #[error("`{0}` does not take this method")]
    WrongMethod(String),
    #[error("{0}")]
    BadRequest(String),
    #[error("the CloudEvent is not valid: {0}")]
    BadCloudEvent(#[from] Malformed),
    #[error("`{0}` is not taken in")]
    Unsupported(String),
    #[error("the body has more than {allowed} bytes")]
    BodyTooLarge { allowed: usize },
    #[error("the body was not complete after {} s", after.as_secs())]
    BodyTooSlow { after: Duration },
    #[error("the host is reading as many large bodies as it has memory for")]
    BodiesFull,
    #[error("this Idempotency-Key was used for another body, or another Spacehost-Key")]
    KeyReused,
    #[error("the table of Idempotency-Keys is full")]
    KeysFull,
    #[error("another backup is being taken")]
    BackupUnderWay,
    #[error("another version is being tried")]
    ReplayUnderWay,
    #[error("the host runs in memory, or no longer writes its tables: there is nothing to back up")]
    NothingKept,
    #[error("the tables do not read: {0}")]
    Unreadable(String),
    #[error("there is no message `{0}`")]
    UnknownMessage(String),
    #[error("there is no webhook `{0}`")]
    UnknownWebhook(String),
    #[error("webhook `{0}` is in the settings: it is not forgotten as long as it is there")]
    WebhookInUse(String),
}

impl From<NameError> for ApiError {
    fn from(error: NameError) -> Self {
        ApiError::Refused(Refusal::BadName(error))
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        ApiError::BadRequest(rejection.body_text())
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        ApiError::BadRequest(rejection.body_text())
    }
}
