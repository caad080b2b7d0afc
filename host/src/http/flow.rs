//! GET /v1/flow: who has sent how much to whom since the host started.
//!
//! Must not know how it is counted. Cannot fail.

use super::Shared;
use crate::runtime::api::Flow;
use axum::Json;
use axum::extract::State;

pub async fn flow(State(edge): State<Shared>) -> Json<Flow> {
    Json(edge.runtime.flow())
}
