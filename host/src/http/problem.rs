//! Errors as clients see them: RFC 9457 problem documents.
//!
//! Owns the mapping from an error to its type. Must not know where an error came from or how a request looked; what the types
//! are is in `kinds`. Cannot fail.

use super::error::ApiError;
use super::incident::Incident;
use super::kinds::{self, Kind, Retry};
use super::shown;
use crate::reload::ReloadError;
use crate::runtime::api::Refusal;
use crate::runtime::history::HistoryError;
use crate::runtime::replay::ReplayError;
use crate::words::Failure;
use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;

/// One problem, ready to be sent.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// Stable: programs branch on it.
    #[serde(rename = "type", serialize_with = "as_urn")]
    pub kind: &'static str,
    #[serde(serialize_with = "as_number")]
    pub status: StatusCode,
    pub title: &'static str,
    /// What happened to this request.
    pub detail: String,
    /// What to do about it.
    pub next: &'static str,
    /// The space's own code, when it was the space that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

/// The one function that says how an error looks from outside.
pub fn problem(error: &ApiError) -> Problem {
    let Kind { name, status, title, next, retry, .. } = kind(error);
    let retryable = retry == Retry::Later;
    let mut problem = Problem { kind: name, status, title, detail: detail(error), next, code: None, retryable };
    if let Some(failure) = failure(error) {
        problem.code = Some(failure.code.to_string());
        problem.retryable = failure.retryable;
        if failure.retryable {
            problem.next = "Nothing took effect; the space says that the same may succeed later.";
        }
    }
    problem
}

/// A space's own words.
fn failure(error: &ApiError) -> Option<&Failure> {
    if let ApiError::Refused(Refusal::Failed(failure)) = error { Some(failure) } else { None }
}

/// A space's own words are whole; ours may quote the client, and then they are bounded.
fn detail(error: &ApiError) -> String {
    match failure(error) {
        Some(failure) => failure.to_string(),
        None => shown::sentence(&error.to_string()),
    }
}

fn kind(error: &ApiError) -> Kind {
    match error {
        ApiError::Refused(refusal) => of_refusal(refusal),
        ApiError::Reload(error) => of_reload(error),
        ApiError::History(error) => of_history(error),
        ApiError::Replay(error) => of_replay(error),
        ApiError::NoSpace(_) => kinds::NO_SPACE,
        ApiError::Unauthorized | ApiError::WrongToken => kinds::UNAUTHORIZED,
        ApiError::TooManyGuesses { .. } => kinds::TOO_MANY_GUESSES,
        ApiError::Foreign { .. } => kinds::FOREIGN,
        ApiError::NoRoute(_) => kinds::NO_ROUTE,
        ApiError::WrongMethod(_) => kinds::WRONG_METHOD,
        ApiError::BadRequest(_) => kinds::BAD_REQUEST,
        ApiError::BadCloudEvent(_) => kinds::BAD_CLOUD_EVENT,
        ApiError::Unsupported(_) => kinds::UNSUPPORTED,
        ApiError::BodyTooLarge { .. } => kinds::TOO_LARGE,
        ApiError::BodyTooSlow { .. } => kinds::TOO_SLOW,
        ApiError::BodiesFull => kinds::BODIES_FULL,
        ApiError::KeyReused => kinds::KEY_REUSED,
        ApiError::KeysFull => kinds::KEYS_FULL,
        ApiError::BackupUnderWay => kinds::BACKUP_UNDER_WAY,
        ApiError::ReplayUnderWay => kinds::REPLAY_UNDER_WAY,
        ApiError::NothingKept => kinds::NOT_KEPT,
        ApiError::Unreadable(_) => kinds::UNREADABLE,
        ApiError::UnknownMessage(_) => kinds::UNKNOWN_MESSAGE,
        ApiError::UnknownWebhook(_) => kinds::UNKNOWN_WEBHOOK,
        ApiError::WebhookInUse(_) => kinds::WEBHOOK_IN_USE,
    }
}

/// What the runtime answers.
fn of_refusal(refusal: &Refusal) -> Kind {
    match refusal {
        Refusal::BadName(_) => kinds::BAD_NAME,
        Refusal::UnknownSpace(_) => kinds::UNKNOWN_SPACE,
        Refusal::UnknownCommand { .. } => kinds::UNKNOWN_COMMAND,
        Refusal::TooLarge { .. } => kinds::TOO_LARGE,
        Refusal::Overloaded(_) => kinds::OVERLOADED,
        Refusal::Unavailable { .. } => kinds::UNAVAILABLE,
        Refusal::Failed(_) => kinds::FAILED,
        Refusal::Broken(_) => kinds::BROKEN_OFF,
        Refusal::TimedOut(_) => kinds::TIMEOUT,
        Refusal::Unknown(_) => kinds::UNKNOWN,
        Refusal::NotStopped { .. } => kinds::NOT_STOPPED,
        Refusal::Starting => kinds::STARTING,
        Refusal::DiskFull => kinds::DISK_FULL,
        Refusal::Stopping => kinds::STOPPING,
    }
}

/// What the reconciler answers to orders.
fn of_reload(error: &ReloadError) -> Kind {
    match error {
        ReloadError::Unknown(_) => kinds::UNKNOWN_SPACE,
        ReloadError::Stopped(_) => kinds::STOPPED,
        ReloadError::NoFormerVersion(_) => kinds::NO_FORMER_VERSION,
        ReloadError::Refused { .. } => kinds::FORMER_REFUSED,
        ReloadError::Runtime { refusal, .. } => of_refusal(refusal),
        ReloadError::Folder(_) => kinds::FOLDER_UNREADABLE,
        ReloadError::Stopping => kinds::STOPPING,
    }
}

