//! Errors as clients see them: RFC 9457 problem documents.
//!
//! Owns the one table from an error to status, stable type, title and advice. Must not know where an error came from or
//! how a request looked. Cannot fail.

use super::error::ApiError;
use super::incident::Incident;
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

/// Type names begin with this, so that they are URIs without a place where anything would have to be served.
const TYPE_PREFIX: &str = "urn:spacehost:";

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

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, next: &'static str) -> Self {
        let detail = String::new();
        Problem { kind, status, title, detail, next, code: None, retryable: false }
    }

    fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

/// The one function that says how an error looks from outside.
pub fn problem(error: &ApiError) -> Problem {
    let mut problem = match error {
        ApiError::Refused(refusal) => of_refusal(refusal),
        ApiError::Reload(error) => of_reload(error),
        ApiError::History(error) => of_history(error),
        ApiError::Replay(error) => of_replay(error),
        ApiError::NoSpace(_) => no_space(),
        ApiError::BackupUnderWay => under_way("backup-under-way", "One backup at a time"),
        ApiError::ReplayUnderWay => under_way("replay-under-way", "One replay at a time"),
        _ => of_request(error),
    };
    problem.detail = detail(error);
    problem
}

/// A space's own words are whole; ours may quote the client, and then they are bounded.
fn detail(error: &ApiError) -> String {
    match error {
        ApiError::Refused(Refusal::Failed(failure)) => failure.to_string(),
        error => shown::sentence(&error.to_string()),
    }
}

/// What reading the past answers.
fn of_history(error: &HistoryError) -> Problem {
    use StatusCode as S;
    match error {
        HistoryError::NotKept => {
            let next = "Start the host without --memory to keep a past.";
            Problem::new(S::CONFLICT, "not-kept", "There is no past", next)
        }
        HistoryError::Gone { .. } => {
            let next = "Ask for less of it; older turns are kept for so long only.";
            Problem::new(S::GONE, "gone", "It is no longer kept", next)
        }
        HistoryError::Unreadable(_) => {
            let next = "See the host's log; restore the data folder from a backup.";
            Problem::new(S::INTERNAL_SERVER_ERROR, "unreadable", "The past does not read", next)
        }
    }
}

/// What a replay answers that was not made.
fn of_replay(error: &ReplayError) -> Problem {
    match error {
        ReplayError::Refused(refusal) => of_refusal(refusal),
        ReplayError::Past(error) => of_history(error),
        ReplayError::Changed | ReplayError::Busy(_) => {
            let next = "Nothing was changed: repeat the request.";
            Problem::new(StatusCode::CONFLICT, "busy", "The space was busy", next).retryable()
        }
        ReplayError::Link(_) => no_space(),
        ReplayError::Panicked => {
            let next = "Nothing was changed: see the host's log.";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "replay-failed", "The replay failed", next)
        }
    }
}

fn no_space() -> Problem {
    let next = "`spacehost inspect <file.wasm>` says what a file is; `spacehost build` makes one that fits.";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no-space", "The component is no space", next)
}

fn under_way(kind: &'static str, title: &'static str) -> Problem {
    let next = "Wait until the other one has ended, then repeat the request.";
    Problem::new(StatusCode::CONFLICT, kind, title, next).retryable()
}

/// What the runtime answers.
fn of_refusal(refusal: &Refusal) -> Problem {
    use StatusCode as S;
    let new = Problem::new;
    match refusal {
        Refusal::BadName(_) => new(S::BAD_REQUEST, "bad-name", "Not a valid name", "Correct the name in the path."),
        Refusal::UnknownSpace(_) => new(
            S::NOT_FOUND,
            "unknown-space",
            "No such space",
            "`spacehost ps` lists the spaces, and says why a file was not loaded.",
        ),
        Refusal::UnknownCommand { .. } => {
            new(S::NOT_FOUND, "unknown-command", "No such command", "`spacehost inspect <space>` lists its commands.")
        }
        Refusal::TooLarge { .. } => new(
            S::PAYLOAD_TOO_LARGE,
            "too-large",
            "The message is too large",
            "Send less, or let the operator raise the limit named here.",
        ),
        Refusal::Overloaded(_) => new(
            S::TOO_MANY_REQUESTS,
            "overloaded",
            "The mailbox is full",
            "Nothing took effect: repeat the request after the time in Retry-After.",
        )
        .retryable(),
        Refusal::Unavailable { .. } => new(
            S::SERVICE_UNAVAILABLE,
            "unavailable",
            "The space is not served now",
            "`spacehost ps` says why; repeat the request when it runs again.",
        )
        .retryable(),
        Refusal::Failed(failure) => of_failure(failure),
        Refusal::Broken(_) => new(
            S::INTERNAL_SERVER_ERROR,
            "broken-off",
            "The space broke off the turn",
            "Nothing of it took effect; `spacehost logs <space>` shows why.",
        ),
        Refusal::TimedOut(_) => new(
            S::GATEWAY_TIMEOUT,
            "timeout",
            "Not done in time",
            "Nothing took effect: repeat the request, or give the space a larger `wall_per_turn_ms`.",
        )
        .retryable(),
        Refusal::Unknown(_) => new(
            S::GATEWAY_TIMEOUT,
            "unknown",
            "No answer in time",
            "It may still take effect: repeat it with the same Idempotency-Key, which gives the outcome and never a second effect.",
        ),
        Refusal::NotStopped { .. } => new(
            S::CONFLICT,
            "not-stopped",
            "The space is not stopped",
            "Nothing was changed: stop it with `spacehost stop`, or remove its file, then repeat the request.",
        ),
        Refusal::Starting => new(
            S::SERVICE_UNAVAILABLE,
            "starting",
            "The host is starting",
            "Nothing took effect: repeat the request in a moment; GET /readyz says when all spaces are loaded.",
        )
        .retryable(),
        Refusal::DiskFull => new(
            S::INSUFFICIENT_STORAGE,
            "disk-full",
            "The disk is full",
            "Nothing took effect: make room on the disk of the data folder; the host goes on by itself.",
        )
        .retryable(),
        Refusal::Stopping => stopping(),
    }
}

