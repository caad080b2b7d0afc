//! A stream that gives up on a reader who does not read, and says when all that was written has been taken.
//!
//! Owns the time for which a write may stand still. Must not know what is written. Fails with `TimedOut`. The kernel takes
//! more only when a good part of what it holds has been read, so a client that reads a byte now and then stands still, too.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

pub struct Patient<S, F> {
    stream: S,
    patience: Duration,
    /// Told at each flush; whoever writes flushes when it has nothing more to write.
    flushed: F,
    /// While a write stands still.
    until: Option<Pin<Box<Sleep>>>,
}

impl<S, F> Patient<S, F> {
    pub fn new(stream: S, patience: Duration, flushed: F) -> Self {
        Patient { stream, patience, flushed, until: None }
    }

    fn watched(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let patience = self.patience;
        let until = self.until.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        until.as_mut().poll(cx).map(|()| Err(io::Error::new(ErrorKind::TimedOut, "the client does not read")))
    }
}

impl<S: AsyncWrite + Unpin, F: Fn() + Unpin> AsyncWrite for Patient<S, F> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watched(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.watched(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        (self.flushed)();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin, F: Unpin> AsyncRead for Patient<S, F> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_reader_who_does_not_read_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(10);
        let mut ours = Patient::new(ours, Duration::from_millis(5), || ());
        assert_eq!(ours.write_all(&[0; 100]).await.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn what_is_read_begins_the_time_anew() {
        let (ours, mut theirs) = tokio::io::duplex(10);
        let mut ours = Patient::new(ours, Duration::from_secs(3600), || ());
        for _ in 0..3 {
            ours.write_all(&[0; 10]).await.unwrap();
            assert!(ours.until.is_none());
            let waiting = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut ours).poll_write(cx, b"x").is_pending()));
            assert!(waiting.await && ours.until.is_some());
            theirs.read_exact(&mut [0; 10]).await.unwrap();
        }
    }
}
