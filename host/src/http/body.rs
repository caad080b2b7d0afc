//! Reads a request's body within a size, a time, and a share of what all bodies together may take.
//!
//! Must not know what the bytes mean, or which limit the addressed space has: the runtime checks that one. Fails with
//! too large, too slow, no room, or broken off by the client.

use super::Edge;
use super::client_limits::ClientLimits;
use super::error::ApiError;
use crate::words::limits::Limits;
use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;

/// Bytes that are taken in of a body that nobody wants, and for how long.
const UNWANTED: usize = 16 << 20;
const UNWANTED_PATIENCE: Duration = Duration::from_secs(2);

/// What a body may always have, so that small ones are read however many large ones there are. Of all connections
/// together this is 32 MiB.
const FREE: usize = 16 << 10;

/// The reading of bodies, and what all of them may take together.
pub struct Intake {
    patience: Duration,
    left: AtomicUsize,
}

/// A body, and its share of the room until the request is through.
pub struct Received {
    pub bytes: Bytes,
    pub share: Share,
}

/// Some of the room, given back when dropped.
pub struct Share {
    intake: Arc<Intake>,
    bytes: usize,
}

impl Intake {
    pub fn new(limits: &ClientLimits) -> Arc<Self> {
        Arc::new(Intake { patience: limits.body, left: AtomicUsize::new(limits.body_bytes) })
    }

    /// The whole body, of so many bytes at most.
    pub async fn read_up_to(self: &Arc<Self>, mut body: Body, allowed: usize) -> Result<Received, ApiError> {
        if body.size_hint().lower() > allowed as u64 {
            return Err(ApiError::BodyTooLarge { allowed });
        }
        let share = Share { intake: self.clone(), bytes: 0 };
        match tokio::time::timeout(self.patience, gather(&mut body, allowed, share)).await {
            Ok(read) => read,
            Err(_) => Err(ApiError::BodyTooSlow { after: self.patience }),
        }
    }
}

impl Share {
    /// Room for a body that has come to this length.
    fn cover(&mut self, length: usize) -> Result<(), ApiError> {
        let more = length.saturating_sub(FREE).saturating_sub(self.bytes);
        if more > 0 {
            let taken = self.intake.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(more));
            taken.map_err(|_| ApiError::BodiesFull)?;
            self.bytes += more;
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.intake.left.fetch_add(self.bytes, Relaxed);
        }
    }
}

/// The whole body.
pub async fn read(edge: &Edge, body: Body) -> Result<Received, ApiError> {
    let hint = body.size_hint();
    edge.intake.read_up_to(body, allowed(edge, hint.exact())).await
}

/// A body in one piece stays where it is. Others are copied, because a piece of one byte holds a whole buffer.
async fn gather(body: &mut Body, allowed: usize, mut share: Share) -> Result<Received, ApiError> {
    let (mut whole, mut gathered) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::BadRequest(format!("the body broke off: {error}")))?;
        // Trailers mean nothing here.
        let Ok(piece) = frame.into_data() else { continue };
        let length = whole.len() + gathered.len() + piece.len();
        if length > allowed {
            return Err(ApiError::BodyTooLarge { allowed });
        }
        share.cover(length)?;
        if length == piece.len() {
            whole = piece;
        } else {
            gathered.extend_from_slice(&std::mem::take(&mut whole));
            gathered.extend_from_slice(&piece);
        }
    }
    let bytes = if gathered.is_empty() { whole } else { gathered.freeze() };
    Ok(Received { bytes, share })
}

/// The largest `message_bytes` of any space. Spaces are asked only when the default is not known to be enough.
fn allowed(edge: &Edge, expected: Option<u64>) -> usize {
    let usual = Limits::default().message_bytes;
    let most = match expected {
        Some(bytes) if bytes <= usual => usual,
        _ => edge.runtime.spaces().iter().map(|space| space.limits.message_bytes).fold(usual, u64::max),
    };
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// A body of which, if it is dropped half read, a little more is taken in: a client that is still sending would find its
/// connection closed instead of the answer.
pub struct Lingering(Option<Incoming>);

impl Lingering {
    pub fn new(body: Incoming) -> Self {
        Lingering((!body.is_end_stream()).then_some(body))
    }
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let frame = Pin::new(&mut *body).poll_frame(cx);
        let ended = matches!(frame, Poll::Ready(None | Some(Err(_)))) || body.is_end_stream();
        if ended {
            self.0 = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if let (Some(body), Ok(handle)) = (self.0.take(), Handle::try_current()) {
            handle.spawn(discard(body));
        }
    }
}

/// After that the connection is closed: a client that is slower does not wait for an answer yet.
async fn discard(mut body: Incoming) {
    let reading = async {
        let mut read = 0;
        while let (true, Some(Ok(frame))) = (read < UNWANTED, body.frame().await) {
            read += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    let _ = tokio::time::timeout(UNWANTED_PATIENCE, reading).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use std::convert::Infallible;

    fn intake(body_bytes: usize) -> Arc<Intake> {
        Intake::new(&ClientLimits { body_bytes, body: Duration::from_millis(20), ..ClientLimits::default() })
    }

    fn pieces(pieces: Vec<Vec<u8>>) -> Body {
        Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)))
    }

    async fn problem(intake: &Arc<Intake>, body: Body, allowed: usize) -> &'static str {
        match intake.read_up_to(body, allowed).await {
            Ok(_) => "none",
            Err(error) => super::super::problem::problem(&error).kind,
        }
    }

    #[tokio::test]
    async fn pieces_become_one_body() {
        let intake = intake(0);
        let read = async |body| intake.read_up_to(body, 100).await.map(|received| received.bytes).ok().unwrap();
        assert_eq!(read(Body::empty()).await, "");
        assert_eq!(read(Body::from("whole")).await, "whole");
        assert_eq!(read(pieces(vec![b"a".to_vec(), b"".to_vec(), b"bc".to_vec(), b"d".to_vec()])).await, "abcd");
    }

    #[tokio::test]
    async fn a_body_is_refused_by_its_declared_length_or_as_soon_as_it_is_too_long() {
        let intake = intake(1 << 20);
        assert_eq!(problem(&intake, Body::from(vec![0; 11]), 10).await, "too-large");
        let endless = stream::repeat_with(|| Ok::<_, Infallible>(vec![0; 1]));
        assert_eq!(problem(&intake, Body::from_stream(endless), 10).await, "too-large");
        assert_eq!(problem(&intake, Body::from(vec![0; 10]), 10).await, "none");
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let never = stream::pending::<Result<Bytes, Infallible>>();
        assert_eq!(problem(&intake(0), Body::from_stream(never), 10).await, "too-slow");
    }

    #[tokio::test]
    async fn large_bodies_share_the_room_until_their_requests_are_through_and_small_ones_need_none() {
        let intake = intake(100);
        let large = || pieces(vec![vec![0; FREE], vec![0; 60]]);
        let first = intake.read_up_to(large(), usize::MAX).await.ok().unwrap();
        assert_eq!(problem(&intake, large(), usize::MAX).await, "bodies-full");
        assert_eq!(problem(&intake, Body::from(vec![0; FREE]), usize::MAX).await, "none");
        assert_eq!(intake.left.load(Relaxed), 40, "who was refused has given back what it had");
        drop(first);
        assert_eq!(problem(&intake, large(), usize::MAX).await, "none");
        assert_eq!(intake.left.load(Relaxed), 100);
    }
}
