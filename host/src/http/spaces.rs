//! The list of spaces: what the runtime serves, joined with what the watcher found in the folder.
//!
//! Owns the joined view; a file that never loaded is in it too, with its reason. Must not know how either came to be.
//! Fails when neither knows the name.

use super::error::ApiError;
use super::{Edge, Shared};
use crate::reload::FileStatus;
use crate::runtime::api::{Latency, Refusal, SpaceState, SpaceStatus, Usage};
use crate::words::{Descriptor, Grants, Limits, SpaceName};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Serialize)]
pub struct Spaces {
    spaces: Vec<SpaceView>,
}

/// One space as clients see it. `state` and `reason` are those of the runtime, or of the file if it never loaded.
#[derive(Serialize)]
pub struct SpaceView {
    name: String,
    state: &'static str,
    reason: String,
    #[serde(flatten)]
    served: Option<ServedView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileStatus>,
}

/// What only a space that is loaded has.
#[derive(Serialize)]
pub struct ServedView {
    version: String,
    generation: u64,
    digest: String,
    path: &'static str,
    imports: Vec<String>,
    descriptor: Arc<Descriptor>,
    grants: Grants,
    limits: Limits,
    usage: Usage,
    used: BTreeMap<&'static str, u64>,
    latency: Latency,
}

pub async fn list(State(edge): State<Shared>) -> Json<Spaces> {
    Json(Spaces { spaces: join(edge.runtime.spaces(), edge.reloads.status()) })
}

pub async fn show(
    State(edge): State<Shared>,
    space: Result<Path<String>, PathRejection>,
) -> Result<Json<SpaceView>, ApiError> {
    let Path(space) = space?;
    view(&edge, SpaceName::parse(&space)?).map(Json)
}

/// One space, as it is now.
pub fn view(edge: &Edge, name: SpaceName) -> Result<SpaceView, ApiError> {
    let file = edge.reloads.status().into_iter().find(|file| file.name == name.as_str());
    let joined = join(edge.runtime.space(&name).into_iter().collect(), file.into_iter().collect());
    joined.into_iter().next().ok_or(ApiError::Refused(Refusal::UnknownSpace(name)))
}

/// Both lists as one, by name.
fn join(served: Vec<SpaceStatus>, files: Vec<FileStatus>) -> Vec<SpaceView> {
    let mut joined: BTreeMap<String, (Option<SpaceStatus>, Option<FileStatus>)> = BTreeMap::new();
    for space in served {
        let name = space.name.to_string();
        joined.entry(name).or_default().0 = Some(space);
    }
    for file in files {
        let name = file.name.clone();
        joined.entry(name).or_default().1 = Some(file);
    }
    joined.into_iter().map(|(name, (served, file))| one(name, served, file)).collect()
}

fn one(name: String, served: Option<SpaceStatus>, file: Option<FileStatus>) -> SpaceView {
    let of_file =
        file.as_ref().map_or(("unknown", ""), |file| (file.verdict.word(), file.verdict.reason().unwrap_or("")));
    let (state, reason) = match &served {
        Some(space) if space.state == SpaceState::Running => (space.state.word(), of_file.1),
        Some(space) => (space.state.word(), space.reason.as_str()),
        None => of_file,
    };
    let reason = reason.to_owned();
    SpaceView { name, state, reason, served: served.map(ServedView::from), file }
}

impl From<SpaceStatus> for ServedView {
    fn from(status: SpaceStatus) -> Self {
        let SpaceStatus { version, generation, digest, path, imports, descriptor, grants, limits, .. } = status;
        let SpaceStatus { usage, used, latency, .. } = status;
        ServedView { version, generation, digest, path, imports, descriptor, grants, limits, usage, used, latency }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reload::Verdict;

    fn served(name: &str, state: SpaceState) -> SpaceStatus {
        SpaceStatus {
            name: SpaceName::parse(name).unwrap(),
            state,
            reason: String::new(),
            version: "1".into(),
            generation: 1,
            digest: "d".into(),
            path: "sync",
            imports: Vec::new(),
            descriptor: Arc::new(Descriptor::parse(r#"{"descriptor":1,"version":"1"}"#).unwrap()),
            grants: Grants::default(),
            limits: Limits::default(),
            usage: Usage::default(),
            used: BTreeMap::new(),
            latency: Latency::default(),
        }
    }

    fn file(name: &str, verdict: Verdict) -> FileStatus {
        let (name, file) = (name.to_owned(), format!("{name}.wasm"));
        FileStatus { name, file, digest: None, verdict, since_ms: 0, last_reload: None }
    }

    #[test]
    fn a_file_that_never_loaded_is_listed_with_its_reason() {
        let rejected = Verdict::Rejected { reason: "no component".into() };
        let spaces = join(vec![served("b", SpaceState::Running)], vec![file("a", rejected)]);
        let json = serde_json::to_value(&spaces).unwrap();
        assert_eq!((&json[0]["name"], &json[0]["state"]), (&"a".into(), &"rejected".into()));
        assert_eq!(json[0]["reason"], "no component");
        assert_eq!((&json[1]["state"], &json[1]["version"]), (&"running".into(), &"1".into()));
    }

    #[test]
    fn a_running_space_shows_why_its_newer_file_does_not_serve() {
        let rejected = Verdict::Rejected { reason: "trap in start".into() };
        let spaces = join(vec![served("a", SpaceState::Running)], vec![file("a", rejected)]);
        let json = serde_json::to_value(&spaces).unwrap();
        assert_eq!((&json[0]["state"], &json[0]["reason"]), (&"running".into(), &"trap in start".into()));
        assert_eq!(json[0]["file"]["verdict"], "rejected");
    }
}
