//! The state of one partition: an ordered map in memory, with an undo log for the turn in hand.
//!
//! Writes go into the map at once, so that reads see them; discarding a turn plays the undo log back. The former values
//! in it are also what a replay needs to rebuild the state before a turn.

use crate::wasm::Page;
use crate::words::failure::code;
use crate::words::{Failure, Limits};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;

/// The most entries and bytes in one page of a scan; more is fetched by continuation.
const PAGE_ENTRIES: usize = 1_000;
const PAGE_BYTES: usize = 1 << 20;

#[derive(Default)]
pub struct PartitionState {
    map: BTreeMap<Vec<u8>, Bytes>,
    bytes: u64,
    /// Keys written by the turn in hand and their former values, oldest first.
    undo: Vec<(Vec<u8>, Option<Bytes>)>,
    /// Bytes that the turn in hand has written; all are kept until it ends.
    written: u64,
}

impl PartitionState {
    pub fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.map.get(key).cloned()
    }

    /// Counts what a turn is about to write. A migration counts for itself.
    pub fn charge(&mut self, key: &[u8], value: &[u8], limits: &Limits) -> Result<(), Failure> {
        let written = self.written + weigh(key, value);
        let allowed = limits.written_bytes_per_turn;
        if written > allowed {
            let message =
                format!("this turn would have written {written} bytes; `written_bytes_per_turn` allows {allowed}");
            return Err(Failure::last(code::TOO_LARGE, message));
        }
        self.written = written;
        Ok(())
    }

    pub fn set(&mut self, key: Vec<u8>, value: Bytes, limits: &Limits) -> Result<(), Failure> {
        check_size("key", key.len(), limits.state_key_bytes, code::KEY_TOO_LARGE)?;
        check_size("value", value.len(), limits.state_value_bytes, code::VALUE_TOO_LARGE)?;
        let former = self.map.get(&key);
        let keys = self.map.len() as u64 + u64::from(former.is_none());
        let bytes = self.bytes + weigh(&key, &value) - former.map_or(0, |former| weigh(&key, former));
        if keys > limits.state_keys || bytes > limits.state_bytes {
            let message = format!(
                "the state would have {keys} keys and {bytes} bytes; `state_keys` allows {}, `state_bytes` {}",
                limits.state_keys, limits.state_bytes
            );
            return Err(Failure::last(code::STATE_FULL, message));
        }
        self.bytes = bytes;
        let former = self.map.insert(key.clone(), value);
        self.undo.push((key, former));
        Ok(())
    }

    pub fn delete(&mut self, key: &[u8]) {
        if let Some((key, former)) = self.map.remove_entry(key) {
            self.bytes -= weigh(&key, &former);
            self.undo.push((key, Some(former)));
        }
    }

    /// A page of entries, and the key to go on after if there are more.
    pub fn scan(&self, prefix: &[u8], limit: u32, after: Option<&[u8]>) -> Page {
        scan(&self.map, prefix, limit, after)
    }

    /// The same from the end on: the last entry first, and the key to go on before.
    pub fn scan_back(&self, prefix: &[u8], limit: u32, before: Option<&[u8]>) -> Page {
        scan_back(&self.map, prefix, limit, before)
    }

    /// The keys that the turn in hand has written, each once, and what they hold now.
    pub fn written(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let mut keys: Vec<&[u8]> = self.undo.iter().map(|(key, _)| key.as_slice()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().map(|key| (key, self.map.get(key).map(|value| &value[..])))
    }

    /// What those keys held before the turn.
    pub fn former(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let mut first_of_each: BTreeMap<&[u8], Option<&[u8]>> = BTreeMap::new();
        for (key, former) in &self.undo {
            first_of_each.entry(key).or_insert(former.as_deref());
        }
        first_of_each.into_iter()
    }

    /// What brings the state back to where it was before the turn.
    pub fn undo(&self) -> Vec<(Vec<u8>, Option<Bytes>)> {
        let mut first_of_each: BTreeMap<&[u8], &Option<Bytes>> = BTreeMap::new();
        for (key, former) in &self.undo {
            first_of_each.entry(key).or_insert(former);
        }
        first_of_each.into_iter().map(|(key, former)| (key.to_vec(), former.clone())).collect()
    }

    /// Gives a key the value that it had once. It was within the limits then.
    pub fn put_back(&mut self, key: Vec<u8>, former: Option<Bytes>) {
        let current = self.put(key.clone(), former);
        self.undo.push((key, current));
    }

    /// How much the turn in hand has written, to tell what it writes from here on.
    pub fn mark(&self) -> usize {
        self.undo.len()
    }

    /// The keys that hold another value than they did at that mark, and that value.
    pub fn changed_since(&self, mark: usize) -> BTreeMap<Vec<u8>, Option<Bytes>> {
        let mut at_mark: BTreeMap<&[u8], Option<&Bytes>> = BTreeMap::new();
        for (key, former) in self.undo.iter().skip(mark) {
            at_mark.entry(key).or_insert(former.as_ref());
        }
        let changed = at_mark.into_iter().filter(|(key, former)| self.map.get(*key) != *former);
        changed.map(|(key, _)| (key.to_vec(), self.map.get(key).cloned())).collect()
    }

    /// What is known to have been written, whatever the limits are by now; what was there before is returned, and no turn undoes it.
    pub fn put(&mut self, key: Vec<u8>, value: Option<Bytes>) -> Option<Bytes> {
        let weight = key.len() as u64;
        let former = match value {
            Some(value) => {
                self.bytes += weight + value.len() as u64;
                self.map.insert(key, value)
            }
            None => self.map.remove(&key),
        };
        self.bytes -= former.as_ref().map_or(0, |former| weight + former.len() as u64);
        former
    }

    /// The state as it was on disk.
    pub fn restore(map: BTreeMap<Vec<u8>, Bytes>) -> Self {
        let bytes = map.iter().map(|(key, value)| weigh(key, value)).sum();
        PartitionState { map, bytes, undo: Vec::new(), written: 0 }
    }

    /// The writes of the turn stand. True if there were any.
    pub fn commit(&mut self) -> bool {
        let wrote = !self.undo.is_empty();
        self.undo.clear();
        self.written = 0;
        wrote
    }

    /// The writes of the turn have never been.
    pub fn discard(&mut self) {
        self.written = 0;
        while let Some((key, former)) = self.undo.pop() {
            let current = match former {
                Some(former) => {
                    self.bytes += weigh(&key, &former);
                    self.map.insert(key.clone(), former)
                }
                None => self.map.remove(&key),
            };
            self.bytes -= current.map_or(0, |current| weigh(&key, &current));
        }
    }

    /// Keys and bytes.
    pub fn usage(&self) -> (u64, u64) {
        (self.map.len() as u64, self.bytes)
    }
}

