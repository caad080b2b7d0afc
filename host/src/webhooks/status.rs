//! Webhooks as operators see them: what is in the settings, what is known, and what is counted, in one list.
//!
//! Reads and decides nothing. Cannot fail.

use super::board::{Board, Counts, HookState, LastFailure, LastGap, Shown};
use super::{Webhooks, lock};
use crate::runtime::webhooks::HookPlace;
use crate::words::{Distribution, HookForm, WebhookSettings};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Debug, Clone, Serialize)]
pub struct HookStatus {
    pub name: Arc<str>,
    pub state: HookState,
    /// Why it does not post; empty if it does.
    pub reason: String,
    /// Its host alone: the rest may be a secret. None: it is in the settings no more.
    pub url: Option<String>,
    pub topics: Vec<String>,
    pub format: Option<&'static str>,
    /// When the next attempt is, in milliseconds since 1970.
    pub next_attempt_ms: Option<u64>,
    /// It is done with all events up to that sequence.
    pub cursor: u64,
    /// Records of the journal that it has not looked at.
    pub lag: u64,
    /// Since the host started.
    pub delivered: u64,
    pub failed_attempts: u64,
    pub dead_letters: u64,
    pub gaps: u64,
    pub last_failure: Option<LastFailure>,
    pub last_gap: Option<LastGap>,
}

/// What is measured of one webhook.
#[derive(Debug, Clone)]
pub struct HookFigures {
    pub name: Arc<str>,
    pub state: HookState,
    pub lag: u64,
    pub dead_letters: u64,
    pub delivered: u64,
    pub failed_attempts: u64,
    /// Events that became dead letters.
    pub buried: u64,
    pub gaps: u64,
    /// How long attempts took.
    pub took: Distribution,
}

/// All that is known of one.
struct Known {
    name: Arc<str>,
    settings: Option<WebhookSettings>,
    place: HookPlace,
    shown: Shown,
    counts: Counts,
}

impl Webhooks {
    /// Those of the settings, and those that were in them and are not forgotten; by name.
    pub fn list(&self) -> Vec<HookStatus> {
        self.known().into_iter().map(HookStatus::from).collect()
    }

    pub fn find(&self, name: &str) -> Option<HookStatus> {
        self.list().into_iter().find(|hook| &*hook.name == name)
    }

    pub fn figures(&self) -> Vec<HookFigures> {
        self.known().into_iter().map(HookFigures::from).collect()
    }

    fn known(&self) -> Vec<Known> {
        let shared = &self.0;
        let (places, settings) = (shared.runtime.webhooks(), shared.settings.borrow().clone());
        let names: BTreeSet<_> = places.keys().chain(settings.webhooks.keys()).cloned().collect();
        let boards = lock(&shared.boards).clone();
        let known = |name: Arc<str>| {
            let settings = settings.webhooks.get(&name).cloned();
            let board = boards.get(&name).cloned().unwrap_or_default();
            // Between the change of the settings and that of the couriers it is about to begin.
            let nowhere = HookPlace { cursor: 0, lag: 0, dead_letters: 0, is_open: false };
            let place = places.get(&name).copied().unwrap_or(nowhere);
            let shown = shown(&board, settings.is_some(), place.is_open);
            Known { shown, counts: board.counts(), name, settings, place }
        };
        names.into_iter().map(known).collect()
    }
}

fn shown(board: &Board, is_in_settings: bool, is_open: bool) -> Shown {
    let (state, reason) = match (is_in_settings, is_open) {
        (true, true) => return board.shown(),
        (true, false) => (HookState::Starting, ""),
        (false, _) => {
            (HookState::Removed, "it is no longer in spacehost.toml; where it was is kept until it is forgotten")
        }
    };
    Shown { state, reason: reason.to_owned(), next_attempt_ms: None, ..board.shown() }
}

impl From<Known> for HookStatus {
    fn from(known: Known) -> Self {
        let Known { name, settings, place, shown, counts } = known;
        let topics = settings.iter().flat_map(|settings| &settings.topics).map(ToString::to_string).collect();
        HookStatus {
            name,
            state: shown.state,
            reason: shown.reason,
            url: settings.as_ref().map(|settings| settings.url.to_string()),
            topics,
            format: settings.map(|settings| match settings.form {
                HookForm::Structured => "structured",
                HookForm::Binary => "binary",
            }),
            next_attempt_ms: shown.next_attempt_ms,
            cursor: place.cursor,
            lag: place.lag,
            delivered: counts.delivered,
            failed_attempts: counts.failed,
            dead_letters: place.dead_letters,
            gaps: counts.gaps,
            last_failure: shown.last_failure,
            last_gap: shown.last_gap,
        }
    }
}

impl From<Known> for HookFigures {
    fn from(known: Known) -> Self {
        let Known { name, place, shown, counts, .. } = known;
        HookFigures {
            name,
            state: shown.state,
            lag: place.lag,
            dead_letters: place.dead_letters,
            delivered: counts.delivered,
            failed_attempts: counts.failed,
            buried: counts.buried,
            gaps: counts.gaps,
            took: counts.took,
        }
    }
}
