//! Whether the host is alive, and whether it has looked at its folder once.
//!
//! Must not know why not. Cannot fail.

use super::Shared;
use axum::extract::State;
use axum::http::StatusCode;

pub async fn alive() -> &'static str {
    "alive\n"
}

pub async fn ready(State(edge): State<Shared>) -> (StatusCode, &'static str) {
    if edge.reloads.first_scan_done() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the first scan of the folder is not finished\n")
    }
}