/// What reading the past answers.
fn of_history(error: &HistoryError) -> Kind {
    match error {
        HistoryError::NotKept => kinds::NOT_KEPT,
        HistoryError::Gone { .. } => kinds::GONE,
        HistoryError::Unreadable(_) => kinds::UNREADABLE,
    }
}

/// What a replay answers that was not made.
fn of_replay(error: &ReplayError) -> Kind {
    match error {
        ReplayError::Refused(refusal) => of_refusal(refusal),
        ReplayError::Past(error) => of_history(error),
        ReplayError::Changed | ReplayError::Busy(_) => kinds::BUSY,
        ReplayError::Link(_) => kinds::NO_SPACE,
        ReplayError::Panicked => kinds::REPLAY_FAILED,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        let problem = problem(&self);
        let status = problem.status;
        // A problem holds strings and numbers only, so this does not fail; an empty body would still have its status.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        if let Some(incident) = Incident::of_refusal(&self) {
            response.extensions_mut().insert(incident);
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from(wait_s(&self)));
            }
            _ => {}
        }
        if let ApiError::TooManyGuesses { .. } = self {
            // The next guess shall cost a connection.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Whole seconds, rounded up: earlier it would be in vain.
fn wait_s(error: &ApiError) -> u64 {
    match error {
        ApiError::TooManyGuesses { wait } => wait.as_secs() + u64::from(wait.subsec_nanos() > 0),
        _ => 1,
    }
}

fn as_urn<S: serde::Serializer>(kind: &&'static str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}{kind}", kinds::PREFIX))
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::SpaceName;
    use std::time::Duration;

    fn refused(refusal: Refusal) -> (u16, &'static str) {
        let problem = problem(&ApiError::Refused(refusal));
        assert!(!problem.detail.is_empty() && !problem.next.is_empty());
        (problem.status.as_u16(), problem.kind)
    }

    #[test]
    fn each_refusal_has_its_status_and_type() {
        let space = || SpaceName::parse("orders").unwrap();
        let unknown = Refusal::UnknownCommand { space: space(), command: "x".into() };
        assert_eq!(refused(Refusal::UnknownSpace(space())), (404, "unknown-space"));
        assert_eq!(refused(unknown), (404, "unknown-command"));
        assert_eq!(refused(Refusal::BadName(SpaceName::parse("Ä").unwrap_err())), (400, "bad-name"));
        assert_eq!(refused(Refusal::TooLarge { bytes: 2, allowed: 1, limit: "message_bytes" }), (413, "too-large"));
        assert_eq!(refused(Refusal::Overloaded(space())), (429, "overloaded"));
        assert_eq!(refused(Refusal::Unavailable { space: space(), state: "stopped" }), (503, "unavailable"));
        assert_eq!(refused(Refusal::Failed(Failure::last("sold-out", "none left"))), (422, "failed"));
        assert_eq!(refused(Refusal::Broken("trap".into())), (500, "broken-off"));
        assert_eq!(refused(Refusal::TimedOut(Duration::from_secs(5))), (504, "timeout"));
        assert_eq!(refused(Refusal::Unknown(Duration::from_secs(5))), (504, "unknown"));
        assert_eq!(refused(Refusal::NotStopped { space: space(), state: "running" }), (409, "not-stopped"));
        assert_eq!(refused(Refusal::Starting), (503, "starting"));
        assert_eq!(refused(Refusal::DiskFull), (507, "disk-full"));
        assert_eq!(refused(Refusal::Stopping), (503, "stopping"));
    }

    #[test]
    fn a_failure_keeps_the_code_of_the_space() {
        let error = ApiError::Refused(Refusal::Failed(Failure::passing("busy", "come back")));
        let json = serde_json::to_value(problem(&error)).unwrap();
        assert_eq!(json["type"], "urn:spacehost:failed");
        assert_eq!(json["status"], 422);
        assert_eq!(json["code"], "busy");
        assert_eq!(json["retryable"], true);
    }

    #[test]
    fn who_may_come_back_is_told_when() {
        let overloaded = Refusal::Overloaded(SpaceName::parse("orders").unwrap());
        let response = ApiError::Refused(overloaded).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(ApiError::Unauthorized.into_response().headers()[WWW_AUTHENTICATE], "Bearer");
        let guessed = ApiError::TooManyGuesses { wait: Duration::from_millis(1_001) }.into_response();
        assert_eq!(
            (&guessed.headers()[RETRY_AFTER], &guessed.headers()[CONNECTION]),
            (&"2".parse().unwrap(), &"close".parse().unwrap())
        );
    }

    #[test]
    fn what_is_quoted_of_a_client_is_bounded_and_a_space_is_quoted_in_full() {
        let detail = |error| problem(&error).detail;
        assert_eq!(detail(ApiError::BadRequest("a\x1b[2J\0".into())), "a\u{fffd}[2J\u{fffd}");
        assert!(detail(ApiError::BadRequest("x".repeat(100_000))).chars().count() < 2_100);
        let said = "x".repeat(100_000);
        assert!(detail(ApiError::Refused(Refusal::Failed(Failure::last("no", said.clone())))).ends_with(&said));
    }
}
