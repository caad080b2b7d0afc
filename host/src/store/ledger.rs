//! The ledger: takes the records of all that happens, gives each its sequence, and says when it is on disk.
//!
//! Owns the commit group that is being filled, the committer thread that writes groups to the journal, and the durable
//! sequence. Must not know what records mean or who waits for them: it tells its one listener. In memory mode it counts
//! sequences and all is durable at once. Fails for good when the disk does: nothing is ever durable after that.

use super::journal::{Group, Journal, JournalError, SegmentInfo, Spare};
use super::record::Record;
use crate::words::{Distribution, Histogram};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

/// Above this much unwritten the partitions wait between turns: the disk, not the memory, sets the pace.
const MOST_UNWRITTEN: usize = 16 << 20;
/// How long records wait for more when nobody outside waits for them: a chain of turns then needs one sync, not ten.
const LINGER: Duration = Duration::from_millis(1);
/// Between two attempts at writing to a full disk.
const WHILE_FULL: Duration = Duration::from_millis(250);

/// What the ledger tells its listener, on the committer thread.
pub trait Listen: Send + Sync {
    /// A group is on disk: all up to `sequence` is durable.
    fn durable(&self, sequence: u64, group: &Group);
    /// It wants to hear of each group at once, though it has said nothing of any sequence.
    fn is_eager(&self) -> bool;
    /// The disk has failed. Nothing will be durable any more, and the process must end.
    fn failed(&self, error: &JournalError);
}

/// A handle. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Arc<Shared>);

struct Shared {
    on_disk: bool,
    filling: Mutex<Filling>,
    filled: Condvar,
    durable: AtomicU64,
    /// The highest sequence that somebody outside waits for.
    wanted: AtomicU64,
    /// The committer has records, and waits for more.
    lingers: AtomicBool,
    congested: AtomicBool,
    full: AtomicBool,
    /// What the tables hold on disk: the journal may forget it.
    tables_at: AtomicU64,
    /// Who still needs the journal.
    needed: Mutex<Vec<Need>>,
    /// Whoever follows the journal waits here for more.
    follower: (Mutex<()>, Condvar),
    listener: OnceLock<Arc<dyn Listen>>,
    /// Why the disk has failed, until somebody listens.
    untold: Mutex<Option<JournalError>>,
    committer: Mutex<Option<JoinHandle<()>>>,
    meter: Meter,
}

/// Written by the committer alone.
#[derive(Default)]
struct Meter {
    groups: AtomicU64,
    group_bytes: AtomicU64,
    segments: AtomicU64,
    segment_bytes: AtomicU64,
    sync: Arc<Histogram>,
}

/// What the journal is like in numbers.
#[derive(Debug, Clone)]
pub struct JournalFigures {
    /// On disk now.
    pub segments: u64,
    pub segment_bytes: u64,
    /// Written since the start.
    pub groups: u64,
    pub group_bytes: u64,
    /// How long each sync took.
    pub sync: Distribution,
    pub durable: u64,
    /// Records that the tables do not hold on disk yet.
    pub tables_behind: u64,
}

impl Meter {
    fn holds(&self, journal: &Journal) {
        self.segments.store(journal.segments().count() as u64, Ordering::Relaxed);
        self.segment_bytes.store(journal.segments().map(|segment| segment.bytes).sum(), Ordering::Relaxed);
    }

    fn wrote(&self, group: &Group) {
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.group_bytes.fetch_add(group.len_bytes() as u64, Ordering::Relaxed);
    }
}

/// From which sequence on somebody needs the journal, and how much of it he may have kept.
struct Need {
    from: Weak<AtomicU64>,
    bytes: u64,
}

impl Shared {
    /// What the tables lack, and what waits in the journal only, stays.
    fn needed_from(&self, segments: &[SegmentInfo]) -> u64 {
        let mut needed = self.tables_at.load(Ordering::Relaxed) + 1;
        lock(&self.needed).retain(|Need { from, bytes }| {
            let from = from.upgrade();
            let kept = |from: &Arc<AtomicU64>| from.load(Ordering::Acquire).max(within(segments, *bytes));
            needed = from.as_ref().map_or(needed, |from| kept(from).min(needed));
            from.is_some()
        });
        needed
    }
}

/// The first sequence of the last so many bytes, in whole segments; the one that is being written is always among them.
fn within(segments: &[SegmentInfo], most: u64) -> u64 {
    let (mut bytes, mut first) = (0_u64, u64::MAX);
    for segment in segments.iter().rev() {
        bytes = bytes.saturating_add(segment.bytes);
        let Some(begins) = segment.first else { continue };
        if bytes > most && first != u64::MAX {
            break;
        }
        first = begins;
    }
    first
}

struct Filling {
    last: u64,
    group: Group,
    /// The committer waits for the first record of a group.
    idle: bool,
    closed: bool,
}

