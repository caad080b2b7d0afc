//! The table writer: follows the journal and keeps the tables behind it, in the background.
//!
//! Owns the tables, its thread and the folder's lock. Must not know who wrote the records. When it fails the host goes on,
//! for the journal is the truth; the journal then only grows, and the next start catches up or says what is wrong.

use super::journal::{Lock, Reader};
use super::ledger::Ledger;
use super::record::Record;
use super::tables::Tables;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// So much that is not yet in the tables is written at once.
pub const MOST_DIRTY: usize = 32 << 20;
/// And anything after this long.
const LONGEST_DIRTY: Duration = Duration::from_secs(1);
/// How often what has expired is looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);

pub struct Keeper {
    ledger: Ledger,
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Freed last of all.
    _lock: Lock,
}

impl Keeper {
    pub fn start(tables: Tables, journal: PathBuf, ledger: Ledger, lock: Lock) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let reader = Reader::new(journal, tables.sequence() + 1);
        let at = tables.sequence();
        let mut writer = Writer { at, tables, reader, ledger: ledger.clone(), stop: stop.clone() };
        let work = move || {
            if let Err(error) = writer.run() {
                tracing::error!("the tables are no longer written, the journal is: {error:#}");
            }
        };
        let thread = std::thread::Builder::new().name("table-writer".into()).spawn(work)?;
        Ok(Keeper { ledger, stop, thread: Mutex::new(Some(thread)), _lock: lock })
    }

    /// Writes what is durable, and ends. Comes after the ledger is closed.
    pub fn close(&self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.ledger.wake_follower();
            // A writer that panicked has already been reported by its panic.
            let _ = thread.join();
        }
    }
}

struct Writer {
    tables: Tables,
    reader: Reader,
    ledger: Ledger,
    at: u64,
    stop: Arc<AtomicBool>,
}

impl Writer {
    fn run(&mut self) -> anyhow::Result<()> {
        let (mut flushed, mut expired) = (Instant::now(), Instant::now());
        loop {
            let stopping = self.stop.load(Ordering::Acquire);
            self.follow(self.ledger.durable())?;
            let dirty = self.tables.overlay_bytes() > 0;
            if stopping || (dirty && flushed.elapsed() >= LONGEST_DIRTY) {
                self.flush()?;
                flushed = Instant::now();
            }
            if stopping {
                return Ok(());
            }
            if expired.elapsed() >= EXPIRE_EVERY {
                self.tables.expire(super::now_ms())?;
                expired = Instant::now();
            }
            let rest = if dirty { LONGEST_DIRTY.saturating_sub(flushed.elapsed()) } else { EXPIRE_EVERY };
            self.ledger.wait_beyond(self.at, rest, &self.stop);
        }
    }

    fn follow(&mut self, durable: u64) -> anyhow::Result<()> {
        while let Some((sequence, encoded)) = self.reader.next(durable)? {
            self.tables.apply(sequence, &Record::decode(encoded)?)?;
            self.at = sequence;
            if self.tables.overlay_bytes() > MOST_DIRTY {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.tables.flush()?;
        self.ledger.tables_at(self.tables.sequence());
        Ok(())
    }
}
