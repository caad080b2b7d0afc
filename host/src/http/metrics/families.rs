//! The families of the host and of its spaces: which figure has which name.
//!
//! Names and units follow Prometheus's conventions: base units, counters end in `_total`. A family without series is left out.

use super::series::{counter, gauge, histogram};
use crate::runtime::api::{Figures, HostFigures, JournalFigures, SpaceFigures, SpaceState, Usage};
use prometheus::proto::MetricFamily;

pub fn of(figures: &Figures) -> Vec<MetricFamily> {
    let mut families = host(&figures.host);
    families.extend(figures.host.journal.as_ref().map(journal).unwrap_or_default());
    families.extend(turns(&figures.spaces));
    families.extend(waiting(&figures.spaces));
    families.extend(holdings(&figures.spaces));
    families.extend(versions(figures));
    families.retain(|family| !family.get_metric().is_empty());
    families
}

/// One series for each space.
fn each(spaces: &[SpaceFigures], value: impl Fn(&SpaceFigures) -> f64) -> Vec<(Vec<(&'static str, &str)>, f64)> {
    spaces.iter().map(|space| (vec![("space", space.name.as_str())], value(space))).collect()
}

fn used(spaces: &[SpaceFigures], field: fn(&Usage) -> u64) -> Vec<(Vec<(&'static str, &str)>, f64)> {
    each(spaces, |space| field(&space.usage) as f64)
}

fn turns(spaces: &[SpaceFigures]) -> Vec<MetricFamily> {
    let outcomes = spaces.iter().flat_map(|space| {
        let Usage { turns, failures, traps, .. } = space.usage;
        [("done", turns), ("failed", failures), ("trapped", traps)]
            .map(|(outcome, count)| (vec![("space", space.name.as_str()), ("outcome", outcome)], count as f64))
    });
    let times = |of: fn(&SpaceFigures) -> &crate::words::Distribution| {
        spaces.iter().map(move |space| (vec![("space", space.name.as_str())], of(space)))
    };
    let cpu = each(spaces, |space| space.usage.cpu_us as f64 / 1e6);
    vec![
        counter("spacehost_turns_total", "Turns that have ended.", outcomes),
        histogram(
            "spacehost_turn_duration_seconds",
            "How long turns took, from their begin to their end.",
            times(|space| &space.took),
        ),
        histogram(
            "spacehost_message_latency_seconds",
            "How long messages took, from when they were accepted or sent to the end of the turn that finished them.",
            times(|space| &space.latency),
        ),
        counter("spacehost_cpu_seconds_total", "CPU time of turns.", cpu),
        counter("spacehost_retries_total", "Turns that are repeated after a failure.", used(spaces, |u| u.retries)),
        counter("spacehost_emitted_messages_total", "Messages that turns have sent.", used(spaces, |u| u.emitted)),
    ]
}

fn waiting(spaces: &[SpaceFigures]) -> Vec<MetricFamily> {
    let oldest = each(spaces, |space| space.oldest.as_secs_f64());
    let buried = each(spaces, |space| space.buried as f64);
    vec![
        gauge("spacehost_mailbox_messages", "Messages that wait or are in hand.", used(spaces, |u| u.backlog_messages)),
        gauge("spacehost_mailbox_bytes", "What these messages weigh.", used(spaces, |u| u.backlog_bytes)),
        gauge("spacehost_mailbox_oldest_age_seconds", "Age of the oldest message that is not done with.", oldest),
        gauge(
            "spacehost_dead_letters",
            "Messages set aside after their last attempt.",
            used(spaces, |u| u.dead_letters),
        ),
        counter("spacehost_dead_lettered_messages_total", "Messages that became dead letters.", buried),
        counter(
            "spacehost_missed_events_total",
            "Events that a subscription that was cut off did not get at once.",
            used(spaces, |u| u.missed_events),
        ),
        counter(
            "spacehost_log_lines_suppressed_total",
            "Lines of guests beyond what they may write in a second.",
            used(spaces, |u| u.log_lines_suppressed),
        ),
    ]
}

fn holdings(spaces: &[SpaceFigures]) -> Vec<MetricFamily> {
    let memory = each(spaces, |space| space.space_memory_bytes as f64);
    vec![
        gauge("spacehost_memory_bytes", "Memory of a space's instances.", memory),
        gauge("spacehost_state_keys", "Keys in the state of a space.", used(spaces, |u| u.state_keys)),
        gauge("spacehost_state_bytes", "Keys and values in the state of a space.", used(spaces, |u| u.state_bytes)),
        gauge("spacehost_timers", "Timers that are set.", used(spaces, |u| u.timers)),
        gauge("spacehost_partitions", "Partitions of a space.", used(spaces, |u| u64::from(u.partitions))),
    ]
}

fn versions(figures: &Figures) -> Vec<MetricFamily> {
    let spaces = &figures.spaces;
    let states = spaces.iter().flat_map(|space| {
        SpaceState::ALL.map(|state| {
            let is_in_it = f64::from(u8::from(space.state == state));
            (vec![("space", space.name.as_str()), ("state", state.word())], is_in_it)
        })
    });
    let reloads = figures.reloads.iter().map(|reload| {
        (vec![("space", reload.space.as_str()), ("verdict", reload.verdict.as_str())], reload.count as f64)
    });
    let generation = each(spaces, |space| space.generation as f64);
    vec![
        gauge("spacehost_space_state", "1 for the state that a space is in.", states),
        gauge("spacehost_generation", "The generation that serves.", generation),
        counter("spacehost_reloads_total", "Reloads by how they ended.", reloads),
    ]
}

fn one<'a>(value: u64) -> [(Vec<(&'static str, &'a str)>, f64); 1] {
    [(Vec::new(), value as f64)]
}

fn host(host: &HostFigures) -> Vec<MetricFamily> {
    let version = vec![("version", env!("CARGO_PKG_VERSION"))];
    let lost = host.lost_spans.iter().flat_map(|lost| {
        [("dropped", lost.dropped), ("unsent", lost.unsent)]
            .map(|(reason, count)| (vec![("reason", reason)], count as f64))
    });
    vec![
        gauge("spacehost_build_info", "1, with the version of the host.", [(version, 1.0)]),
        gauge("spacehost_listeners", "Streams of events to clients.", one(host.listeners)),
        counter(
            "spacehost_listener_missed_events_total",
            "Events that listeners were too slow for; each of them was told.",
            one(host.missed_by_listeners),
        ),
        counter("spacehost_lost_spans_total", "Spans of traces that were not sent.", lost),
    ]
}

pub fn keys(count: usize) -> MetricFamily {
    gauge("spacehost_idempotency_keys", "Idempotency-Keys that are kept or in use.", one(count as u64))
}

fn journal(journal: &JournalFigures) -> Vec<MetricFamily> {
    let sync = [(Vec::new(), &journal.sync)];
    vec![
        gauge("spacehost_journal_bytes", "What the journal takes on disk.", one(journal.segment_bytes)),
        gauge("spacehost_journal_segments", "Files of the journal.", one(journal.segments)),
        counter("spacehost_journal_groups_total", "Groups written, each with one sync.", one(journal.groups)),
        counter("spacehost_journal_written_bytes_total", "Bytes of these groups.", one(journal.group_bytes)),
        histogram("spacehost_journal_sync_duration_seconds", "How long syncs of the journal took.", sync),
        gauge("spacehost_journal_sequence", "The last sequence that is on disk.", one(journal.durable)),
        gauge(
            "spacehost_journal_behind_records",
            "Records that the tables do not hold yet.",
            one(journal.tables_behind),
        ),
    ]
}
