//! The pages of problem types: GET /problems/{name}, in Markdown. They say nothing of this host, so no token is needed.
//!
//! Must not know what the pages say. Fails when there is no type of that name.

use super::error::ApiError;
use super::kinds::{Kind, PAGES};
use super::shown;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

pub async fn page(name: Result<Path<String>, PathRejection>) -> Result<Response, ApiError> {
    let Path(name) = name?;
    let kind = Kind::find(&name).ok_or_else(|| ApiError::NoRoute(shown::word(&format!("{PAGES}{name}"))))?;
    Ok(([(CONTENT_TYPE, "text/markdown; charset=utf-8")], kind.page).into_response())
}
