//! The data folder as a whole: what starts, what is refused, what is gone on without, what comes back from a backup.

mod loss;
mod restored;

use super::ledger::Scribe;
use super::record::{Kind, Message, Place, Record, Sender};
use super::{Store, StoreConfig, StoreError};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Small segments, so that a few records fill several.
fn config(accept_loss: bool) -> StoreConfig {
    StoreConfig { segment_bytes: 16 << 10, accept_loss, ..StoreConfig::default() }
}

fn try_open(data: &Path) -> Result<Store, StoreError> {
    Store::open(data, &config(false))
}

fn refused(data: &Path) -> StoreError {
    match try_open(data) {
        Ok(_) => panic!("it starts"),
        Err(error) => error,
    }
}

/// Takes in so many messages for `a`, each durable before the next, so that each is a frame of its own.
fn accept(store: &Store, messages: u64) {
    let body = [b'x'; 900];
    for _ in 0..messages {
        let message = Message {
            sender: Sender::Client(1),
            kind: Kind::Command,
            name: "c",
            body: &body,
            key: None,
            headers: Vec::new(),
            hops: 0,
            tracked: false,
            idempotency: None,
        };
        let to = vec![Place { space: "a", partition: 0 }];
        let sequence =
            Scribe::default().submit(&store.ledger, &Record::Accepted { message, to, time_ms: 1, missed: Vec::new() });
        while store.ledger.durable() < sequence {
            std::thread::yield_now();
        }
    }
}

fn close(store: Store) {
    store.ledger.close();
    if let Some(keeper) = &store.keeper {
        keeper.close();
    }
}

/// The sequences of the messages that wait for `a`.
fn waiting(store: &Store) -> Vec<u64> {
    let Some(space) = store.image.spaces.get("a") else { return Vec::new() };
    space.partitions[&0].pending.keys().map(|id| id.sequence).collect()
}

/// A folder with a host's start and 60 messages behind it: sequences 1 to 61, all of them in the tables.
fn folder() -> TempDir {
    let data = TempDir::new().unwrap();
    let store = try_open(data.path()).unwrap();
    accept(&store, 60);
    close(store);
    data
}

fn segments(data: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "journal")).collect();
    segments.sort();
    segments
}

/// The folder into which a journal was set aside.
fn aside(data: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("lost-")).collect()
}
