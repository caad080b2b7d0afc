//! A backup while the host serves: GET /v1/backup, all of the store at one sequence as a stream of bytes.
//!
//! Owns the thread that writes it and the bound on how many there are. Must not know the format. Fails when the host keeps
//! nothing on disk or another backup is under way; one that breaks off lacks its end, which every reader of it notices.

use super::Shared;
use super::error::ApiError;
use crate::store::Frozen;
use crate::store::backup;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use std::io::{self, BufWriter, Write};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Written at once, and how many such pieces wait for a slow client.
const PIECE_BYTES: usize = 256 << 10;
const PIECES: usize = 8;

type Piece = io::Result<Bytes>;

pub async fn backup(State(edge): State<Shared>) -> Result<Response, ApiError> {
    // It holds a thread, and what is deleted meanwhile stays on disk until it is through.
    let place = edge.backups.clone().try_acquire_owned().map_err(|_| ApiError::BackupUnderWay)?;
    let runtime = edge.runtime.clone();
    let frozen = tokio::task::spawn_blocking(move || runtime.freeze()).await.ok().flatten();
    let frozen = frozen.ok_or(ApiError::NothingKept)?.map_err(|error| ApiError::Unreadable(error.to_string()))?;
    let sequence = frozen.sequence;
    let (pieces, coming) = channel(PIECES);
    tokio::task::spawn_blocking(move || write(frozen, pieces, place));
    let mut closing = edge.closing.clone();
    // A host that ends waits for no slow client.
    let stream = stream(coming).take_until(async move { closing.wait().await });
    let headers = [(CONTENT_TYPE.as_str(), "application/octet-stream"), ("spacehost-sequence", &sequence.to_string())];
    Ok((headers, Body::from_stream(stream)).into_response())
}

fn stream(coming: Receiver<Piece>) -> impl futures::Stream<Item = Piece> {
    futures::stream::unfold(coming, |mut coming| async move { Some((coming.recv().await?, coming)) })
}

fn write(frozen: Frozen, pieces: Sender<Piece>, _place: OwnedSemaphorePermit) {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let mut out = BufWriter::with_capacity(PIECE_BYTES, Pieces(pieces.clone()));
    let written = backup::write(frozen, now_ms, &mut out).map_err(|error| error.to_string());
    if let Err(error) = written.and_then(|()| out.flush().map_err(|error| error.to_string())) {
        tracing::warn!("a backup was broken off: {error}");
        // The connection is cut, so that the client knows. If it has gone, it does.
        let _ = pieces.blocking_send(Err(io::Error::other(error)));
    }
}

/// Where the writer's bytes go.
struct Pieces(Sender<Piece>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone");
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
