//! The state of a partition as it was before some of its turns: taken page by page while the partition goes on, and put right
//! from the turns' former values.
//!
//! Pure: pages and turns are handed in. Each page is true for a moment of its own, so a turn is undone in those pages only
//! that were taken after it. Must not know where either comes from. Cannot fail.

use super::effects::Writes;
use crate::runtime::space::state::PartitionState;
use crate::wasm::Page;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;

#[derive(Debug, Default)]
pub struct Snapshot {
    entries: BTreeMap<Vec<u8>, Bytes>,
    /// The last key of each page but the last, and when that was taken.
    seams: BTreeMap<Vec<u8>, u64>,
    /// When the last page was taken; 0: it is still to come.
    pub until: u64,
}

impl Snapshot {
    /// Takes in the next page, of the moment after `sequence`. Answers after which key the one to come begins.
    pub fn take(&mut self, page: Page, sequence: u64) -> Option<Vec<u8>> {
        self.entries.extend(page.entries);
        match &page.next {
            Some(last) => drop(self.seams.insert(last.clone(), sequence)),
            None => self.until = sequence,
        }
        page.next
    }

    /// A turn has never been. Turns are to be undone newest first.
    pub fn undo(&mut self, sequence: u64, former: &Writes) {
        for (key, value) in former {
            if self.taken_at(key) < sequence {
                continue;
            }
            match value {
                Some(value) => self.entries.insert(key.clone(), value.clone()),
                None => self.entries.remove(key),
            };
        }
    }

    /// When the page was taken in which the key would be.
    fn taken_at(&self, key: &[u8]) -> u64 {
        self.seams
            .range::<[u8], _>((Bound::Included(key), Bound::Unbounded))
            .next()
            .map_or(self.until, |(_, sequence)| *sequence)
    }

    pub fn into_state(self) -> PartitionState {
        PartitionState::restore(self.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::space::state::scan;

    type Map = BTreeMap<Vec<u8>, Bytes>;

    fn map(entries: &[(&str, &'static str)]) -> Map {
        entries.iter().map(|(key, value)| (key.as_bytes().to_vec(), Bytes::from_static(value.as_bytes()))).collect()
    }

    /// A turn that writes these, and what it leaves behind for its undoing.
    fn turn(state: &mut Map, writes: &[(&str, Option<&'static str>)]) -> Writes {
        let mut former = Writes::new();
        for (key, value) in writes {
            let key = key.as_bytes().to_vec();
            let before = match value {
                Some(value) => state.insert(key.clone(), Bytes::from_static(value.as_bytes())),
                None => state.remove(&key),
            };
            former.insert(key, before);
        }
        former
    }

    #[test]
    fn undoing_turns_newest_first_gives_the_state_before_them() {
        let before = map(&[("a", "1"), ("b", "2")]);
        let mut state = before.clone();
        let first = turn(&mut state, &[("a", Some("9")), ("c", Some("3"))]);
        let second = turn(&mut state, &[("a", Some("10")), ("b", None), ("c", None)]);
        let mut snapshot = Snapshot::default();
        assert_eq!(snapshot.take(scan(&state, b"", 100, None), 2), None);
        snapshot.undo(2, &second);
        snapshot.undo(1, &first);
        assert_eq!(snapshot.entries, before);
    }

    #[test]
    fn a_turn_between_two_pages_is_undone_in_the_later_one_only() {
        let before = map(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
        let mut state = before.clone();
        let mut snapshot = Snapshot::default();
        // The first page holds `a` and `b`, then a turn changes keys of both pages, also ones that were not there.
        let next = snapshot.take(scan(&state, b"", 2, None), 1);
        let writes = [("a", Some("9")), ("aa", Some("new")), ("c", None), ("cc", Some("new")), ("d", Some("9"))];
        let between = turn(&mut state, &writes);
        assert_eq!(snapshot.take(scan(&state, b"", 9, next.as_deref()), 2), None);
        snapshot.undo(2, &between);
        assert_eq!(snapshot.entries, before);
    }
}
