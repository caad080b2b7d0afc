//! Messages in back-off, and the later ones of the same sender that wait behind them: order is kept per sender, and
//! nobody else is held back.

use super::envelope::Envelope;
use crate::words::message::Sender;
use std::collections::VecDeque;
use std::time::Instant;

/// One sender's line. The front is the message in back-off.
struct Line {
    sender: Sender,
    due: Instant,
    waiting: VecDeque<Box<Envelope>>,
}

#[derive(Default)]
pub struct Backoff(Vec<Line>);

impl Backoff {
    /// Puts a message off until `due`.
    pub fn hold(&mut self, envelope: Box<Envelope>, due: Instant) {
        let sender = envelope.message.sender.clone();
        if let Some(line) = self.0.iter_mut().find(|line| sender.is_ordered() && line.sender == sender) {
            line.due = due;
            line.waiting.push_front(envelope);
            return;
        }
        self.0.push(Line { sender, due, waiting: VecDeque::from([envelope]) });
    }

    /// Takes back the message in hand of a sender who is held back, ahead of his others; gives back any other.
    pub fn put_back(&mut self, envelope: Box<Envelope>) -> Option<Box<Envelope>> {
        let ordered = envelope.message.sender.is_ordered();
        match self.0.iter_mut().find(|line| ordered && line.sender == envelope.message.sender) {
            Some(line) => {
                line.waiting.push_front(envelope);
                None
            }
            None => Some(envelope),
        }
    }

    /// Takes in a message whose sender is held back; gives back any other.
    pub fn queue_behind(&mut self, envelope: Box<Envelope>) -> Option<Box<Envelope>> {
        if self.0.is_empty() || !envelope.message.sender.is_ordered() {
            return Some(envelope);
        }
        match self.0.iter_mut().find(|line| line.sender == envelope.message.sender) {
            Some(line) => {
                line.waiting.push_back(envelope);
                None
            }
            None => Some(envelope),
        }
    }

    /// The next message whose wait is over. Its line stays due until it is empty, unless a message is put off again.
    pub fn take_due(&mut self, now: Instant) -> Option<Box<Envelope>> {
        let index = self.0.iter().position(|line| line.due <= now)?;
        let envelope = self.0[index].waiting.pop_front();
        if self.0[index].waiting.is_empty() {
            // The message taken is in hand now; if it is put off again, `hold` opens the line anew.
            self.0.swap_remove(index);
        }
        envelope
    }

    pub fn next_due(&self) -> Option<Instant> {
        self.0.iter().map(|line| line.due).min()
    }

    /// When the one was sent that waits longest, as far as the first of each sender tell.
    pub fn oldest_ns(&self) -> Option<u64> {
        self.0.iter().filter_map(|line| line.waiting.front()).map(|envelope| envelope.enqueued_ns).min()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out what `wanted` says, keeping the order of the rest.
    pub fn remove(&mut self, wanted: impl Fn(&Envelope) -> bool) -> VecDeque<Box<Envelope>> {
        let mut removed = VecDeque::new();
        for line in &mut self.0 {
            let (taken, kept): (Vec<_>, Vec<_>) = line.waiting.drain(..).partition(|envelope| wanted(envelope));
            removed.extend(taken);
            line.waiting = kept.into();
        }
        self.0.retain(|line| !line.waiting.is_empty());
        removed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::space::mailbox::Room;
    use crate::words::message::{Kind, PartitionName};
    use crate::words::{Message, MessageId, SpaceName};
    use bytes::Bytes;
    use std::sync::Arc;
    use std::time::Duration;

    fn from(space: &str, sequence: u64) -> Box<Envelope> {
        let name = PartitionName { space: SpaceName::parse(space).unwrap(), index: 0 };
        let message = Message {
            id: MessageId { sequence, ordinal: 0 },
            sender: Sender::Partition(Arc::new(name)),
            kind: Kind::Command("c".into()),
            body: Bytes::new(),
            key: None,
            headers: None,
            hops: 0,
        };
        Envelope::new(message, Room::unbounded(), 0)
    }

    fn due(backoff: &mut Backoff, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| backoff.take_due(now)).map(|envelope| envelope.message.id.sequence).collect()
    }

    #[test]
    fn only_the_same_senders_later_messages_are_held_back() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        backoff.hold(from("a", 1), now + Duration::from_secs(1));
        assert!(backoff.queue_behind(from("a", 2)).is_none());
        assert!(backoff.queue_behind(from("b", 3)).is_some());
        assert_eq!(due(&mut backoff, now), [0; 0]);
        assert_eq!(due(&mut backoff, now + Duration::from_secs(1)), [1, 2]);
        assert!(backoff.is_empty());
    }

    #[test]
    fn a_message_that_is_put_back_stays_ahead_of_its_senders_others() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        backoff.hold(from("a", 1), now);
        backoff.queue_behind(from("a", 2));
        let in_hand = backoff.take_due(now).unwrap();
        assert!(backoff.put_back(in_hand).is_none());
        assert!(backoff.put_back(from("b", 3)).is_some(), "nobody holds that sender back");
        assert_eq!(due(&mut backoff, now), [1, 2]);
    }

    #[test]
    fn a_message_put_off_again_goes_back_to_the_front_of_its_line() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        backoff.hold(from("a", 1), now);
        backoff.queue_behind(from("a", 2));
        let again = backoff.take_due(now).unwrap();
        backoff.hold(again, now + Duration::from_secs(1));
        assert_eq!(due(&mut backoff, now), [0; 0]);
        assert_eq!(due(&mut backoff, now + Duration::from_secs(1)), [1, 2]);
    }
}
