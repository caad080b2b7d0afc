//! Forgetting a space for good: GET /v1/spaces/{space}/purge says what there is, POST does it.
//!
//! Owns the confirmation: the body must repeat the space's name, so that no slip of a path deletes anything. Must not know
//! how it is done. Fails when the space runs or is unknown.

use super::error::ApiError;
use super::{Shared, body};
use crate::runtime::api::Holdings;
use crate::words::SpaceName;
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    confirm: String,
}

#[derive(Serialize)]
pub struct View {
    space: SpaceName,
    #[serde(flatten)]
    holdings: Holdings,
}

/// What a purge would take.
pub async fn preview(
    State(edge): State<Shared>,
    space: Result<Path<String>, PathRejection>,
) -> Result<Json<View>, ApiError> {
    let Path(space) = space?;
    let space = SpaceName::parse(&space)?;
    let holdings = edge.runtime.holdings(&space)?;
    edge.runtime.settled().await;
    Ok(Json(View { space, holdings }))
}

/// What it has taken.
pub async fn purge(
    State(edge): State<Shared>,
    space: Result<Path<String>, PathRejection>,
    request: Body,
) -> Result<Json<View>, ApiError> {
    let Path(space) = space?;
    let space = SpaceName::parse(&space)?;
    let body = body::read(&edge, request).await?.bytes;
    confirm(&space, &body)?;
    let holdings = edge.reloads.purge(&space).await?;
    Ok(Json(View { space, holdings }))
}

fn confirm(space: &SpaceName, body: &[u8]) -> Result<(), ApiError> {
    let confirmed = serde_json::from_slice::<Confirmation>(body).is_ok_and(|given| given.confirm == space.as_str());
    let wanted = || format!("a purge cannot be undone; to confirm it, send the body {{\"confirm\":\"{space}\"}}");
    if confirmed { Ok(()) } else { Err(ApiError::BadRequest(wanted())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_that_space_confirms() {
        let space = SpaceName::parse("orders").unwrap();
        let confirms = |body: &str| confirm(&space, body.as_bytes()).is_ok();
        assert!(confirms(r#"{"confirm":"orders"}"#));
        for other in ["", "{}", "orders", r#"{"confirm":"cart"}"#, r#"{"confirm":"orders","force":true}"#] {
            assert!(!confirms(other), "{other}");
        }
    }
}