impl Ledger {
    /// Keeps nothing; all is durable as soon as it has happened.
    pub fn in_memory() -> Self {
        Ledger::new(false, 0)
    }

    /// Writes to `journal`, whose last record is `last`.
    pub fn on_disk(journal: Journal, last: u64, retention: Retention) -> std::io::Result<Self> {
        let ledger = Ledger::new(true, last);
        let committer = Committer::new(ledger.0.clone(), journal, retention);
        let thread = std::thread::Builder::new().name("committer".into()).spawn(move || committer.run())?;
        *lock(&ledger.0.committer) = Some(thread);
        Ok(ledger)
    }

    fn new(on_disk: bool, last: u64) -> Self {
        let filling = Filling { last, group: Group::default(), idle: false, closed: false };
        Ledger(Arc::new(Shared {
            on_disk,
            filling: Mutex::new(filling),
            filled: Condvar::new(),
            durable: AtomicU64::new(last),
            wanted: AtomicU64::new(0),
            lingers: AtomicBool::new(false),
            congested: AtomicBool::new(false),
            full: AtomicBool::new(false),
            tables_at: AtomicU64::new(0),
            needed: Mutex::default(),
            follower: Default::default(),
            listener: OnceLock::new(),
            untold: Mutex::default(),
            committer: Mutex::default(),
            meter: Meter::default(),
        }))
    }

    /// Whoever is told of durability and failure. Only the first one is; a disk that has failed by then is told at once.
    pub fn listen(&self, listener: Arc<dyn Listen>) {
        if self.0.listener.set(listener.clone()).is_ok()
            && let Some(error) = lock(&self.0.untold).take()
        {
            listener.failed(&error);
        }
    }

    /// Whether records are kept at all; in memory mode nobody needs to make them.
    pub fn keeps_records(&self) -> bool {
        self.0.on_disk
    }

    /// The next sequence in memory mode, where nothing leaves a record.
    pub fn next_sequence(&self) -> u64 {
        self.0.durable.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Takes an encoded record, and answers its sequence. Its effects may be shown inside the host at once.
    pub fn submit(&self, encoded: &[u8]) -> u64 {
        let mut filling = lock(&self.0.filling);
        filling.last += 1;
        let sequence = filling.last;
        filling.group.push(sequence, encoded);
        if filling.group.len_bytes() > MOST_UNWRITTEN {
            self.0.congested.store(true, Ordering::Relaxed);
        }
        if std::mem::take(&mut filling.idle) {
            drop(filling);
            self.0.filled.notify_one();
        }
        sequence
    }

    /// Somebody outside waits for this sequence, so it is written without delay.
    pub fn want(&self, sequence: u64) {
        // In one order with the committer's store and load: either it sees the wish, or this sees that it must be woken.
        let before = self.0.wanted.fetch_max(sequence, Ordering::SeqCst);
        if before < sequence && self.0.lingers.load(Ordering::SeqCst) {
            drop(lock(&self.0.filling));
            self.0.filled.notify_one();
        }
    }

    /// The last sequence given.
    pub fn last(&self) -> u64 {
        if self.0.on_disk { lock(&self.0.filling).last } else { self.durable() }
    }

    /// Everything up to here is on disk.
    pub fn durable(&self) -> u64 {
        self.0.durable.load(Ordering::Acquire)
    }

    /// More waits to be written than should. It passes with the next group.
    pub fn is_congested(&self) -> bool {
        self.0.congested.load(Ordering::Relaxed)
    }

    /// The disk has no room. It passes when there is some.
    pub fn is_full(&self) -> bool {
        self.0.full.load(Ordering::Relaxed)
    }

    /// None in memory.
    pub fn figures(&self) -> Option<JournalFigures> {
        let Meter { groups, group_bytes, segments, segment_bytes, sync } = &self.0.meter;
        let durable = self.durable();
        self.0.on_disk.then(|| JournalFigures {
            segments: segments.load(Ordering::Relaxed),
            segment_bytes: segment_bytes.load(Ordering::Relaxed),
            groups: groups.load(Ordering::Relaxed),
            group_bytes: group_bytes.load(Ordering::Relaxed),
            sync: sync.read(),
            durable,
            tables_behind: durable.saturating_sub(self.0.tables_at.load(Ordering::Relaxed)),
        })
    }

    /// Up to here the tables are on disk.
    pub fn tables_at(&self, sequence: u64) {
        self.0.tables_at.store(sequence, Ordering::Relaxed);
    }

    /// Keeps the journal from that sequence on, as long as it is asked for.
    pub fn keep_for(&self, needs_from: &Arc<AtomicU64>) {
        self.keep_for_within(needs_from, u64::MAX);
    }

    /// The same, but no more than the last so many bytes for this one.
    pub fn keep_for_within(&self, needs_from: &Arc<AtomicU64>, bytes: u64) {
        lock(&self.0.needed).push(Need { from: Arc::downgrade(needs_from), bytes });
    }

    /// Waits until more than `sequence` is durable, for so long at most, or until `stop`.
    pub fn wait_beyond(&self, sequence: u64, at_most: Duration, stop: &AtomicBool) {
        let (lock, more) = &self.0.follower;
        let nothing = |_: &mut ()| self.durable() <= sequence && !stop.load(Ordering::Acquire);
        // Whether it was time or news does not matter: the caller looks.
        drop(more.wait_timeout_while(self::lock(lock), at_most, nothing));
    }

    /// Lets whoever waits in `wait_beyond` look again.
    pub fn wake_follower(&self) {
        let (lock, more) = &self.0.follower;
        drop(self::lock(lock));
        more.notify_all();
    }

    /// Writes what has been submitted, and ends the committer.
    pub fn close(&self) {
        lock(&self.0.filling).closed = true;
        self.0.filled.notify_one();
        if let Some(committer) = lock(&self.0.committer).take() {
            // A committer that panicked has already been reported by its panic.
            let _ = committer.join();
        }
    }
}

/// How much of the journal is kept for history and for readers that come back; what the tables lack is always kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    pub bytes: u64,
    pub age: Duration,
}