fn of_failure(failure: &Failure) -> Problem {
    let next = if failure.retryable {
        "Nothing took effect; the space says that the same may succeed later."
    } else {
        "Nothing took effect; correct the request as the detail says."
    };
    let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "failed", "The space refused", next);
    problem.code = Some(failure.code.to_string());
    problem.retryable = failure.retryable;
    problem
}

fn stopping() -> Problem {
    let next = "Repeat the request when the host is back.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "The host is shutting down", next).retryable()
}

/// What the reconciler answers to orders.
fn of_reload(error: &ReloadError) -> Problem {
    let conflict = |kind, title, next| Problem::new(StatusCode::CONFLICT, kind, title, next);
    match error {
        ReloadError::Unknown(name) => of_refusal(&Refusal::UnknownSpace(name.clone())),
        ReloadError::Stopped(_) => {
            conflict("stopped", "The space is stopped", "Start it with `spacehost start`, then repeat the order.")
        }
        ReloadError::NoFormerVersion(_) => {
            conflict("no-former-version", "Nothing to go back to", "Put the file that shall serve into the folder.")
        }
        ReloadError::Refused { .. } => conflict(
            "former-refused",
            "The former version does not serve",
            "The present version goes on; see the detail.",
        ),
        ReloadError::Runtime { refusal, .. } => of_refusal(refusal),
        ReloadError::Folder(_) => {
            let next = "Look at the folder of spaces on the host; what runs goes on.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "folder-unreadable", "The folder is not readable", next)
                .retryable()
        }
        ReloadError::Stopping => stopping(),
    }
}

/// What is wrong with the request itself, before a space is asked.
fn of_request(error: &ApiError) -> Problem {
    use StatusCode as S;
    let new = Problem::new;
    match error {
        ApiError::Unauthorized | ApiError::WrongToken => new(
            S::UNAUTHORIZED,
            "unauthorized",
            "A token is needed",
            "Send `Authorization: Bearer <token>`; the token is in the file `token` of the host's data folder.",
        ),
        ApiError::TooManyGuesses { .. } => new(
            S::TOO_MANY_REQUESTS,
            "too-many-guesses",
            "Too many wrong tokens",
            "Read the token from the file `token` of the host's data folder: the right one is always taken.",
        ),
        ApiError::Foreign { .. } => new(
            S::FORBIDDEN,
            "foreign",
            "The request comes from elsewhere",
            "Use the address that the host printed when it started, or list the other one under `hosts` or `origins` in spacehost.toml.",
        ),
        ApiError::NoRoute(_) => {
            new(S::NOT_FOUND, "no-route", "Nothing is at this path", "Paths begin with /v1/; see the README.")
        }
        ApiError::WrongMethod(_) => new(
            S::METHOD_NOT_ALLOWED,
            "wrong-method",
            "Not with this method",
            "GET reads, POST does; the header Allow lists what this path takes.",
        ),
        ApiError::BadRequest(_) => {
            new(S::BAD_REQUEST, "bad-request", "The request is malformed", "Correct it as the detail says.")
        }
        ApiError::CloudEvents => new(
            S::UNSUPPORTED_MEDIA_TYPE,
            "unsupported",
            "This form is not taken in yet",
            "Send the bare payload; the topic in the path is the event's type.",
        ),
        ApiError::BodyTooLarge { .. } => {
            let next = "Send less, or raise the limit: `message_bytes`, for components `component_bytes`.";
            new(S::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", next)
        }
        ApiError::BodyTooSlow { .. } => {
            new(S::REQUEST_TIMEOUT, "too-slow", "The body did not arrive", "Send the whole body at once.").retryable()
        }
        ApiError::BodiesFull => new(
            S::SERVICE_UNAVAILABLE,
            "bodies-full",
            "Too many large bodies at once",
            "Nothing took effect: repeat the request after the time in Retry-After.",
        )
        .retryable(),
        ApiError::KeyReused => new(
            S::UNPROCESSABLE_ENTITY,
            "key-reused",
            "The Idempotency-Key is taken",
            "Use a new key for a new message; repeat the same body to get the first answer again.",
        ),
        ApiError::KeysFull => new(
            S::INSUFFICIENT_STORAGE,
            "keys-full",
            "No room for more Idempotency-Keys",
            "Nothing took effect. Keys are kept for 24 hours: wait, or send without one.",
        )
        .retryable(),
        ApiError::NothingKept => new(
            S::CONFLICT,
            "not-kept",
            "Nothing is kept on disk",
            "Start the host without --memory; if it does, its log says what is wrong with the tables.",
        ),
        ApiError::Unreadable(_) => new(
            S::INTERNAL_SERVER_ERROR,
            "unreadable",
            "The tables do not read",
            "See the host's log; restore the data folder from an earlier backup.",
        ),
        ApiError::UnknownMessage(_) => new(
            S::NOT_FOUND,
            "unknown-message",
            "No such message",
            "It was never accepted here, or its outcome has expired.",
        ),
        ApiError::Refused(_) | ApiError::Reload(_) | ApiError::History(_) | ApiError::Replay(_) => stopping(),
        ApiError::NoSpace(_) | ApiError::BackupUnderWay | ApiError::ReplayUnderWay => stopping(),
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
    serializer.collect_str(&format_args!("{TYPE_PREFIX}{kind}"))
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
