//! The body of an answer, which keeps its connection's seat until it has been handed over.
//!
//! Must not know what is answered. Cannot fail.

use super::seats::InHand;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Dropped when all of it is in the connection's hands, or the client has gone.
pub struct Held {
    body: Body,
    _hand: InHand,
}

impl Held {
    pub fn new(body: Body, hand: InHand) -> Self {
        Held { body, _hand: hand }
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
