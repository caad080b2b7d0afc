//! Orders of the operator: reload, rollback, stop, start, quarantine.
//!
//! Must not know how versions are kept or swapped. Fails as the reconciler refuses.

use super::Shared;
use super::error::ApiError;
use super::spaces::{SpaceView, view};
use crate::reload::FileStatus;
use crate::runtime::api::Deployed;
use crate::words::SpaceName;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::Deserialize;

type Name = Result<Path<String>, PathRejection>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Try again what was rejected or rolled back.
    #[serde(default)]
    force: bool,
}

pub async fn reload(
    State(edge): State<Shared>,
    name: Name,
    options: Result<Query<Options>, QueryRejection>,
) -> Result<Json<FileStatus>, ApiError> {
    let (name, Query(Options { force })) = (parse(name)?, options?);
    let file = edge.reloads.reload(&name, force).await?;
    // What is remembered of it must outlive a crash before anyone is told.
    edge.runtime.settled().await;
    Ok(Json(file))
}

pub async fn rollback(State(edge): State<Shared>, name: Name) -> Result<Json<Deployed>, ApiError> {
    let deployed = edge.reloads.rollback(&parse(name)?).await?;
    edge.runtime.settled().await;
    Ok(Json(deployed))
}

pub async fn stop(State(edge): State<Shared>, name: Name) -> Result<Json<SpaceView>, ApiError> {
    let name = parse(name)?;
    edge.reloads.stop(&name).await?;
    view(&edge, name).map(Json)
}

pub async fn start(State(edge): State<Shared>, name: Name) -> Result<Json<SpaceView>, ApiError> {
    let name = parse(name)?;
    edge.reloads.start(&name).await?;
    view(&edge, name).map(Json)
}

pub async fn quarantine(State(edge): State<Shared>, name: Name) -> Result<Json<SpaceView>, ApiError> {
    let name = parse(name)?;
    edge.reloads.quarantine(&name).await?;
    view(&edge, name).map(Json)
}

fn parse(name: Name) -> Result<SpaceName, ApiError> {
    let Path(name) = name?;
    Ok(SpaceName::parse(&name)?)
}
