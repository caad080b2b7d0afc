//! A walk through a map, page by page. It owns the paging; an entry that this version cannot read gives `bad-state` and the walk
//! goes on behind it.

use std::collections::VecDeque;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::cell::{AsKey, Key, parse};
use crate::port::Page;
use crate::{Failure, Result, port};

/// Few at first, for who wants only the first; then more, for who wants all.
const FIRST_PAGE: u32 = 8;
const LARGEST_PAGE: u32 = 512;

/// Reads a page: a prefix, how many, and the key to go on from.
type Scan = fn(&[u8], u32, Option<&[u8]>) -> Page;

/// Entries of a map in the order of their keys, or backwards. What is written while walking is seen from the next page on.
#[derive(Debug)]
pub struct Entries<K, V> {
    /// `field/`, which each state key begins with.
    field: String,
    prefix: String,
    scan: Scan,
    limit: u32,
    page: VecDeque<(Vec<u8>, Vec<u8>)>,
    behind: Option<Vec<u8>>,
    finished: bool,
    entries: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: DeserializeOwned> Entries<K, V> {
    pub(super) fn new(name: &str, prefix: &str) -> Self {
        let (field, prefix) = (format!("{name}/"), format!("{name}/{prefix}"));
        let (page, behind, entries) = (VecDeque::new(), None, PhantomData);
        Entries { field, prefix, scan: port::state_scan, limit: FIRST_PAGE, page, behind, finished: false, entries }
    }

    /// The same entries from the end on, the last one first. Call it before the walk begins.
    pub fn backwards(mut self) -> Self {
        self.scan = port::state_scan_back;
        self
    }

    /// Only those behind a key on the way of the walk; it need not be there: to go on where an earlier walk ended.
    pub fn after<Q: AsKey<K> + ?Sized>(mut self, key: &Q) -> Self {
        self.behind = Some(format!("{}{}", self.field, key.text()).into_bytes());
        self
    }

    /// The keys alone.
    pub fn keys(self) -> impl Iterator<Item = Result<K>> {
        self.map(|entry| entry.map(|(key, _)| key))
    }

    /// The values alone.
    pub fn values(self) -> impl Iterator<Item = Result<V>> {
        self.map(|entry| entry.map(|(_, value)| value))
    }

    fn fetch(&mut self) {
        // The host may return an empty page that is not the last.
        while self.page.is_empty() && !self.finished {
            let (entries, next) = (self.scan)(self.prefix.as_bytes(), self.limit, self.behind.as_deref());
            self.limit = (self.limit * 4).min(LARGEST_PAGE);
            self.page = entries.into();
            self.finished = next.is_none();
            self.behind = next;
        }
    }

    fn read(&self, key: &[u8], value: &[u8]) -> Result<(K, V)> {
        let text = String::from_utf8_lossy(key);
        let spelled = text.strip_prefix(&self.field).and_then(K::read);
        let key = spelled.ok_or_else(|| Failure::new("bad-state", format!("{text}: no key of this map")))?;
        Ok((key, parse(&text, value)?))
    }
}

impl<K: Key, V: DeserializeOwned> Iterator for Entries<K, V> {
    type Item = Result<(K, V)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.fetch();
        let (key, value) = self.page.pop_front()?;
        Some(self.read(&key, &value))
    }
}
