//! Webhooks: how far each has come, and the events that it has set aside.
//!
//! Must not know where events are posted, nor which webhooks there are now: what is known of one stays until it is
//! forgotten by a record. The first row of these tables makes the folder one that an older host refuses.

use super::Tables;
use super::disk::{FORMAT, format_key};
use super::error::TablesError;
use super::keys::{self, Table};
use super::rows::{self, WebhookLetterRow, WebhookRow};
use crate::store::record::{MessageId, WebhookLetter};
use fjall::UserValue;

impl Tables {
    /// Never back: the record of a dead letter, which moves it too, may have come before that of the cursors.
    pub(super) fn move_webhook(&mut self, webhook: &str, cursor: MessageId) -> Result<(), TablesError> {
        let cursor = self.cursor_of(webhook)?.unwrap_or_default().max(cursor);
        self.layers.put(&format_key(), UserValue::from(FORMAT.to_be_bytes()));
        self.layers.put_row(Table::Webhooks, &keys::named(Table::Webhooks, webhook), &WebhookRow { cursor })
    }

    /// One that is set aside for the first time is the next in order, which the webhook is done with; one that was tried
    /// again moves nothing.
    pub(super) fn bury_for_webhook(
        &mut self,
        webhook: &str,
        event: MessageId,
        letter: &WebhookLetter<'_>,
    ) -> Result<(), TablesError> {
        self.move_webhook(webhook, event)?;
        let row = WebhookLetterRow { retried: false, letter: letter.clone() };
        self.layers.put_row(Table::WebhookLetters, &keys::webhook_letter(webhook, event), &row)
    }

    /// One that is not there is passed over: nothing else rests on it, and a host that does not start would be worse.
    pub(super) fn exhume_for_webhook(
        &mut self,
        webhook: &str,
        event: MessageId,
        retry: bool,
    ) -> Result<(), TablesError> {
        let key = keys::webhook_letter(webhook, event);
        let Some(value) = self.layers.get(&key)? else { return Ok(()) };
        if !retry {
            self.layers.remove(&key);
            return Ok(());
        }
        let row: WebhookLetterRow = rows::decode(&key, &value)?;
        self.layers.put_row(Table::WebhookLetters, &key, &WebhookLetterRow { retried: true, ..row })
    }

    pub(super) fn forget_webhook(&mut self, webhook: &str) -> Result<(), TablesError> {
        self.layers.remove(&keys::named(Table::Webhooks, webhook));
        let (prefix, mut letters) = (keys::of_webhook(webhook), Vec::new());
        self.layers.for_each_key(Table::WebhookLetters, |key| {
            if key.starts_with(&prefix) {
                letters.push(key.to_owned());
            }
            Ok(())
        })?;
        letters.iter().for_each(|key| self.layers.remove(key));
        Ok(())
    }

    fn cursor_of(&self, webhook: &str) -> Result<Option<MessageId>, TablesError> {
        let key = keys::named(Table::Webhooks, webhook);
        let Some(value) = self.layers.get(&key)? else { return Ok(None) };
        rows::decode(&key, &value).map(|row: WebhookRow| Some(row.cursor))
    }
}
