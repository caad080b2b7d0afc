//! What a space holds, for whoever looks at it: its state page by page, whether it serves or not.
//!
//! A partition's state is its actor's alone, so the actor is asked, between two turns. What is shown is on disk by then.

use super::api::{Refusal, StateEntry, StatePage, StatePlace, StateQuery};
use super::space::actor::Control;
use super::space::purge::{ShowOrder, Shown};
use super::space::{Partition, Space};
use super::{Inner, Runtime};
use crate::wasm::Page;
use crate::words::SpaceName;
use std::sync::Arc;
use tokio::sync::oneshot;

/// A page ends with the entry that goes beyond.
const PAGE_BYTES: usize = 1 << 20;

impl Runtime {
    /// A page of a space's state. `Stopping` when the host ends meanwhile.
    pub async fn state(&self, name: &SpaceName, query: StateQuery) -> Result<StatePage, Refusal> {
        let there = self.0.router.space(name).filter(|space| space.former().is_some() || !space.is_empty());
        let space = there.ok_or_else(|| self.0.unknown(name))?;
        let page = self.0.state_of(&space, query).await?;
        self.settled().await;
        Ok(page)
    }

    /// What the tables hold of all that is durable now, held fast, for a backup; None in memory, or when the tables are no
    /// longer written. Blocks for as long as a flush takes.
    pub fn freeze(&self) -> Option<Result<crate::store::Frozen, crate::store::tables::TablesError>> {
        self.0.keeper.as_ref()?.freeze().recv().ok()
    }
}

impl Inner {
    async fn state_of(&self, space: &Arc<Space>, query: StateQuery) -> Result<StatePage, Refusal> {
        let mut filling = Filling::new(&query, space.partitions.len() as u32);
        while let Some((partition, limit, after)) = filling.wanted() {
            let shown = show(&space.partitions[partition as usize], query.prefix.clone(), limit, after).await?;
            filling.take(partition, shown.page);
        }
        Ok(filling.page)
    }

    /// Until all that was there has been loaded, nobody can say what there is not.
    pub(super) fn unknown(&self, name: &SpaceName) -> Refusal {
        if self.router.is_open() { Refusal::UnknownSpace(name.clone()) } else { Refusal::Starting }
    }
}

/// Asks a partition for a page of its state.
pub async fn show(
    partition: &Partition,
    prefix: Vec<u8>,
    limit: u32,
    after: Option<Vec<u8>>,
) -> Result<Shown, Refusal> {
    let (answer, shown) = oneshot::channel();
    let order = ShowOrder { prefix, limit, after, shown: answer };
    partition.mailbox.push_control(Control::Show(Box::new(order)));
    // An actor that is gone ends with the host.
    shown.await.map_err(|_| Refusal::Stopping)
}

/// A page that is being filled, partition by partition.
struct Filling {
    page: StatePage,
    at: Option<StatePlace>,
    limit: usize,
    bytes: usize,
    /// The first partition that is not wanted.
    end: u32,
}

impl Filling {
    fn new(query: &StateQuery, partitions: u32) -> Self {
        let begin = StatePlace { partition: query.partition.unwrap_or(0), after: None };
        let at = query.from.clone().filter(|from| from.partition >= begin.partition).unwrap_or(begin);
        let end = query.partition.map_or(partitions, |only| partitions.min(only.saturating_add(1)));
        Filling { page: StatePage::default(), at: Some(at), limit: query.limit, bytes: 0, end }
    }

    /// Whom to ask next, for how many, and after which key.
    fn wanted(&mut self) -> Option<(u32, u32, Option<Vec<u8>>)> {
        let at = self.at.take().filter(|at| at.partition < self.end)?;
        let room = self.limit.saturating_sub(self.page.entries.len());
        if room == 0 || self.bytes >= PAGE_BYTES {
            self.page.next = Some(at);
            return None;
        }
        Some((at.partition, u32::try_from(room).unwrap_or(u32::MAX), at.after))
    }

    fn take(&mut self, partition: u32, page: Page) {
        self.at = Some(match page.next {
            Some(key) => StatePlace { partition, after: Some(key) },
            None => StatePlace { partition: partition + 1, after: None },
        });
        for (key, value) in page.entries {
            self.bytes += key.len() + value.len();
            self.page.entries.push(StateEntry { partition, key, value });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::space::state::scan;
    use bytes::Bytes;
    use std::collections::BTreeMap;

    fn fill(query: &StateQuery, partitions: &[&[&str]]) -> StatePage {
        let mut filling = Filling::new(query, partitions.len() as u32);
        while let Some((partition, limit, after)) = filling.wanted() {
            let keys = partitions[partition as usize].iter();
            let map: BTreeMap<_, _> = keys.map(|key| (key.as_bytes().to_vec(), Bytes::from_static(b"v"))).collect();
            filling.take(partition, scan(&map, &query.prefix, limit, after.as_deref()));
        }
        filling.page
    }

    #[test]
    fn pages_go_through_all_partitions_and_show_each_key_once() {
        let partitions: [&[&str]; 4] = [&["a", "b", "c"], &[], &["", "x"], &["y"]];
        for limit in 1..8 {
            let (mut query, mut seen) = (StateQuery { limit, ..StateQuery::default() }, Vec::new());
            loop {
                let page = fill(&query, &partitions);
                assert!(page.entries.len() <= limit);
                let keys = page.entries.into_iter();
                seen.extend(keys.map(|entry| (entry.partition, String::from_utf8(entry.key).unwrap())));
                let Some(next) = page.next else { break };
                query.from = Some(next);
            }
            let wanted = [(0, "a"), (0, "b"), (0, "c"), (2, ""), (2, "x"), (3, "y")];
            assert_eq!(seen, wanted.map(|(partition, key)| (partition, key.to_owned())), "{limit} at once");
        }
    }

    #[test]
    fn one_partition_and_one_prefix_are_shown_alone() {
        let partitions: [&[&str]; 2] = [&["a"], &["a/1", "a/2", "b"]];
        let query = StateQuery { prefix: b"a".to_vec(), partition: Some(1), limit: 9, from: None };
        let page = fill(&query, &partitions);
        let keys: Vec<_> = page.entries.iter().map(|entry| (entry.partition, entry.key.as_slice())).collect();
        assert_eq!((keys, page.next), (vec![(1, &b"a/1"[..]), (1, b"a/2")], None));
    }
}
