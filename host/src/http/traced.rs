//! The span of a request: the one that a client's trace goes on in, or that a new trace begins with.
//!
//! Must not know what a path does. Only the paths of the API have spans, by the route and not by what stands in it, so that
//! their names are few. Cannot fail: a `traceparent` that is none is ignored.

use crate::runtime::Runtime;
use crate::runtime::traces::{FinishedSpan, SpanKind};
use crate::words::trace::TRACEPARENT;
use crate::words::{Failure, TraceContext};
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

const TRACESTATE: &str = "tracestate";

/// Where nothing is traced, requests pay nothing.
pub fn wrap(routes: Router, runtime: &Runtime) -> Router {
    match runtime.traces().are_on() {
        true => routes.route_layer(from_fn_with_state(runtime.clone(), traced)),
        false => routes,
    }
}

/// A stream's span ends when the stream begins.
async fn traced(State(runtime): State<Runtime>, mut request: Request, next: Next) -> Response {
    let Some(mut span) = RequestSpan::begin(runtime, &mut request) else { return next.run(request).await };
    let response = next.run(request).await;
    span.status = Some(response.status());
    response
}

/// Ends when it is dropped: also when the client leaves, because what it asked for goes on in the same trace.
struct RequestSpan {
    runtime: Runtime,
    context: TraceContext,
    parent: Option<u64>,
    method: Method,
    route: Arc<str>,
    path: Arc<str>,
    time: SystemTime,
    begun: Instant,
    status: Option<StatusCode>,
}

impl RequestSpan {
    /// What follows from the request has it as its parent.
    fn begin(runtime: Runtime, request: &mut Request) -> Option<Self> {
        let route: Arc<str> = request.extensions().get::<MatchedPath>()?.as_str().into();
        if !route.starts_with("/v1/") {
            return None;
        }
        let parent = given(request.headers());
        let context = match parent {
            Some(parent) => runtime.traces().within(parent)?,
            None => runtime.traces().begin()?,
        };
        if parent.is_none() {
            // It belongs to the trace that the client has failed to name.
            request.headers_mut().remove(TRACESTATE);
        }
        let value = HeaderValue::try_from(context.to_string()).ok()?;
        request.headers_mut().insert(TRACEPARENT, value);
        Some(RequestSpan {
            context,
            parent: parent.map(|parent| parent.span),
            method: request.method().clone(),
            route,
            path: request.uri().path().into(),
            time: SystemTime::now(),
            begun: Instant::now(),
            status: None,
            runtime,
        })
    }
}

/// The standard wants two of them to be none.
fn given(headers: &HeaderMap) -> Option<TraceContext> {
    let mut all = headers.get_all(TRACEPARENT).into_iter();
    let (first, second) = (all.next()?, all.next());
    second.is_none().then(|| TraceContext::parse(first.to_str().ok()?))?
}

impl Drop for RequestSpan {
    fn drop(&mut self) {
        let mut attributes = vec![
            ("http.request.method", self.method.as_str().into()),
            ("http.route", self.route.clone().into()),
            ("url.path", self.path.clone().into()),
        ];
        if let Some(status) = self.status {
            attributes.push(("http.response.status_code", u64::from(status.as_u16()).into()));
        }
        self.runtime.traces().ended(FinishedSpan {
            context: self.context,
            parent: self.parent,
            parent_is_remote: true,
            name: format!("{} {}", self.method, self.route),
            kind: SpanKind::Server,
            begun: self.time,
            ended: self.time + self.begun.elapsed(),
            attributes,
            lines: Vec::new(),
            lines_dropped: 0,
            failure: failure(self.status),
        });
    }
}

/// What a client has done wrong is no failure of the server.
fn failure(status: Option<StatusCode>) -> Option<Failure> {
    match status {
        None => Some(Failure::passing("client-gone", "the client left before there was an answer")),
        Some(status) if status.is_server_error() => {
            let message = status.canonical_reason().unwrap_or_default().to_owned();
            Some(Failure { code: status.as_str().to_owned().into(), message, retryable: true })
        }
        Some(_) => None,
    }
}
