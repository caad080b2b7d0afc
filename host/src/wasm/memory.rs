//! Memory in use across instances: of one space, and of the host.
//!
//! Owns the two sums. What an instance takes it gives back when it is dropped, whatever ended it. Must not know what a
//! single instance may have: that is the limiter's. Fails by naming the limit that stands in the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The names of the limits, as refusals say them.
pub const OF_SPACE: &str = "space_memory_bytes";
pub const OF_HOST: &str = "memory_bytes of spacehost.toml";

/// All instances of the host together.
#[derive(Debug)]
pub struct HostMemory {
    used: AtomicU64,
    limit: u64,
}

impl HostMemory {
    pub fn new(limit: u64) -> Self {
        HostMemory { used: AtomicU64::new(0), limit }
    }

    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// All instances of a space together, those of a version that is being tried too.
#[derive(Debug)]
pub struct SpaceMemory {
    used: AtomicU64,
    host: Arc<HostMemory>,
}

impl Default for SpaceMemory {
    /// On a host that sets no limit.
    fn default() -> Self {
        SpaceMemory::on(Arc::new(HostMemory::new(u64::MAX)))
    }
}

impl SpaceMemory {
    pub fn on(host: Arc<HostMemory>) -> Self {
        SpaceMemory { used: AtomicU64::new(0), host }
    }

    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes so many bytes from both sums, or from neither.
    pub fn take(&self, bytes: u64, limit: u64) -> Result<(), &'static str> {
        take(&self.used, bytes, limit).map_err(|()| OF_SPACE)?;
        take(&self.host.used, bytes, self.host.limit).map_err(|()| {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            OF_HOST
        })
    }

    pub fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        self.host.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

fn take(used: &AtomicU64, bytes: u64, limit: u64) -> Result<(), ()> {
    let more = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= limit);
    used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map(drop).map_err(drop)
}

/// What there may be of it if nobody says: three quarters of what the machine has, or the container that this runs in.
pub fn share_of_machine() -> u64 {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let machine = of_machine(&read("/proc/meminfo"));
    let container = read("/sys/fs/cgroup/memory.max").trim().parse().ok();
    // Where neither can be read, nobody knows better than the operator.
    machine.into_iter().chain(container).min().map_or(u64::MAX, |total| total / 4 * 3)
}

fn of_machine(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_refuses_the_space_has_not_taken() {
        let host = Arc::new(HostMemory::new(100));
        let (a, b) = (SpaceMemory::on(host.clone()), SpaceMemory::on(host.clone()));
        assert_eq!(a.take(61, 60), Err(OF_SPACE));
        assert_eq!(a.take(60, 60), Ok(()));
        assert_eq!(b.take(41, 60), Err(OF_HOST));
        assert_eq!(b.take(u64::MAX, u64::MAX), Err(OF_HOST));
        assert_eq!((a.used(), b.used(), host.used()), (60, 0, 60));
        a.give_back(60);
        assert_eq!(b.take(41, 60), Ok(()));
        assert_eq!(host.used(), 41);
    }

    #[test]
    fn the_machines_share_is_something() {
        assert_eq!(of_machine("MemFree: 1 kB\nMemTotal:       24586600 kB\n"), Some(24_586_600 << 10));
        assert_eq!([of_machine(""), of_machine("MemTotal: much\n")], [None, None]);
        assert!(share_of_machine() > 64 << 20);
    }
}
