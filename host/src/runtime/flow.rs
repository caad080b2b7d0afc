//! Flow: how many messages went from whom to whom, and how many turns they cost that failed.
//!
//! Owns the tallies of all edges since the start. Senders find theirs once, with the route, and then only add to it. Must not
//! know what a message holds. Bounded: edges beyond the bound are counted together, one sum for each kind.

use super::api::{Flow, FlowEdge};
use super::space::Space;
use super::space::turn::now_ms;
use crate::words::message::{Kind, Sender};
use crate::words::{Message, SpaceName};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

/// A thousand spaces with a few neighbours each. An edge takes some 200 bytes here, and as many in each answer.
const MOST_EDGES: usize = 4_096;
/// What stands for both ends, and for the name, of edges beyond the bound.
const OTHER: &str = "other";

static CLIENT: LazyLock<Arc<str>> = LazyLock::new(|| "client".into());
static HOST: LazyLock<Arc<str>> = LazyLock::new(|| "host".into());

/// How a message goes along an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    Command,
    Request,
    Event,
}

impl Way {
    const ALL: [Way; 3] = [Way::Command, Way::Request, Way::Event];

    fn word(self) -> &'static str {
        match self {
            Way::Command => "command",
            Way::Request => "request",
            Way::Event => "event",
        }
    }
}

/// The name of an event's edge is the pattern subscribed to: topics may be made of ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Edge {
    from: Arc<str>,
    to: Arc<str>,
    way: Way,
    name: Arc<str>,
}

/// What is counted of one edge.
#[derive(Debug, Default)]
pub struct Tally {
    messages: AtomicU64,
    failures: AtomicU64,
}

/// A place for the tally of a route that is looked for at the first message; inside nothing where nobody counts.
#[derive(Debug, Default)]
pub struct Counted(OnceLock<Option<Arc<Tally>>>);

pub struct Flows {
    counts: bool,
    since_ms: u64,
    edges: RwLock<HashMap<Edge, Arc<Tally>>>,
    others: [Arc<Tally>; Way::ALL.len()],
}

impl Flows {
    pub fn new(counts: bool) -> Self {
        Flows { counts, since_ms: now_ms(), edges: RwLock::default(), others: Default::default() }
    }

    /// A message goes that way.
    pub fn count(&self, counted: &Counted, edge: impl FnOnce() -> Option<FlowOf>) {
        let tally = counted.0.get_or_init(|| if self.counts { edge().map(|edge| self.tally(edge)) } else { None });
        if let Some(tally) = tally {
            tally.messages.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A turn that this message was handled in has failed.
    pub fn failed(&self, message: &Message, to: &Space, is_request: bool) {
        let (way, name) = match &message.kind {
            Kind::Command(name) if is_request => (Way::Request, Some(name.clone())),
            Kind::Command(name) => (Way::Command, Some(name.clone())),
            Kind::Event(topic) => (Way::Event, to.pattern_of(topic)),
            Kind::Timer(_) => return,
        };
        let edge = name.and_then(|name| FlowOf::new(&message.sender, &to.name, way, name));
        if let (true, Some(edge)) = (self.counts, edge) {
            self.tally(edge).failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn tally(&self, FlowOf(edge): FlowOf) -> Arc<Tally> {
        if let Some(known) = self.edges.read().unwrap_or_else(PoisonError::into_inner).get(&edge) {
            return known.clone();
        }
        let mut edges = self.edges.write().unwrap_or_else(PoisonError::into_inner);
        if edges.len() >= MOST_EDGES && !edges.contains_key(&edge) {
            return self.others[edge.way as usize].clone();
        }
        edges.entry(edge).or_default().clone()
    }

    /// As of now, in the order of their names; the sums of what is beyond the bound come last.
    pub fn read(&self) -> Flow {
        let known = self.edges.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut known: Vec<_> = known.into_iter().collect();
        known.sort_by(|(a, _), (b, _)| a.cmp(b));
        let other = |way: Way| {
            let name: Arc<str> = OTHER.into();
            (Edge { from: name.clone(), to: name.clone(), way, name }, self.others[way as usize].clone())
        };
        let others = Way::ALL.map(other).into_iter().filter(|(_, tally)| !tally.is_nothing());
        let edges = known.into_iter().chain(others).map(|(edge, tally)| FlowEdge {
            from: edge.from,
            to: edge.to,
            kind: edge.way.word(),
            name: edge.name,
            messages: tally.messages.load(Ordering::Relaxed),
            failures: tally.failures.load(Ordering::Relaxed),
        });
        Flow { edges: edges.collect(), since_ms: self.since_ms }
    }
}

impl Tally {
    fn is_nothing(&self) -> bool {
        self.messages.load(Ordering::Relaxed) + self.failures.load(Ordering::Relaxed) == 0
    }
}

/// Which edge a message belongs to.
pub struct FlowOf(Edge);

impl FlowOf {
    /// None for what nobody has sent: a timer's firing.
    pub fn new(from: &Sender, to: &SpaceName, way: Way, name: Arc<str>) -> Option<FlowOf> {
        let from = match from {
            Sender::Partition(partition) => partition.space.shared(),
            Sender::Client(_) => CLIENT.clone(),
            Sender::Host => HOST.clone(),
            Sender::Timer => return None,
        };
        Some(FlowOf(Edge { from, to: to.shared(), way, name }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(to: &str, way: Way) -> Option<FlowOf> {
        FlowOf::new(&Sender::Client(7), &SpaceName::parse(to).unwrap(), way, "do".into())
    }

    fn send(flows: &Flows, to: &str, way: Way) {
        flows.count(&Counted::default(), || edge(to, way));
    }

    fn told(flows: &Flows) -> Vec<(String, u64)> {
        let edges = flows.read().edges.into_iter();
        edges.map(|edge| (format!("{} {} {} {}", edge.from, edge.to, edge.kind, edge.name), edge.messages)).collect()
    }

    #[test]
    fn messages_of_one_edge_are_counted_together_and_ways_apart() {
        let flows = Flows::new(true);
        send(&flows, "b", Way::Command);
        send(&flows, "a", Way::Command);
        send(&flows, "a", Way::Command);
        send(&flows, "a", Way::Request);
        let expected = [("client a command do", 2), ("client a request do", 1), ("client b command do", 1)];
        assert_eq!(told(&flows), expected.map(|(edge, count)| (edge.to_owned(), count)));
    }

    #[test]
    fn a_route_finds_its_edge_once() {
        let (flows, counted) = (Flows::new(true), Counted::default());
        flows.count(&counted, || edge("a", Way::Event));
        flows.count(&counted, || unreachable!("it is known"));
        assert_eq!(told(&flows), [("client a event do".to_owned(), 2)]);
    }

    #[test]
    fn edges_beyond_the_bound_are_one_sum_for_each_way() {
        let flows = Flows::new(true);
        (0..MOST_EDGES + 3).for_each(|n| send(&flows, &format!("s{n}"), Way::Event));
        send(&flows, "one-more", Way::Command);
        send(&flows, "s0", Way::Event);
        let told = told(&flows);
        assert_eq!(told.len(), MOST_EDGES + 2);
        let sums = [("other other command other".to_owned(), 1), ("other other event other".to_owned(), 3)];
        assert_eq!(told[MOST_EDGES..], sums);
        assert!(told.contains(&("client s0 event do".to_owned(), 2)), "what is known is counted on");
    }

    #[test]
    fn where_nobody_counts_there_are_no_edges() {
        let flows = Flows::new(false);
        send(&flows, "a", Way::Event);
        assert_eq!(told(&flows), []);
    }
}