impl Retention {
    /// The first sequence to keep, of these segments.
    fn keep_from(&self, segments: &[SegmentInfo]) -> u64 {
        let mut bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
        let mut keep_from = 0;
        for segment in segments {
            let old = segment.modified.elapsed().is_ok_and(|age| age > self.age);
            let (true, Some(last)) = (bytes > self.bytes || old, segment.last) else { break };
            keep_from = last + 1;
            bytes -= segment.bytes;
        }
        keep_from
    }
}

struct Committer {
    shared: Arc<Shared>,
    journal: Journal,
    retention: Retention,
    /// The next segment, when it is being made.
    spare: Option<JoinHandle<Result<Spare, JournalError>>>,
}

impl Committer {
    fn new(shared: Arc<Shared>, mut journal: Journal, retention: Retention) -> Self {
        journal.time_syncs(shared.meter.sync.clone());
        shared.meter.holds(&journal);
        Committer { shared, journal, retention, spare: None }
    }

    fn run(mut self) {
        let mut group = Group::default();
        while self.next_group(&mut group) {
            match self.write(&mut group).and_then(|()| self.look_after_segments()) {
                Ok(()) => self.tell(&group),
                Err(error) => return self.tell_failure(error),
            }
            group.clear();
        }
    }

    /// Exchanges the empty group for the one that has been filled; false at the end.
    fn next_group(&self, group: &mut Group) -> bool {
        let mut filling = lock(&self.shared.filling);
        while filling.group.is_empty() {
            if filling.closed {
                return false;
            }
            filling.idle = true;
            filling = self.shared.filled.wait(filling).unwrap_or_else(PoisonError::into_inner);
        }
        filling.idle = false;
        filling = self.linger(filling);
        std::mem::swap(&mut filling.group, group);
        self.shared.congested.store(false, Ordering::Relaxed);
        true
    }

