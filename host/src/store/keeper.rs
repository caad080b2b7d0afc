//! The table writer: follows the journal and keeps the tables behind it, in the background.
//!
//! Owns the tables, its thread and the folder's lock. Must not know who wrote the records. When it fails the host goes on,
//! for the journal is the truth; the journal then only grows, and the next start catches up or says what is wrong.

use super::journal::{Lock, Reader};
use super::ledger::Ledger;
use super::record::Record;
use super::tables::dump::Frozen;
use super::tables::{Tables, TablesError};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    orders: Arc<Orders>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Freed last of all.
    _lock: Lock,
}

/// What the thread is to do beside following.
#[derive(Default)]
struct Orders {
    stop: AtomicBool,
    /// There is something new here.
    new: AtomicBool,
    freezing: Mutex<Freezing>,
}

/// Who waits for the tables to be held fast.
#[derive(Default)]
struct Freezing {
    waiting: Vec<Sender<Result<Frozen, TablesError>>>,
    /// The thread has ended.
    ended: bool,
}

impl Orders {
    fn freezing(&self) -> MutexGuard<'_, Freezing> {
        self.freezing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    pub fn start(tables: Tables, journal: PathBuf, ledger: Ledger, lock: Lock) -> std::io::Result<Self> {
        let orders = Arc::<Orders>::default();
        let reader = Reader::new(journal, tables.sequence() + 1);
        let at = tables.sequence();
        let mut writer = Writer { at, tables, reader, ledger: ledger.clone(), orders: orders.clone() };
        let work = move || {
            if let Err(error) = writer.run() {
                tracing::error!("the tables are no longer written, the journal is: {error:#}");
            }
            let mut freezing = writer.orders.freezing();
            freezing.ended = true;
            freezing.waiting.clear();
        };
        let thread = std::thread::Builder::new().name("table-writer".into()).spawn(work)?;
        Ok(Keeper { ledger, orders, thread: Mutex::new(Some(thread)), _lock: lock })
    }

    /// The tables with all that is durable now, held fast; where they come, unless the tables are no longer written.
    pub fn freeze(&self) -> Receiver<Result<Frozen, TablesError>> {
        let (sender, receiver) = channel();
        let mut freezing = self.orders.freezing();
        // Dropped unanswered, it says that nobody will.
        if !freezing.ended {
            freezing.waiting.push(sender);
        }
        drop(freezing);
        self.orders.new.store(true, Ordering::Release);
        self.ledger.wake_follower();
        receiver
    }

    /// Writes what is durable, and ends. Comes after the ledger is closed.
    pub fn close(&self) {
        self.orders.stop.store(true, Ordering::Release);
        self.orders.new.store(true, Ordering::Release);
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
    orders: Arc<Orders>,
}

impl Writer {
    fn run(&mut self) -> anyhow::Result<()> {
        let (mut flushed, mut expired) = (Instant::now(), Instant::now());
        loop {
            self.orders.new.store(false, Ordering::Release);
            let stopping = self.orders.stop.load(Ordering::Acquire);
            self.follow(self.ledger.durable())?;
            self.freeze();
            let dirty = self.tables.overlay_bytes() > 0;
            if stopping || (dirty && flushed.elapsed() >= LONGEST_DIRTY) {
                self.flush()?;
                flushed = Instant::now();
            }
            if stopping {
                return Ok(());
            }
            if expired.elapsed() >= EXPIRE_EVERY {
                while self.tables.expire(super::now_ms())? {
                    self.flush()?;
                }
                expired = Instant::now();
            }
            let rest = if dirty { LONGEST_DIRTY.saturating_sub(flushed.elapsed()) } else { EXPIRE_EVERY };
            self.ledger.wait_beyond(self.at, rest, &self.orders.new);
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

    /// Between two records, because nobody else can see the tables whole.
    fn freeze(&mut self) {
        let waiting = std::mem::take(&mut self.orders.freezing().waiting);
        for told in waiting {
            let frozen = self.tables.freeze();
            self.ledger.tables_at(self.tables.sequence());
            // Whoever asked may have gone.
            let _ = told.send(frozen);
        }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.tables.flush()?;
        self.ledger.tables_at(self.tables.sequence());
        Ok(())
    }
}
