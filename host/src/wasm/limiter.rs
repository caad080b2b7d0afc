//! Memory and table limits of one instance, summed over all it contains.
//!
//! A growth beyond the limit is refused to the guest, which usually traps on it; `hit` then tells why it did.

use crate::words::Limits;
use wasmtime::ResourceLimiter;

#[derive(Debug)]
pub struct Limiter {
    memory_limit: usize,
    memory: usize,
    table_limit: usize,
    elements: usize,
    /// How many there may be of each kind of thing: core instances, tables, memories.
    most: usize,
    hit: Option<&'static str>,
}

impl Limiter {
    pub fn new(limits: &Limits) -> Self {
        let size = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        Limiter {
            memory_limit: size(limits.memory_bytes),
            memory: 0,
            table_limit: size(limits.table_elements),
            elements: 0,
            most: size(limits.core_instances),
            hit: None,
        }
    }

    /// Bytes of linear memory in use.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// The limit that a growth has run into since this was last asked.
    pub fn take_hit(&mut self) -> Option<&'static str> {
        self.hit.take()
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let sum = self.memory.saturating_add(desired.saturating_sub(current));
        if sum > self.memory_limit {
            self.hit = Some("memory_bytes");
            return Ok(false);
        }
        // Beyond its own maximum the growth fails whatever we say, so it must not be counted.
        if maximum.is_none_or(|most| desired <= most) {
            self.memory = sum;
        }
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let sum = self.elements.saturating_add(desired.saturating_sub(current));
        if sum > self.table_limit {
            self.hit = Some("table_elements");
            return Ok(false);
        }
        if maximum.is_none_or(|most| desired <= most) {
            self.elements = sum;
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.most
    }

    fn tables(&self) -> usize {
        self.most
    }

    fn memories(&self) -> usize {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_count_together_and_a_refused_growth_is_remembered_once() {
        let limits = Limits { memory_bytes: 3 << 16, ..Limits::default() };
        let mut limiter = Limiter::new(&limits);
        assert!(limiter.memory_growing(0, 1 << 16, None).unwrap());
        assert!(limiter.memory_growing(0, 2 << 16, None).unwrap());
        assert!(!limiter.memory_growing(1 << 16, 2 << 16, None).unwrap());
        assert_eq!(limiter.memory(), 3 << 16);
        assert_eq!(limiter.take_hit(), Some("memory_bytes"));
        assert_eq!(limiter.take_hit(), None);
    }

    #[test]
    fn a_growth_beyond_the_memorys_own_maximum_is_not_counted() {
        let mut limiter = Limiter::new(&Limits::default());
        assert!(limiter.memory_growing(0, 2 << 16, Some(1 << 16)).unwrap());
        assert_eq!(limiter.memory(), 0);
    }
}
