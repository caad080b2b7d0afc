//! The past of a space: GET /v1/spaces/{space}/history?last=100, its turns or, with `reloads=true`, its reloads.
//!
//! Must not know the journal. Fails when the host keeps no past, or it does not read.

use super::Shared;
use super::error::ApiError;
use crate::runtime::api::{Refusal, ReloadNote, TurnView};
use crate::words::SpaceName;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};

/// Turns in one answer, at most.
const MOST: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    #[serde(default = "usual_last")]
    last: usize,
    /// The reloads, not the turns.
    #[serde(default)]
    reloads: bool,
}

fn usual_last() -> usize {
    100
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum History {
    Turns(Vec<TurnView>),
    Reloads(Vec<ReloadNote>),
}

pub async fn history(
    State(edge): State<Shared>,
    space: Result<Path<String>, PathRejection>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Json<History>, ApiError> {
    let Path(space) = space?;
    let Query(Wish { last, reloads }) = wish?;
    let name = SpaceName::parse(&space)?;
    if edge.runtime.space(&name).is_none() {
        return Err(Refusal::UnknownSpace(name).into());
    }
    let runtime = edge.runtime.clone();
    // Reading takes files, which the threads of requests must not wait for.
    let read = tokio::task::spawn_blocking(move || match reloads {
        true => runtime.reloads(&name, last.min(MOST)).map(History::Reloads),
        false => runtime.history(&name, last.min(MOST)).map(History::Turns),
    });
    let history = read.await.map_err(|_| Refusal::Stopping)??;
    Ok(Json(history))
}
