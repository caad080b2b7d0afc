//! The commit group: records on their way to disk, already in the form in which they will lie there.
//!
//! Owns the buffer that callers fill under a lock, so filling it is one copy. Must not know the journal it goes to.
//! Cannot fail; sequences out of order are the caller's bug.

use super::frame::{self, HEADER, Place, Salt};

/// Records with contiguous ascending sequences. Becomes durable as a whole or not at all.
#[derive(Debug, Default)]
pub struct Group {
    /// Room for the frame's header, then the records. Nothing at all while there is no record.
    bytes: Vec<u8>,
    first: u64,
    records: u64,
}

impl Group {
    pub fn push(&mut self, sequence: u64, payload: &[u8]) {
        if self.is_empty() {
            self.bytes.resize(HEADER, 0);
            self.first = sequence;
        }
        debug_assert_eq!(sequence, self.first + self.records, "sequences of a group are contiguous");
        frame::push_record(&mut self.bytes, payload);
        self.records += 1;
    }

    /// What the group will take on disk.
    pub fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn records(&self) -> u64 {
        self.records
    }

    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// The sequence of the first record.
    pub fn first(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.first)
    }

    /// The sequence of the last record.
    pub fn last(&self) -> Option<u64> {
        (!self.is_empty()).then(|| self.first + self.records - 1)
    }

    /// The records with their sequences.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let body = self.bytes.get(HEADER..).unwrap_or_default();
        let mut offset = 0;
        let payloads = std::iter::from_fn(move || {
            let payload = frame::record(body, offset)?;
            offset = frame::after(&payload);
            body.get(payload)
        });
        (self.first..).zip(payloads)
    }

    /// Empties the group, and keeps its allocation.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records = 0;
    }

    /// The group as the frame at `place`. May be done again for another place.
    pub(super) fn seal(&mut self, place: Place, salt: Salt) -> &[u8] {
        frame::seal(&mut self.bytes, self.first, self.records, (place, salt));
        &self.bytes
    }
}
