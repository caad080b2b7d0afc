//! What a new version of a space breaks for those who use the one that serves, told as people read it.
//!
//! Pure: two descriptors in, sentences out. A command's body and what a subscription hears are inputs: the new version must take
//! all that the old one took. Replies and published events are outputs: it must give nothing new. Configuration is the
//! operator's affair, and no part of it. Never fails: what cannot be compared is a finding.

mod bounds;
mod forms;
mod notes;
mod plain;
mod shape;
mod types;
mod voice;
mod walk;

use super::Descriptor;
use super::descriptor::{Event, Subscription, Timer};
use super::topic::Pattern;
use notes::Notes;
use std::collections::HashMap;
use voice::{Flow, short};
use walk::{Subject, compare};

/// What those who use `serving` would miss in `candidate`. Empty: nothing.
pub fn broken(serving: &Descriptor, candidate: &Descriptor) -> Vec<String> {
    let mut notes = Notes::new();
    commands(serving, candidate, &mut notes);
    for subscription in &serving.subscriptions {
        heard(subscription, &candidate.subscriptions, &mut notes);
    }
    for event in &serving.events {
        published(event, &candidate.events, &mut notes);
    }
    timers(&serving.timers, &candidate.timers, &mut notes);
    notes.finish()
}

/// The same for a version of which only is known what it has heard.
pub fn deaf<'a>(heard: impl Iterator<Item = &'a Pattern>, candidate: &Descriptor) -> Vec<String> {
    let mut notes = Notes::new();
    for pattern in heard {
        if candidate.subscriptions.iter().all(|other| !covers(&other.pattern, pattern, &mut notes)) {
            not_heard(pattern, &candidate.subscriptions, &mut notes);
        }
    }
    notes.finish()
}

fn commands(serving: &Descriptor, candidate: &Descriptor, notes: &mut Notes) {
    let new: HashMap<_, _> = candidate.commands.iter().map(|command| (command.name.as_str(), command)).collect();
    for old in &serving.commands {
        let name = &old.name;
        let Some(new) = new.get(name.as_str()) else {
            notes.say(format!("the command `{name}` is gone: callers get 404 / `unknown-command`"));
            continue;
        };
        let body = Subject { name: format!("the body of `{name}`"), flow: Flow::In };
        compare(body, old.input.as_ref(), new.input.as_ref(), notes);
        let reply = Subject { name: format!("the reply of `{name}`"), flow: Flow::Out };
        compare(reply, old.output.as_ref(), new.output.as_ref(), notes);
    }
}

fn heard(old: &Subscription, new: &[Subscription], notes: &mut Notes) {
    let pattern = &old.pattern;
    if new.iter().any(|other| other.pattern == *pattern && other.schema == old.schema) {
        return;
    }
    let exact = new.iter().find(|other| other.pattern == *pattern);
    match exact.or_else(|| new.iter().find(|other| covers(&other.pattern, pattern, notes))) {
        None => not_heard(pattern, new, notes),
        Some(other) => {
            let subject = Subject { name: format!("what the subscription `{pattern}` hears"), flow: Flow::In };
            compare(subject, old.schema.as_ref(), other.schema.as_ref(), notes);
        }
    }
}

fn not_heard(pattern: &Pattern, new: &[Subscription], notes: &mut Notes) {
    let part = new.iter().find(|other| covers(pattern, &other.pattern, notes));
    notes.say(match part {
        None => format!("the subscription `{pattern}` is gone: its events are not heard any more"),
        Some(Subscription { pattern: part, .. }) => {
            format!("the subscription `{pattern}` is narrowed to `{part}`: other events are not heard any more")
        }
    });
}

fn published(old: &Event, new: &[Event], notes: &mut Notes) {
    let topic = &old.topic;
    // What was private may become public.
    let same = |other: &Event| other.topic == *topic && other.schema == old.schema && other.private <= old.private;
    if new.iter().any(same) {
        return;
    }
    let exact = new.iter().find(|other| other.topic == *topic);
    let Some(other) = exact.or_else(|| new.iter().find(|other| covers(&other.topic, topic, notes))) else {
        let part = new.iter().find(|other| covers(topic, &other.topic, notes));
        return notes.say(match part {
            None => format!("the event `{topic}` is gone: its subscribers wait in vain"),
            Some(Event { topic: part, .. }) => {
                format!("the event `{topic}` is narrowed to `{part}`: subscribers of others wait in vain")
            }
        });
    };
    if other.private && !old.private {
        notes.say(format!("the event `{topic}` is now private: other spaces do not get it any more"));
    }
    let subject = Subject { name: format!("the event `{topic}`"), flow: Flow::Out };
    compare(subject, old.schema.as_ref(), other.schema.as_ref(), notes);
}

fn timers(old: &[Timer], new: &[Timer], notes: &mut Notes) {
    for timer in old {
        if !new.iter().any(|other| notes.step(1) && other.name == timer.name) {
            let name = short(&timer.name);
            notes.say(format!("the timer `{name}` is gone: those that are set become dead letters when they fire"));
        }
    }
}

fn covers(wide: &Pattern, narrow: &Pattern, notes: &mut Notes) -> bool {
    notes.step(1) && wide.covers(narrow)
}

#[cfg(test)]
mod tests;