/// A page of a partition's keys, and the one to go on after if there are more.
pub fn scan(map: &BTreeMap<Vec<u8>, Bytes>, prefix: &[u8], limit: u32, after: Option<&[u8]>) -> Page {
    let from = match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    };
    page(map.range::<[u8], _>((from, Bound::Unbounded)).take_while(|(k, _)| k.starts_with(prefix)), limit)
}

fn scan_back(map: &BTreeMap<Vec<u8>, Bytes>, prefix: &[u8], limit: u32, before: Option<&[u8]>) -> Page {
    let end = behind_all(prefix);
    let to = match (before, &end) {
        // A range that ends before it begins would be a panic.
        (Some(before), _) if before <= prefix => return Page::default(),
        (Some(before), Some(end)) => Bound::Excluded(before.min(end)),
        (Some(before), None) => Bound::Excluded(before),
        (None, Some(end)) => Bound::Excluded(end.as_slice()),
        (None, None) => Bound::Unbounded,
    };
    page(map.range::<[u8], _>((Bound::Included(prefix), to)).rev(), limit)
}

/// The first key behind all that begin with the prefix; none if there is no such key.
fn behind_all(prefix: &[u8]) -> Option<Vec<u8>> {
    let place = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut end = prefix[..=place].to_vec();
    end[place] += 1;
    Some(end)
}

