//! The types of problems that clients see: one table, from which answers, the OpenAPI document and the pages derive.
//!
//! Owns name, status, title and advice of each, and its page in `docs/problems`, which is also served. Must not know which
//! errors there are; that is in `problem`. A type without a page does not compile. Cannot fail.

use axum::http::StatusCode;

/// Type names begin with this, so that they are URIs that stay when the host's address changes.
pub const PREFIX: &str = "urn:spacehost:";
/// Where pages are served.
pub const PAGES: &str = "/problems/";

/// One type of problem.
#[derive(Debug)]
pub struct Kind {
    /// Stable: programs branch on it.
    pub name: &'static str,
    pub status: StatusCode,
    pub title: &'static str,
    /// What to do, unless an error knows better.
    pub next: &'static str,
    pub retry: Retry,
    /// For people, in Markdown.
    pub page: &'static str,
}

/// Whether the same request may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    Never,
    Later,
    AsTheSpaceSays,
}

impl Kind {
    /// The type of that name.
    pub fn find(name: &str) -> Option<&'static Kind> {
        ALL.iter().find(|kind| kind.name == name)
    }
}

macro_rules! kinds {
    ($($constant:ident = $status:ident $name:literal $retry:ident, $title:literal, $next:literal;)*) => {
        $(pub const $constant: Kind = Kind {
            name: $name,
            status: StatusCode::$status,
            title: $title,
            next: $next,
            retry: Retry::$retry,
            page: include_str!(concat!("../../../docs/problems/", $name, ".md")),
        };)*

        pub const ALL: &[Kind] = &[$($constant),*];
    };
}

