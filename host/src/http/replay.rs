//! A new version tried on the past of a space: POST /v1/spaces/{space}/replay?last=100, the component as the body.
//!
//! Owns the bound on how many are tried at once: one. Must not know how that goes. Nothing becomes of the component but code in
//! the cache. Fails when it is no space, when the space is not known, or when no past is kept.

use super::detached::detached;
use super::error::ApiError;
use super::{Edge, Shared};
use crate::runtime::Runtime;
use crate::runtime::api::Refusal;
use crate::runtime::replay::{Bounds, Replayed};
use crate::words::{SpaceName, SpaceSettings};
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use bytes::Bytes;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Less than clients wait for an answer, with the compiling before it.
const TIME: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    #[serde(default = "usual_last")]
    last: usize,
}

fn usual_last() -> usize {
    100
}

pub async fn replay(
    State(edge): State<Shared>,
    space: Result<Path<String>, PathRejection>,
    wish: Result<Query<Wish>, QueryRejection>,
    body: Body,
) -> Result<Json<Replayed>, ApiError> {
    let Asked { name, last, settings, place } = ask(&edge, space, wish)?;
    let allowed = usize::try_from(settings.limits.component_bytes).unwrap_or(usize::MAX);
    let component = edge.intake.read_up_to(body, allowed).await?.bytes;
    let runtime = edge.runtime.clone();
    // It goes on when the client leaves, so it keeps its place until it has ended.
    let work = async move {
        let replayed = try_out(runtime, name, component, settings, last).await;
        drop(place);
        replayed
    };
    detached(work).await.map(Json)
}

/// What is to be tried on, apart from the component.
struct Asked {
    name: SpaceName,
    last: usize,
    settings: Arc<SpaceSettings>,
    place: OwnedSemaphorePermit,
}

fn ask(
    edge: &Edge,
    space: Result<Path<String>, PathRejection>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Asked, ApiError> {
    let Path(space) = space?;
    let Query(Wish { last }) = wish?;
    let name = SpaceName::parse(&space)?;
    let settings = edge.runtime.settings(&name).ok_or_else(|| Refusal::UnknownSpace(name.clone()))?;
    let place = edge.replays.clone().try_acquire_owned().map_err(|_| ApiError::ReplayUnderWay)?;
    Ok(Asked { name, last, settings, place })
}

async fn try_out(
    runtime: Runtime,
    name: SpaceName,
    component: Bytes,
    settings: Arc<SpaceSettings>,
    last: usize,
) -> Result<Replayed, ApiError> {
    let (loader, limits) = (runtime.clone(), settings.clone());
    let loading = tokio::task::spawn_blocking(move || loader.load(&component, &limits));
    let loaded = loading.await.map_err(|_| Refusal::Stopping)?;
    let artifact = loaded.map_err(|error| ApiError::NoSpace(error.to_string()))?;
    Ok(runtime.replay(&name, &artifact, &settings, Bounds { messages: last, time: TIME }).await?)
}
