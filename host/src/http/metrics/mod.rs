//! GET /metrics: the runtime's figures in Prometheus's text format.
//!
//! Owns the names, units and labels, which `docs/metrics.md` lists; a test compares the two. Must not know how anything is
//! counted. The number of series is bounded: by the spaces, by the webhooks of the settings, by constants, and by nothing that a client or guest can name.

mod families;
mod process;
mod series;
mod webhooks;

use super::Shared;
use crate::runtime::api::Figures;
use crate::webhooks::HookFigures;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus::{Encoder, TextEncoder};

pub async fn metrics(State(edge): State<Shared>) -> Response {
    let text = text(&edge.runtime.figures(), &edge.webhooks.figures(), edge.keys.count());
    ([(CONTENT_TYPE, TextEncoder::new().format_type().to_owned())], text).into_response()
}

/// Called when the host begins to serve.
pub fn begin() {
    process::note_start();
}

fn text(figures: &Figures, hooks: &[HookFigures], keys: usize) -> String {
    let mut families = families::of(figures);
    families.push(families::keys(keys));
    families.extend(webhooks::of(hooks));
    families.extend(process::families());
    let mut text = String::new();
    // Only a family without a name could fail, and writing into a string does not.
    let _ = TextEncoder::new().encode_utf8(&families, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::api::{HostFigures, JournalFigures, ReloadCount, SpaceFigures, SpaceState, Usage};
    use crate::runtime::traces::LostSpans;
    use crate::webhooks::HookState;
    use crate::words::{Distribution, SpaceName};
    use std::collections::BTreeSet;
    use std::time::Duration;

    /// With something in everything, so that no family is left out.
    fn figures() -> Figures {
        let name = SpaceName::parse("orders").unwrap();
        let journal = JournalFigures {
            segments: 1,
            segment_bytes: 2,
            groups: 3,
            group_bytes: 4,
            sync: Distribution::default(),
            durable: 5,
            tables_behind: 6,
        };
        let lost = LostSpans { dropped: 10, unsent: 11 };
        let space = SpaceFigures {
            name: name.clone(),
            state: SpaceState::Running,
            generation: 7,
            usage: Usage { turns: 9, cpu_us: 1_500_000, ..Usage::default() },
            space_memory_bytes: 8,
            took: Distribution::default(),
            latency: Distribution::default(),
            buried: 9,
            oldest: Duration::from_millis(2_500),
        };
        Figures {
            host: HostFigures { listeners: 1, missed_by_listeners: 2, lost_spans: Some(lost), journal: Some(journal) },
            spaces: vec![space],
            reloads: vec![ReloadCount { space: name, verdict: "serving".into(), count: 3 }],
        }
    }

    fn hooks() -> Vec<HookFigures> {
        let hook = HookFigures {
            name: "billing".into(),
            state: HookState::BackingOff,
            lag: 1,
            dead_letters: 2,
            delivered: 3,
            failed_attempts: 4,
            buried: 5,
            gaps: 6,
            took: Distribution::default(),
        };
        vec![hook]
    }

    #[test]
    fn every_family_is_documented_and_nothing_else_is() {
        let text = text(&figures(), &hooks(), 12);
        let type_of = |line: &str| line.strip_prefix("# TYPE ").map(|rest| rest.replace(' ', " | "));
        let exported: BTreeSet<_> = text.lines().filter_map(type_of).collect();
        let page = include_str!("../../../../docs/metrics.md");
        let row = |line: &str| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let (name, kind) = (cells.next()?.strip_suffix('`')?, cells.next()?);
            Some(format!("{name} | {kind}"))
        };
        let documented: BTreeSet<_> = page.lines().filter_map(row).collect();
        assert_eq!(exported, documented);
        let helped = text.lines().filter(|line| line.starts_with("# HELP ") && line.split(' ').count() > 3);
        assert_eq!(helped.count(), exported.len(), "each says what it is");
    }

    #[test]
    fn numbers_are_in_base_units_and_each_space_has_its_own() {
        let text = text(&figures(), &hooks(), 12);
        for line in [
            "spacehost_turns_total{space=\"orders\",outcome=\"done\"} 9",
            "spacehost_cpu_seconds_total{space=\"orders\"} 1.5",
            "spacehost_mailbox_oldest_age_seconds{space=\"orders\"} 2.5",
            "spacehost_space_state{space=\"orders\",state=\"running\"} 1",
            "spacehost_space_state{space=\"orders\",state=\"blocked\"} 0",
            "spacehost_reloads_total{space=\"orders\",verdict=\"serving\"} 3",
            "spacehost_journal_behind_records 6",
            "spacehost_idempotency_keys 12",
            "spacehost_lost_spans_total{reason=\"unsent\"} 11",
            "spacehost_webhook_delivered_total{webhook=\"billing\"} 3",
            "spacehost_webhook_state{webhook=\"billing\",state=\"backing-off\"} 1",
            "spacehost_webhook_state{webhook=\"billing\",state=\"idle\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
