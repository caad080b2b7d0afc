//! Accepts connections and serves each on a task of its own.
//!
//! Owns the number of connections, their time-outs and their end at shutdown. Must not know what is asked for. A
//! connection that fails ends alone; when there are too many, `seats` says who goes; when the process has no file handles
//! left, accepting pauses and goes on.

use super::body::Lingering;
use super::client_limits::{BUFFER_BYTES, ClientLimits, HEAD_BYTES};
use super::guard::{Caller, Guard};
use super::handles;
use super::held::Held;
use super::incident::{Ended, Incident, Tell};
use super::patience::Patient;
use super::safe;
use super::seats::{Seat, Seated, Seats};
use crate::shutdown::Shutdown;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

/// How long requests in hand may take at shutdown.
const GRACE: Duration = Duration::from_secs(10);
const NO_HANDLES_PAUSE: Duration = Duration::from_millis(100);
/// When all connections have a request in hand: how soon it is looked again whether one has ended.
const NO_SEAT_PAUSE: Duration = Duration::from_millis(20);

/// Checks and routes.
pub struct Door {
    pub guard: Guard,
    pub router: Router,
    pub limits: ClientLimits,
    pub tell: Tell,
}

/// The number of the connection that a request came on, for order among its messages.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionNumber(pub u64);

pub async fn run(listener: TcpListener, door: Door, mut shutdown: Shutdown) {
    let most = handles::for_connections(door.limits.connections);
    let room = Room { places: Arc::new(Semaphore::new(most)), seats: Seats::new(Instant::now()) };
    let door = Arc::new(door);
    let closing = shutdown.clone();
    tokio::select! {
        () = accept_all(&listener, &door, &room, &closing) => {}
        () = shutdown.wait() => {}
    }
    drop(listener);
    // Far below what a number of places can be.
    let finished = room.places.acquire_many(most as u32);
    if tokio::time::timeout(GRACE, finished).await.is_err() {
        tracing::warn!("some requests were not finished after {} s and are cut off", GRACE.as_secs());
    }
}

async fn accept_all(listener: &TcpListener, door: &Arc<Door>, room: &Room, closing: &Shutdown) {
    for number in 1.. {
        let stream = accept(listener).await;
        // The semaphore is never closed.
        let Some(place) = room.place().await else { return };
        let seated = room.seats.take(number, Instant::now());
        let connection = Connection { number, door: door.clone(), seated, _place: place };
        tokio::spawn(connection.serve(stream, closing.clone()));
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

/// The room for connections.
struct Room {
    places: Arc<Semaphore>,
    seats: Arc<Seats>,
}

impl Room {
    /// A place for one more; whoever does nothing gives way.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(place);
        }
        loop {
            self.seats.displace();
            if let Ok(place) = tokio::time::timeout(NO_SEAT_PAUSE, self.places.clone().acquire_owned()).await {
                return place.ok();
            }
        }
    }
}

struct Connection {
    number: u64,
    door: Arc<Door>,
    seated: Seated,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: TcpStream, closing: Shutdown) {
        // Replies are small and complete: waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        if let Err(ended) = self.answer_all(stream, closing).await {
            // The client's own doing: it went away, was idle, or does not speak HTTP.
            tracing::debug!("connection {} ended: {ended}", self.number);
            Incident::of_end(&ended).iter().for_each(&self.door.tell);
        }
    }

    async fn answer_all(&self, stream: TcpStream, mut closing: Shutdown) -> Result<(), Ended> {
        let (door, seat, number) = (&self.door, &self.seated.seat, ConnectionNumber(self.number));
        let service = service_fn(|request| door.answer(request, seat, number));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(door.limits.idle);
        http.max_header_size(HEAD_BYTES).max_buf_size(BUFFER_BYTES);
        let stream = TokioIo::new(Patient::new(stream, door.limits.unread, || seat.sent()));
        let mut connection = std::pin::pin!(http.serve_connection(stream, service));
        tokio::select! {
            biased;
            ended = connection.as_mut() => return Ok(ended?),
            () = seat.sent_away() => return Err(Ended::Displaced),
            () = no_head(seat, door.limits.first_head) => return Err(Ended::NoHead(door.limits.first_head.as_secs())),
            () = closing.wait() => {}
        }
        connection.as_mut().graceful_shutdown();
        Ok(connection.await?)
    }
}

/// Returns if by then no request has begun. The later ones have the time that a connection may be idle.
async fn no_head(seat: &Seat, first_head: Duration) {
    tokio::time::sleep(first_head).await;
    if seat.has_begun() {
        std::future::pending().await
    }
}

impl Door {
    async fn answer(
        &self,
        request: Request<Incoming>,
        seat: &Arc<Seat>,
        number: ConnectionNumber,
    ) -> Result<Response<Held>, Ended> {
        let hand = seat.begin().ok_or(Ended::Displaced)?;
        let mut request = request.map(|body| Body::new(Lingering::new(body)));
        let mut response = match self.guard.check(request.method(), request.uri(), request.headers()) {
            Err(error) => error.into_response(),
            Ok(caller) => {
                if caller == Caller::Known {
                    seat.is_known();
                }
                request.extensions_mut().insert(number);
                match self.router.clone().call(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            }
        };
        response.extensions_mut().remove().iter().for_each(&self.tell);
        safe::add(response.headers_mut());
        Ok(response.map(|body| Held::new(body, hand)))
    }
}

#[cfg(test)]
#[path = "accept_tests.rs"]
mod tests;
