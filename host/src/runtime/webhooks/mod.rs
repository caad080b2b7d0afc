//! Webhooks, as far as they outlive a request: how far each has come, and the events that it has set aside.
//!
//! Owns the book of all webhooks that are known, and when it is written down. Must not know where events are posted, nor
//! what is in the settings: whoever posts opens a [`Subscription`] and says what he is done with. A cursor is written some
//! time after it has moved, so after a crash some events come again, under the same ids; none is left out. Cannot fail but
//! with the disk.
//!
//! ```text
//! journal -> feed (one thread) -> inbox -> Subscription::next -> done | bury -> cursor -> record, in groups
//!    '------- what did not fit, or came before ------^
//! ```

mod feed;
mod hook;
mod letters;
mod subscription;

pub use letters::HookLetter;
pub use subscription::{Gap, LetterBell, Next, Subscription};

use super::Runtime;
use super::api::Refusal;
use super::past::id_of;
use super::router::Router;
use crate::store::ledger::{Ledger, Scribe};
use crate::store::record::Record;
use crate::store::tables::image;
use crate::words::{MessageId, Pattern};
use feed::Feed;
use hook::Hook;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// All that is known of webhooks, whether they are in the settings or were.
pub struct Hooks {
    known: Mutex<BTreeMap<Arc<str>, Arc<Hook>>>,
    feed: Arc<Feed>,
    /// Rung when a cursor has moved that is worth a record.
    moved: Arc<Notify>,
}

/// How far a webhook has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookPlace {
    /// It is done with all events up to that sequence.
    pub cursor: u64,
    /// Records of the journal that it has not looked at.
    pub lag: u64,
    pub dead_letters: u64,
    /// A webhook of the settings posts for it.
    pub is_open: bool,
}

/// Which dead letters are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    One(MessageId),
}

impl Hooks {
    /// Until it is known which webhooks there still are, the journal is kept for all.
    pub fn of_the_past(image: BTreeMap<String, image::Webhook>, router: &Router) -> Self {
        let moved = Arc::<Notify>::default();
        let hook = |(name, past): (String, image::Webhook)| {
            let name: Arc<str> = name.into();
            let hook = Hook::new(name.clone(), id_of(past.cursor), moved.clone());
            hook.take_up(letters::of_the_past(past.letters), &router.ledger);
            (name, Arc::new(hook))
        };
        let known = image.into_iter().map(hook).collect();
        Hooks { known: Mutex::new(known), feed: Arc::default(), moved }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Hook>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, name: &str) -> Option<Arc<Hook>> {
        self.known().get(name).cloned()
    }

    pub fn stop(&self, ledger: &Ledger) {
        self.feed.stop(ledger);
    }
}

impl Runtime {
    /// Goes on where the webhook of that name has been; one that is new begins now. Its journal is kept, up to so many bytes.
    /// There must be one of a name at a time.
    pub fn open_webhook(&self, name: &Arc<str>, patterns: Vec<Pattern>, backlog_bytes: u64) -> Subscription {
        let (hooks, ledger) = (&self.0.webhooks, &self.0.router.ledger);
        // What is about to be durable may rest on what was before: a new one begins with what nobody has seen yet.
        let begin = MessageId { sequence: ledger.last(), ordinal: u64::MAX };
        let fresh = || Arc::new(Hook::new(name.clone(), begin, hooks.moved.clone()));
        let mut known = hooks.known();
        let is_new = !known.contains_key(name);
        let hook = known.entry(name.clone()).or_insert_with(fresh).clone();
        drop(known);
        hook.open(ledger, backlog_bytes);
        if is_new {
            hook.write_place(ledger);
        }
        Subscription::new(self.clone(), hook, patterns)
    }

    /// Those that are open now are all that there are: for others the journal is not kept any more.
    pub fn release_closed_webhooks(&self) {
        self.0.webhooks.known().values().for_each(|hook| hook.release_if_closed());
    }

    /// Waits until a cursor has moved that is worth a record.
    pub async fn webhooks_moved(&self) {
        self.0.webhooks.moved.notified().await;
    }

    /// Writes down how far webhooks have come: those that have got something since, or, at the end, all that moved.
    pub fn write_webhooks(&self, at_the_end: bool) {
        let ledger = &self.0.router.ledger;
        let hooks: Vec<_> = self.0.webhooks.known().values().cloned().collect();
        let moved: Vec<_> = hooks.iter().filter_map(|hook| Some((hook, hook.to_write(ledger, at_the_end)?))).collect();
        if moved.is_empty() || !ledger.keeps_records() {
            return;
        }
        let cursors = moved.iter().map(|(hook, cursor)| (hook.name(), super::space::chronicle::id(*cursor))).collect();
        let sequence = Scribe::default().submit(ledger, &Record::WebhooksMoved { cursors });
        moved.iter().for_each(|(hook, cursor)| hook.written(*cursor, sequence));
    }

    /// By name, all that are known.
    pub fn webhooks(&self) -> BTreeMap<Arc<str>, HookPlace> {
        let durable = self.0.router.ledger.durable();
        let known = self.0.webhooks.known();
        known.iter().map(|(name, hook)| (name.clone(), hook.place(durable))).collect()
    }

    /// In the order of their events; none if there is no webhook of that name.
    pub fn webhook_letters(&self, name: &str) -> Option<Vec<HookLetter>> {
        Some(self.0.webhooks.get(name)?.letters())
    }

    /// Has dead letters posted again, or forgets them. How many; none if there is no webhook of that name.
    pub fn exhume_webhook_letters(&self, name: &str, which: Which, retry: bool) -> Result<Option<usize>, Refusal> {
        self.0.takes_in()?;
        let known = self.0.webhooks.known();
        Ok(known.get(name).map(|hook| hook.exhume(&self.0.router.ledger, which, retry)))
    }

    /// Forgets one that is not open: where it has been, and its dead letters. False: it is open.
    pub fn forget_webhook(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.0.takes_in()?;
        let mut known = self.0.webhooks.known();
        let Some(hook) = known.get(name) else { return Ok(None) };
        if hook.is_open() {
            return Ok(Some(false));
        }
        let ledger = &self.0.router.ledger;
        if ledger.keeps_records() {
            Scribe::default().submit(ledger, &Record::WebhookForgotten { webhook: name });
        }
        known.remove(name);
        Ok(Some(true))
    }
}
