//! The HTTP edge: turns requests into calls of the runtime's handles, and their results into responses.
//!
//! Owns the listener, the table of paths and the state that all handlers share. Must not know wasmtime, files of
//! spaces, or how a message is handled. Every failure becomes a problem document (`problem`), never a closed connection.

mod accept;
pub mod access;
mod backup;
mod body;
mod client_limits;
mod cloud_event;
mod commands;
mod control;
mod dashboard;
mod dead_letters;
mod delivery;
mod detached;
mod error;
mod events;
mod flow;
mod guard;
mod guesses;
mod handles;
mod health;
mod held;
mod history;
mod idempotency;
mod incident;
mod kinds;
mod logs;
mod messages;
mod metrics;
mod names;
mod openapi;
mod patience;
mod problem;
mod problem_pages;
mod purge;
mod replay;
mod safe;
mod seats;
mod shown;
mod spaces;
mod state;
mod traced;
mod turn;
mod webhooks;

pub use idempotency::PLACES as IDEMPOTENCY_KEYS;

use crate::reload::Reloads;
use crate::runtime::Runtime;
use crate::shutdown::Shutdown;
use crate::webhooks::Webhooks;
use crate::words::AllowedNames;
use accept::Door;
use access::Token;
use axum::Router;
use axum::http::{Method, Uri};
use axum::routing::{MethodRouter, get, post};
use body::Intake;
use client_limits::ClientLimits;
use error::ApiError;
use guard::Guard;
use idempotency::Keys;
use incident::Incident;
use names::Names;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// What the API needs of the host.
pub struct AppState {
    pub runtime: Runtime,
    pub reloads: Reloads,
    pub webhooks: Webhooks,
    pub token: Token,
    /// Names besides its own address.
    pub names: AllowedNames,
    pub idempotency_keys: usize,
}

/// What every handler sees.
struct Edge {
    runtime: Runtime,
    reloads: Reloads,
    webhooks: Webhooks,
    keys: Arc<Keys>,
    intake: Arc<Intake>,
    /// Backups under way.
    backups: Arc<Semaphore>,
    /// Replays under way.
    replays: Arc<Semaphore>,
    /// Ends streams, which would otherwise never be finished.
    closing: Shutdown,
}

type Shared = Arc<Edge>;

/// Serves until `shutdown`; then takes no new connections, finishes the requests in hand and ends all streams.
pub async fn serve(listener: TcpListener, state: AppState, shutdown: Shutdown) -> anyhow::Result<()> {
    metrics::begin();
    let limits = ClientLimits::default();
    let guard = Guard::new(state.token, Names::new(listener.local_addr()?, state.names));
    let runtime = state.runtime.clone();
    let tell = Box::new(move |incident: &Incident| runtime.audit().of_client(incident.cause, &incident.figure));
    let keys = Keys::new(state.idempotency_keys);
    keys.remember(state.runtime.answered());
    let edge = Edge {
        runtime: state.runtime,
        reloads: state.reloads,
        webhooks: state.webhooks,
        keys,
        intake: Intake::new(&limits),
        backups: Arc::new(Semaphore::new(1)),
        replays: Arc::new(Semaphore::new(1)),
        closing: shutdown.clone(),
    };
    let runtime = edge.runtime.clone();
    let router = traced::wrap(routes(Arc::new(edge)), &runtime);
    accept::run(listener, Door { guard, router, limits, tell }, shutdown).await;
    Ok(())
}

fn routes(edge: Shared) -> Router {
    let space = |rest: &str| format!("/v1/spaces/{{space}}{rest}");
    Router::new()
        .route(&space("/commands/{command}"), only(post(commands::command)))
        .route("/v1/events/{topic}", only(post(events::publish)))
        .route("/v1/events", only(get(events::listen).post(events::publish_by_type)))
        .route("/v1/messages/{id}", only(get(messages::outcome)))
        .route("/v1/spaces", only(get(spaces::list)))
        .route(&space(""), only(get(spaces::show)))
        .route(&space("/history"), only(get(history::history)))
        .route(&space("/history/{sequence}"), only(get(turn::turn)))
        .route(&space("/logs"), only(get(logs::logs)))
        .route(&space("/dead-letters"), only(get(dead_letters::list)))
        .route(&space("/dead-letters/{id}"), only(get(dead_letters::show).delete(dead_letters::drop)))
        .route(&space("/dead-letters/{id}/retry"), only(post(dead_letters::retry)))
        .route(&space("/reload"), only(post(control::reload)))
        .route(&space("/rollback"), only(post(control::rollback)))
        .route(&space("/stop"), only(post(control::stop)))
        .route(&space("/start"), only(post(control::start)))
        .route(&space("/quarantine"), only(post(control::quarantine)))
        .route(&space("/state"), only(get(state::state)))
        .route(&space("/purge"), only(get(purge::preview).post(purge::purge)))
        .route(&space("/replay"), only(post(replay::replay)))
        .route("/v1/webhooks", only(get(webhooks::list)))
        .route("/v1/webhooks/{webhook}", only(get(webhooks::show).delete(webhooks::forget)))
        .route("/v1/webhooks/{webhook}/test", only(post(webhooks::test)))
        .route("/v1/webhooks/{webhook}/dead-letters", only(get(webhooks::letters).delete(webhooks::drop_all)))
        .route("/v1/webhooks/{webhook}/dead-letters/retry", only(post(webhooks::retry_all)))
        .route("/v1/webhooks/{webhook}/dead-letters/{id}", only(get(webhooks::letter).delete(webhooks::drop)))
        .route("/v1/webhooks/{webhook}/dead-letters/{id}/retry", only(post(webhooks::retry)))
        .route("/v1/flow", only(get(flow::flow)))
        .route("/metrics", only(get(metrics::metrics)))
        .route("/v1/backup", only(get(backup::backup)))
        .route("/openapi.json", only(get(openapi::document)))
        .route("/problems/{name}", only(get(problem_pages::page)))
        .route("/healthz", only(get(health::alive)))
        .route("/readyz", only(get(health::ready)))
        .merge(dashboard::routes())
        .fallback(|uri: Uri| async move { ApiError::NoRoute(shown::word(uri.path())) })
        .with_state(edge)
}

/// Other methods are answered with a problem too, not with an empty 405.
fn only<S: Clone + Send + Sync + 'static>(route: MethodRouter<S>) -> MethodRouter<S> {
    route.fallback(|method: Method, uri: Uri| async move {
        ApiError::WrongMethod(shown::word(&format!("{method} {}", uri.path())))
    })
}