kinds! {
    BAD_NAME = BAD_REQUEST "bad-name" Never,
        "Not a valid name",
        "Correct the name in the path.";
    BAD_REQUEST = BAD_REQUEST "bad-request" Never,
        "The request is malformed",
        "Correct it as the detail says.";
    BAD_CLOUD_EVENT = BAD_REQUEST "bad-cloud-event" Never,
        "Not a valid CloudEvent",
        "Send CloudEvents 1.0: `specversion` is `1.0`, and `id`, `source` and `type` are not empty; the detail names what is wrong.";
    UNAUTHORIZED = UNAUTHORIZED "unauthorized" Never,
        "A token is needed",
        "Send `Authorization: Bearer <token>`; the token is in the file `token` of the host's data folder.";
    FOREIGN = FORBIDDEN "foreign" Never,
        "The request comes from elsewhere",
        "Use the address that the host printed when it started, or list the other one under `hosts` or `origins` in spacehost.toml.";
    UNKNOWN_SPACE = NOT_FOUND "unknown-space" Never,
        "No such space",
        "`spacehost ps` lists the spaces, and says why a file was not loaded.";
    UNKNOWN_COMMAND = NOT_FOUND "unknown-command" Never,
        "No such command",
        "`spacehost inspect <space>` lists its commands.";
    UNKNOWN_MESSAGE = NOT_FOUND "unknown-message" Never,
        "No such message",
        "It was never accepted here, or its outcome has expired.";
    UNKNOWN_WEBHOOK = NOT_FOUND "unknown-webhook" Never,
        "No such webhook",
        "`spacehost webhooks` lists them; they are named in [webhooks.<name>] of spacehost.toml.";
    NO_ROUTE = NOT_FOUND "no-route" Never,
        "Nothing is at this path",
        "GET /openapi.json lists the paths; see also the README.";
    WRONG_METHOD = METHOD_NOT_ALLOWED "wrong-method" Never,
        "Not with this method",
        "GET reads, POST does; the header Allow lists what this path takes.";
    TOO_SLOW = REQUEST_TIMEOUT "too-slow" Later,
        "The body did not arrive",
        "Send the whole body at once.";
    STOPPED = CONFLICT "stopped" Never,
        "The space is stopped",
        "Start it with `spacehost start`, then repeat the order.";
    NOT_STOPPED = CONFLICT "not-stopped" Never,
        "The space is not stopped",
        "Nothing was changed: stop it with `spacehost stop`, or remove its file, then repeat the request.";
    WEBHOOK_IN_USE = CONFLICT "webhook-in-use" Never,
        "The webhook is in the settings",
        "Nothing was changed: take its section out of spacehost.toml, then repeat the request.";
    NO_FORMER_VERSION = CONFLICT "no-former-version" Never,
        "Nothing to go back to",
        "Put the file that shall serve into the folder.";
    FORMER_REFUSED = CONFLICT "former-refused" Never,
        "The former version does not serve",
        "The present version goes on; see the detail.";
    BACKUP_UNDER_WAY = CONFLICT "backup-under-way" Later,
        "One backup at a time",
        "Wait until the other one has ended, then repeat the request.";
    REPLAY_UNDER_WAY = CONFLICT "replay-under-way" Later,
        "One replay at a time",
        "Wait until the other one has ended, then repeat the request.";
    BUSY = CONFLICT "busy" Later,
        "The space was busy",
        "Nothing was changed: repeat the request.";
    NOT_KEPT = CONFLICT "not-kept" Never,
        "Nothing is kept on disk",
        "Start the host without --memory; if it does, its log says what is wrong with the tables.";
    GONE = GONE "gone" Never,
        "It is no longer kept",
        "Ask for less of it; older turns are kept for so long only.";
    TOO_LARGE = PAYLOAD_TOO_LARGE "too-large" Never,
        "It is too large",
        "Send less, or let the operator raise the limit named here.";
    UNSUPPORTED = UNSUPPORTED_MEDIA_TYPE "unsupported" Never,
        "This form is not taken in",
        "Send one CloudEvent per request: structured as application/cloudevents+json, or binary.";
    FAILED = UNPROCESSABLE_ENTITY "failed" AsTheSpaceSays,
        "The space refused",
        "Nothing took effect; correct the request as the detail says.";
    NO_SPACE = UNPROCESSABLE_ENTITY "no-space" Never,
        "The component is no space",
        "`spacehost inspect <file.wasm>` says what a file is; `spacehost build` makes one that fits.";
    KEY_REUSED = UNPROCESSABLE_ENTITY "key-reused" Never,
        "The Idempotency-Key is taken",
        "Use a new key for a new message; repeat the same body to get the first answer again.";
    TOO_MANY_GUESSES = TOO_MANY_REQUESTS "too-many-guesses" Never,
        "Too many wrong tokens",
        "Read the token from the file `token` of the host's data folder: the right one is always taken.";
    OVERLOADED = TOO_MANY_REQUESTS "overloaded" Later,
        "The mailbox is full",
        "Nothing took effect: repeat the request after the time in Retry-After.";
    BROKEN_OFF = INTERNAL_SERVER_ERROR "broken-off" Never,
        "The space broke off the turn",
        "Nothing of it took effect; `spacehost logs <space>` shows why.";
    UNREADABLE = INTERNAL_SERVER_ERROR "unreadable" Never,
        "The data folder does not read",
        "See the host's log; restore the data folder from an earlier backup.";
    REPLAY_FAILED = INTERNAL_SERVER_ERROR "replay-failed" Never,
        "The replay failed",
        "Nothing was changed: see the host's log.";
    UNAVAILABLE = SERVICE_UNAVAILABLE "unavailable" Later,
        "The space is not served now",
        "`spacehost ps` says why; repeat the request when it runs again.";
    STARTING = SERVICE_UNAVAILABLE "starting" Later,
        "The host is starting",
        "Nothing took effect: repeat the request in a moment; GET /readyz says when all spaces are loaded.";
    STOPPING = SERVICE_UNAVAILABLE "stopping" Later,
        "The host is shutting down",
        "Repeat the request when the host is back.";
    FOLDER_UNREADABLE = SERVICE_UNAVAILABLE "folder-unreadable" Later,
        "The folder is not readable",
        "Look at the folder of spaces on the host; what runs goes on.";
    BODIES_FULL = SERVICE_UNAVAILABLE "bodies-full" Later,
        "Too many large bodies at once",
        "Nothing took effect: repeat the request after the time in Retry-After.";
    TIMEOUT = GATEWAY_TIMEOUT "timeout" Later,
        "Not done in time",
        "Nothing took effect: repeat the request, or give the space a larger `wall_per_turn_ms`.";
    UNKNOWN = GATEWAY_TIMEOUT "unknown" Never,
        "No answer in time",
        "It may still take effect: repeat it with the same Idempotency-Key, which gives the outcome and never a second effect.";
    KEYS_FULL = INSUFFICIENT_STORAGE "keys-full" Later,
        "No room for more Idempotency-Keys",
        "Nothing took effect. Keys are kept for 24 hours: wait, or send without one.";
    DISK_FULL = INSUFFICIENT_STORAGE "disk-full" Later,
        "The disk is full",
        "Nothing took effect: make room on the disk of the data folder; the host goes on by itself.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// What a page says in its first lines, so that it cannot differ from what is answered.
    fn head(kind: &Kind) -> String {
        let retry = match kind.retry {
            Retry::Never => "no",
            Retry::Later => "yes",
            Retry::AsTheSpaceSays => "as the space says",
        };
        let Kind { name, status, title, .. } = kind;
        let status = status.as_u16();
        format!(
            "# {title}\n\n| | |\n|---|---|\n| type | `{PREFIX}{name}` |\n| status | {status} |\n| retryable | {retry} |\n\n"
        )
    }

    #[test]
    fn every_type_has_a_page_that_says_what_is_answered_when_and_what_to_do() {
        for kind in ALL {
            let rest = kind.page.strip_prefix(&head(kind)).unwrap_or_else(|| panic!("{}: {}", kind.name, kind.page));
            assert!(rest.contains("**When.** ") && rest.contains("**What to do.** "), "{}", kind.name);
        }
    }

    #[test]
    fn no_page_is_of_a_type_that_is_gone() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/problems");
        let pages = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let named: BTreeSet<_> = ALL.iter().map(|kind| format!("{}.md", kind.name)).collect();
        assert_eq!(pages.collect::<BTreeSet<_>>(), named);
    }

    #[test]
    fn the_readme_lists_each_type() {
        let readme = include_str!("../../../README.md");
        for kind in ALL {
            let row = |line: &str| line.starts_with(&format!("| {} |", kind.status.as_u16()));
            let listed = readme.lines().any(|line| row(line) && line.contains(&format!("`{}`", kind.name)));
            assert!(listed, "{} {}", kind.status.as_u16(), kind.name);
        }
    }
}