    /// Waits for more records as long as nobody outside waits for those that are there; not for long.
    fn linger<'l>(&'l self, filling: MutexGuard<'l, Filling>) -> MutexGuard<'l, Filling> {
        let Shared { filled, lingers, wanted, listener, .. } = &*self.shared;
        lingers.store(true, Ordering::SeqCst);
        let nobody_waits = |filling: &mut Filling| {
            let first = filling.group.first().unwrap_or_default();
            wanted.load(Ordering::SeqCst) < first
                && !filling.closed
                && !listener.get().is_some_and(|listener| listener.is_eager())
        };
        let waited = filled.wait_timeout_while(filling, LINGER, nobody_waits);
        lingers.store(false, Ordering::SeqCst);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Writes a group; on a full disk, waits until there is room. Meanwhile the group that is being filled only grows as far
    /// as the turns in hand fill it, because the edges take nothing in.
    fn write(&mut self, group: &mut Group) -> Result<(), JournalError> {
        loop {
            match self.journal.append(group) {
                Err(JournalError::Full { .. }) if !lock(&self.shared.filling).closed => {
                    self.shared.full.store(true, Ordering::Relaxed);
                    std::thread::sleep(WHILE_FULL);
                }
                written => {
                    self.shared.meter.wrote(group);
                    self.shared.full.store(false, Ordering::Relaxed);
                    return written;
                }
            }
        }
    }

    /// Has the next segment made ahead of need, and drops the oldest when that is in place.
    fn look_after_segments(&mut self) -> Result<(), JournalError> {
        if self.spare.is_none()
            && let Some(plan) = self.journal.plan_spare()
        {
            // Without a thread, or without room on the disk, the append that needs the segment makes it.
            self.spare = std::thread::Builder::new().name("spare".into()).spawn(move || plan.build()).ok();
        }
        let Some(made) = self.spare.take_if(|spare| spare.is_finished()) else { return Ok(()) };
        if let Ok(Ok(spare)) = made.join() {
            match self.journal.add_spare(spare) {
                // The append that needs a segment makes it, or says that there is no room.
                Ok(()) | Err(JournalError::Full { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let segments: Vec<_> = self.journal.segments().cloned().collect();
        let keep_from = self.retention.keep_from(&segments);
        self.journal.retire(keep_from.min(self.shared.needed_from(&segments)))?;
        self.shared.meter.holds(&self.journal);
        Ok(())
    }

    fn tell_failure(&self, error: JournalError) {
        // Held, so that one who begins to listen meanwhile finds it.
        let mut untold = lock(&self.shared.untold);
        match self.shared.listener.get() {
            Some(listener) => listener.failed(&error),
            None => *untold = Some(error),
        }
    }

    fn tell(&self, group: &Group) {
        let Some(last) = group.last() else { return };
        self.shared.durable.store(last, Ordering::Release);
        let (lock, more) = &self.shared.follower;
        drop(self::lock(lock));
        more.notify_all();
        if let Some(listener) = self.shared.listener.get() {
            listener.durable(last, group);
        }
    }
}

/// Encodes records into a buffer that is used again and again.
#[derive(Default)]
pub struct Scribe(Vec<u8>);

impl Scribe {
    /// Submits a record, and answers its sequence.
    pub fn submit(&mut self, ledger: &Ledger, record: &Record<'_>) -> u64 {
        self.0.clear();
        self.0 = record.encode(std::mem::take(&mut self.0));
        ledger.submit(&self.0)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::journal::JournalConfig;
    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Listen for Heard {
        fn durable(&self, _: u64, _: &Group) {}

        fn is_eager(&self) -> bool {
            false
        }

        fn failed(&self, error: &JournalError) {
            lock(&self.0).push(error.to_string());
        }
    }

    #[test]
    fn who_needs_the_journal_keeps_it_as_far_as_he_may() {
        let segment = |number: u64, first: Option<u64>| SegmentInfo {
            number,
            first,
            last: first.map(|first| first + 9),
            bytes: 100,
            modified: std::time::SystemTime::UNIX_EPOCH,
        };
        let segments = [segment(1, Some(1)), segment(2, Some(11)), segment(3, Some(21)), segment(4, None)];
        let ledger = Ledger::in_memory();
        ledger.tables_at(29);
        let needed = || ledger.0.needed_from(&segments);
        assert_eq!(needed(), 30);
        let slow = Arc::new(AtomicU64::new(5));
        // The segment made ahead counts, because it takes room.
        for (bytes, from) in [(u64::MAX, 5), (400, 5), (300, 11), (250, 21), (0, 21)] {
            let one = Arc::new(AtomicU64::new(5));
            ledger.keep_for_within(&one, bytes);
            assert_eq!(needed(), from, "{bytes}");
        }
        ledger.keep_for(&slow);
        assert_eq!(needed(), 5);
        slow.store(25, Ordering::Release);
        assert_eq!(needed(), 25);
        drop(slow);
        assert_eq!(needed(), 30, "whoever is gone needs nothing");
    }

    #[test]
    fn a_failure_of_before_anybody_listened_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path(), &JournalConfig { segment_bytes: 1 << 16 }).unwrap();
        let mut first = Group::default();
        first.push(1, b"a record");
        journal.append(&mut first).unwrap();
        let retention = Retention { bytes: 1 << 20, age: Duration::from_secs(60) };
        // The journal goes on with 2, so that what is submitted as 8 cannot be written.
        let ledger = Ledger::on_disk(journal, 7, retention).unwrap();
        ledger.submit(b"another");
        ledger.close();
        let [heard, late] = [Arc::<Heard>::default(), Arc::default()];
        ledger.listen(heard.clone());
        ledger.listen(late.clone());
        assert_eq!(*lock(&heard.0), ["the journal goes on with sequence 2, not 8"]);
        assert!(lock(&late.0).is_empty());
    }

    #[test]
    fn what_nobody_waits_for_is_durable_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(folder.path(), &JournalConfig { segment_bytes: 1 << 16 }).unwrap();
        let retention = Retention { bytes: 1 << 20, age: Duration::from_secs(60) };
        let ledger = Ledger::on_disk(journal, 0, retention).unwrap();
        let sequence = ledger.submit(b"a record");
        ledger.wait_beyond(sequence - 1, Duration::from_secs(30), &AtomicBool::new(false));
        assert_eq!(ledger.durable(), sequence);
        ledger.close();
    }
}
