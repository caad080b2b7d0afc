//! Memory, table and call limits of one instance, summed over all it contains, and its part of what space and host may have.
//!
//! A growth beyond a limit is refused to the guest, which usually traps on it; `hit` then tells why it did. What was
//! granted is given back when the limiter is dropped, with its store.

use super::memory::SpaceMemory;
use crate::words::Limits;
use std::sync::Arc;
use wasmtime::ResourceLimiter;

/// What an element of a table takes.
const ELEMENT_BYTES: u64 = 8;

#[derive(Debug)]
pub struct Limiter {
    limits: Limits,
    memory: u64,
    elements: u64,
    space: Arc<SpaceMemory>,
    /// Taken from the space: memory and tables.
    taken: u64,
    hit: Option<&'static str>,
}

impl Limiter {
    pub fn new(limits: &Limits, space: Arc<SpaceMemory>) -> Self {
        Limiter { limits: limits.clone(), memory: 0, elements: 0, space, taken: 0, hit: None }
    }

    /// Bytes of linear memory in use.
    pub fn memory(&self) -> u64 {
        self.memory
    }

    /// Remembers the limit that ends the call in hand.
    pub fn note_hit(&mut self, limit: &'static str) {
        self.hit = Some(limit);
    }

    /// The limit that has been run into since this was last asked.
    pub fn take_hit(&mut self) -> Option<&'static str> {
        self.hit.take()
    }

    /// Whether that growth is granted: by the limit of that name, and by space and host.
    fn grant(&mut self, growth: &Growth, name: &'static str, bytes: u64) -> bool {
        let taken = match growth.sum <= self.limits.get(name).unwrap_or(0) {
            // Beyond its own maximum it fails whatever we say, so it must not be counted.
            true if growth.is_beyond_its_own => return false,
            true => self.space.take(bytes, self.limits.space_memory_bytes),
            false => Err(name),
        };
        match taken {
            Ok(()) => self.taken += bytes,
            Err(limit) => self.hit = Some(limit),
        }
        taken.is_ok()
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.space.give_back(self.taken);
    }
}

/// How much there is to be of something in one instance.
struct Growth {
    by: u64,
    sum: u64,
    is_beyond_its_own: bool,
}

impl Growth {
    fn of(before: u64, current: usize, desired: usize, maximum: Option<usize>) -> Self {
        let by = desired.saturating_sub(current) as u64;
        let is_beyond_its_own = maximum.is_some_and(|most| desired > most);
        Growth { by, sum: before.saturating_add(by), is_beyond_its_own }
    }
}

fn count(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let growth = Growth::of(self.memory, current, desired, maximum);
        let granted = self.grant(&growth, "memory_bytes", growth.by);
        if granted {
            self.memory = growth.sum;
        }
        Ok(granted)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let growth = Growth::of(self.elements, current, desired, maximum);
        let granted = self.grant(&growth, "table_elements", growth.by.saturating_mul(ELEMENT_BYTES));
        if granted {
            self.elements = growth.sum;
        }
        Ok(granted)
    }

    fn instances(&self) -> usize {
        count(self.limits.core_instances)
    }

    fn tables(&self) -> usize {
        count(self.limits.tables)
    }

    fn memories(&self) -> usize {
        count(self.limits.memories)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 1 << 16;

    fn limiter(memory_bytes: u64, space: &Arc<SpaceMemory>) -> Limiter {
        let limits = Limits { memory_bytes, space_memory_bytes: 4 << 16, ..Limits::default() };
        Limiter::new(&limits, space.clone())
    }

    #[test]
    fn memories_count_together_and_a_refused_growth_is_remembered_once() {
        let mut limiter = limiter(3 << 16, &Arc::default());
        assert!(limiter.memory_growing(0, PAGE, None).unwrap());
        assert!(limiter.memory_growing(0, 2 * PAGE, None).unwrap());
        assert!(!limiter.memory_growing(PAGE, 2 * PAGE, None).unwrap());
        assert_eq!(limiter.memory(), 3 << 16);
        assert_eq!(limiter.take_hit(), Some("memory_bytes"));
        assert_eq!(limiter.take_hit(), None);
    }

    #[test]
    fn a_growth_beyond_the_memorys_own_maximum_is_not_counted() {
        let space = Arc::default();
        let mut limiter = limiter(3 << 16, &space);
        assert!(!limiter.memory_growing(0, 2 * PAGE, Some(PAGE)).unwrap());
        assert_eq!((limiter.memory(), space.used(), limiter.take_hit()), (0, 0, None));
    }

    #[test]
    fn instances_of_a_space_count_together_with_their_tables_until_they_are_dropped() {
        let space = Arc::default();
        let (mut one, mut other) = (limiter(3 << 16, &space), limiter(3 << 16, &space));
        assert!(one.memory_growing(0, 3 * PAGE, None).unwrap());
        assert!(other.table_growing(0, PAGE / 8, None).unwrap());
        assert!(!other.memory_growing(0, PAGE, None).unwrap());
        assert_eq!(other.take_hit(), Some("space_memory_bytes"));
        drop(one);
        assert!(other.memory_growing(0, PAGE, None).unwrap());
        assert_eq!(space.used(), 2 << 16);
        drop(other);
        assert_eq!(space.used(), 0);
    }

    #[test]
    fn a_growth_past_all_numbers_is_refused_by_name() {
        let mut limiter = limiter(3 << 16, &Arc::default());
        assert!(!limiter.table_growing(0, 1 << 62, Some(1_000_000)).unwrap());
        assert_eq!(limiter.take_hit(), Some("table_elements"));
        assert!(!limiter.memory_growing(PAGE, usize::MAX, None).unwrap());
        assert_eq!(limiter.take_hit(), Some("memory_bytes"));
    }
}