fn page<'a>(mut rest: impl Iterator<Item = (&'a Vec<u8>, &'a Bytes)>, limit: u32) -> Page {
    let limit = PAGE_ENTRIES.min(limit as usize);
    let mut entries: Vec<(Vec<u8>, Bytes)> = Vec::new();
    let mut bytes = 0;
    while entries.len() < limit && bytes < PAGE_BYTES {
        let Some((key, value)) = rest.next() else { return Page { entries, next: None } };
        bytes += key.len() + value.len();
        entries.push((key.clone(), value.clone()));
    }
    let next = rest.next().is_some().then(|| entries.last().map(|(key, _)| key.clone())).flatten();
    Page { entries, next }
}

fn weigh(key: &[u8], value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}

fn check_size(what: &str, bytes: usize, allowed: u64, code: &'static str) -> Result<(), Failure> {
    if bytes as u64 <= allowed {
        return Ok(());
    }
    Err(Failure::last(code, format!("the {what} has {bytes} bytes; `state_{what}_bytes` allows {allowed}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(keys: &[&str]) -> PartitionState {
        let mut state = PartitionState::default();
        for key in keys {
            state.set(key.as_bytes().to_vec(), Bytes::from_static(b"v"), &Limits::default()).unwrap();
        }
        state.commit();
        state
    }

    fn keys(state: &PartitionState) -> Vec<String> {
        state.map.keys().map(|key| String::from_utf8(key.clone()).unwrap()).collect()
    }

    #[test]
    fn a_discarded_turn_leaves_values_keys_and_sizes_as_they_were() {
        let mut state = filled(&["a", "b"]);
        let before = state.usage();
        state.set(b"a".to_vec(), Bytes::from_static(b"other"), &Limits::default()).unwrap();
        state.set(b"a".to_vec(), Bytes::from_static(b"third"), &Limits::default()).unwrap();
        state.delete(b"b");
        state.set(b"c".to_vec(), Bytes::from_static(b"new"), &Limits::default()).unwrap();
        state.delete(b"c");
        assert_eq!(state.get(b"a").unwrap(), "third");
        let former: Vec<_> = state.former().collect();
        assert_eq!(former, [(&b"a"[..], Some(&b"v"[..])), (b"b", Some(b"v")), (b"c", None)]);
        state.discard();
        assert_eq!((state.get(b"a").unwrap(), keys(&state)), (Bytes::from_static(b"v"), vec!["a".into(), "b".into()]));
        assert_eq!(state.usage(), before);
    }

    #[test]
    fn what_a_committed_turn_has_written_can_be_put_back() {
        let mut state = filled(&["a", "b"]);
        let before = state.usage();
        state.set(b"a".to_vec(), Bytes::from_static(b"other"), &Limits::default()).unwrap();
        state.delete(b"b");
        state.set(b"c".to_vec(), Bytes::from_static(b"new"), &Limits::default()).unwrap();
        let undo = state.undo();
        state.commit();
        undo.into_iter().for_each(|(key, former)| state.put_back(key, former));
        state.commit();
        assert_eq!((state.get(b"a").unwrap(), keys(&state)), (Bytes::from_static(b"v"), vec!["a".into(), "b".into()]));
        assert_eq!(state.usage(), before);
    }

    #[test]
    fn a_scan_pages_through_a_prefix_in_order_and_stops_at_its_end() {
        let state = filled(&["a/1", "a/2", "a/3", "b/1"]);
        let Page { entries: page, next } = state.scan(b"a/", 2, None);
        assert_eq!(page.iter().map(|(k, _)| k.as_slice()).collect::<Vec<_>>(), [b"a/1", b"a/2"]);
        let Page { entries: page, next } = state.scan(b"a/", 2, next.as_deref());
        assert_eq!((page.len(), next), (1, None));
        assert_eq!(state.scan(b"a/", 0, None), Page::default());
        assert_eq!(state.scan(b"c", 9, None), Page::default());
    }

    #[test]
    fn a_scan_back_pages_through_a_prefix_from_its_end() {
        let state = filled(&["a", "a/1", "a/2", "a/3", "a0", "b/1"]);
        let Page { entries: page, next } = state.scan_back(b"a/", 2, None);
        assert_eq!(page.iter().map(|(k, _)| k.as_slice()).collect::<Vec<_>>(), [b"a/3", b"a/2"]);
        let Page { entries: page, next } = state.scan_back(b"a/", 2, next.as_deref());
        assert_eq!((page.len(), next), (1, None));
        assert_eq!(state.scan_back(b"", 9, None).entries.len(), 6);
        assert_eq!(state.scan_back(b"c", 9, None), Page::default());
    }

    #[test]
    fn a_scan_back_takes_whatever_bounds_it_is_given() {
        let mut state = PartitionState::default();
        for key in [&b"\xff"[..], b"\xff\xff", b"\xff\xff\x01", b"a"] {
            state.set(key.to_vec(), Bytes::new(), &Limits::default()).unwrap();
        }
        let count = |prefix: &[u8], before: Option<&[u8]>| state.scan_back(prefix, 9, before).entries.len();
        assert_eq!((count(b"\xff\xff", None), count(b"\xff", Some(b"\xff\xff\x01"))), (2, 2));
        // Before the first, before all of the prefix, behind all of it.
        assert_eq!((count(b"\xff", Some(b"\xff")), count(b"a", Some(b"")), count(b"a", Some(b"z"))), (0, 0, 1));
    }

    #[test]
    fn a_page_is_bounded_in_bytes_too() {
        let mut state = PartitionState::default();
        for n in 0..4u8 {
            state.set(vec![n], Bytes::from(vec![0; 600_000]), &Limits::default()).unwrap();
        }
        let Page { entries: page, next } = state.scan(b"", 1_000, None);
        assert_eq!((page.len(), next), (2, Some(vec![1])));
    }

    #[test]
    fn what_a_turn_has_changed_since_a_mark_is_told_by_its_final_values() {
        let mut state = filled(&["a", "b", "c"]);
        let set = |state: &mut PartitionState, key: &str, value: &'static str| {
            state.set(key.into(), Bytes::from(value), &Limits::default()).unwrap();
        };
        set(&mut state, "a", "before");
        let mark = state.mark();
        set(&mut state, "a", "after");
        set(&mut state, "b", "other");
        set(&mut state, "b", "v");
        set(&mut state, "d", "new");
        state.delete(b"d");
        state.delete(b"c");
        let changed = [(b"a".to_vec(), Some(Bytes::from("after"))), (b"c".to_vec(), None)];
        assert_eq!(state.changed_since(mark), changed.into());
    }

    #[test]
    fn what_is_put_in_counts_and_is_no_write_of_a_turn() {
        let mut state = filled(&["a", "b"]);
        state.put(b"a".to_vec(), Some(Bytes::from("longer")));
        state.put(b"b".to_vec(), None);
        state.put(b"c".to_vec(), None);
        state.discard();
        assert_eq!((state.get(b"a").unwrap(), state.usage()), (Bytes::from("longer"), (1, 7)));
    }

    #[test]
    fn a_turn_that_writes_one_key_over_and_over_is_refused_in_time_and_the_next_one_is_not() {
        let limits = Limits { written_bytes_per_turn: 10, ..Limits::default() };
        let mut state = PartitionState::default();
        assert_eq!(state.charge(b"a", b"1234", &limits), Ok(()));
        assert_eq!(state.charge(b"a", b"1234", &limits), Ok(()));
        let refused = state.charge(b"a", b"1", &limits).unwrap_err();
        assert!(
            refused.code == "too-large" && refused.message.contains("`written_bytes_per_turn` allows 10"),
            "{refused}"
        );
        state.commit();
        assert_eq!(state.charge(b"a", b"12345678", &limits), Ok(()));
        state.discard();
        assert_eq!(state.charge(b"a", b"12345678", &limits), Ok(()));
    }

    #[test]
    fn each_limit_has_its_failure_and_the_write_is_not_made() {
        let limits =
            Limits { state_keys: 1, state_bytes: 10, state_key_bytes: 4, state_value_bytes: 8, ..Limits::default() };
        let mut state = PartitionState::default();
        let mut set = |key: &str, value: &'static str| {
            state.set(key.into(), Bytes::from(value), &limits).map_err(|failure| failure.code.into_owned())
        };
        assert_eq!(set("a", "1"), Ok(()));
        assert_eq!(set("b", "1"), Err("state-full".into()));
        assert_eq!(set("aaaaa", "1"), Err("key-too-large".into()));
        assert_eq!(set("a", "123456789"), Err("value-too-large".into()));
        assert_eq!(set("a", "12345678"), Ok(()));
        assert_eq!(state.usage(), (1, 9));
    }
}
