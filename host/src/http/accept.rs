//! Accepts connections and serves each on a task of its own.
//!
//! Owns the number of connections, their time-outs and their end at shutdown. Must not know what is asked for. A
//! connection that fails ends alone; when the process has no file handles left, accepting pauses and goes on.

use super::guard::Guard;
use crate::shutdown::Shutdown;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

/// Connections at one time; more wait in the listener's queue.
const CONNECTIONS: u32 = 2_048;
/// How long a connection may be idle, or take to send the head of a request.
const IDLE: Duration = Duration::from_secs(75);
/// How long requests in hand may take at shutdown.
const GRACE: Duration = Duration::from_secs(10);
const NO_HANDLES_PAUSE: Duration = Duration::from_millis(100);

/// Checks and routes.
pub struct Door {
    pub guard: Guard,
    pub router: Router,
}

/// The number of the connection that a request came on, for order among its messages.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionNumber(pub u64);

pub async fn run(listener: TcpListener, door: Door, mut shutdown: Shutdown) {
    let door = Arc::new(door);
    let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
    let closing = shutdown.clone();
    tokio::select! {
        () = accept_all(&listener, &door, &places, &closing) => {}
        () = shutdown.wait() => {}
    }
    drop(listener);
    let finished = places.acquire_many(CONNECTIONS);
    if tokio::time::timeout(GRACE, finished).await.is_err() {
        tracing::warn!("some requests were not finished after {} s and are cut off", GRACE.as_secs());
    }
}

async fn accept_all(listener: &TcpListener, door: &Arc<Door>, places: &Arc<Semaphore>, closing: &Shutdown) {
    for number in 1.. {
        // The semaphore is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let stream = accept(listener).await;
        tokio::spawn(serve(stream, number, door.clone(), closing.clone(), place));
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!("could not accept a connection: {error}");
                tokio::time::sleep(NO_HANDLES_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, number: u64, door: Arc<Door>, mut closing: Shutdown, _place: OwnedSemaphorePermit) {
    // Replies are small and complete: waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let door = door.clone();
        async move { Ok::<_, Infallible>(door.answer(request, ConnectionNumber(number)).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = closing.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // The client's own doing: it went away, was idle, or does not speak HTTP.
        tracing::debug!("connection {number} ended: {error}");
    }
}

impl Door {
    async fn answer(&self, mut request: Request<Incoming>, number: ConnectionNumber) -> Response<Body> {
        if let Err(error) = self.guard.check(request.uri(), request.headers()) {
            return error.into_response();
        }
        request.extensions_mut().insert(number);
        match self.router.clone().call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}
