//! The audit trail: one structured line for each refusal, kill and limit hit, with its cause and figure.
//!
//! Owns the rate of its lines and their counts: per subject and cause the first incident has a line at once, those of the
//! same kind within a second share the next one, and the counts of all lines add up to what has happened. Must not know
//! why something was refused. Never fails and never waits, so that whoever floods it pays for the flood himself.

use super::space::Space;
use crate::words::SpaceName;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Incidents of one kind within this time share a line.
pub const PERIOD: Duration = Duration::from_secs(1);
/// What a guest or client has said may be part of a figure.
const LONGEST_FIGURE: usize = 512;

/// Whom an incident is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Client,
    Space(SpaceName),
    Webhook(Arc<str>),
}

#[derive(Default)]
pub struct Audit {
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    tallies: HashMap<(Subject, &'static str), Tally>,
}

/// What has happened since the last line of one kind.
struct Tally {
    said: Instant,
    untold: u64,
    generation: u64,
    figure: String,
}

#[derive(Debug, PartialEq)]
struct Line {
    subject: Subject,
    /// 0: none has served, or it is about a client.
    generation: u64,
    cause: &'static str,
    count: u64,
    figure: String,
}

impl Audit {
    /// Something was refused to a space, or one of its instances was ended.
    pub fn of_space(&self, space: &Space, cause: &'static str, figure: impl Display) {
        self.note(Subject::Space(space.name.clone()), space.generation(), cause, &figure);
    }

    /// A file that would be the version of a space was refused.
    pub fn of_file(&self, space: &SpaceName, cause: &'static str, figure: impl Display) {
        self.note(Subject::Space(space.clone()), 0, cause, &figure);
    }

    /// Something was refused to a client.
    pub fn of_client(&self, cause: &'static str, figure: impl Display) {
        self.note(Subject::Client, 0, cause, &figure);
    }

    /// A webhook has given something up.
    pub fn of_webhook(&self, webhook: &Arc<str>, cause: &'static str, figure: impl Display) {
        self.note(Subject::Webhook(webhook.clone()), 0, cause, &figure);
    }

    fn note(&self, subject: Subject, generation: u64, cause: &'static str, figure: &dyn Display) {
        let line = self.book().note(&subject, generation, cause, figure, Instant::now());
        line.iter().for_each(write);
    }

    /// Tells what has been counted and not told, as far as its time has come. To be called every `PERIOD`.
    pub fn tell(&self) {
        let lines = self.book().due(Instant::now());
        lines.iter().for_each(write);
    }

    /// Tells the rest, at the end.
    pub fn tell_all(&self) {
        let lines = self.book().due(Instant::now() + PERIOD);
        lines.iter().for_each(write);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn note(
        &mut self,
        subject: &Subject,
        generation: u64,
        cause: &'static str,
        figure: &dyn Display,
        now: Instant,
    ) -> Option<Line> {
        let known = self.tallies.get_mut(&(subject.clone(), cause));
        if let Some(tally) = known.filter(|tally| now.duration_since(tally.said) < PERIOD) {
            // Of those that share a line the first gives the figure: a flood costs one text a second.
            if tally.untold == 0 {
                (tally.generation, tally.figure) = (generation, one_line(figure));
            }
            tally.untold += 1;
            return None;
        }
        let untold = self.tallies.get(&(subject.clone(), cause)).map_or(0, |tally| tally.untold);
        let fresh = Tally { said: now, untold: 0, generation, figure: String::new() };
        self.tallies.insert((subject.clone(), cause), fresh);
        Some(Line { subject: subject.clone(), generation, cause, count: untold + 1, figure: one_line(figure) })
    }

    fn due(&mut self, now: Instant) -> Vec<Line> {
        let mut lines = Vec::new();
        self.tallies.retain(|(subject, cause), tally| {
            if now.duration_since(tally.said) < PERIOD {
                return true;
            }
            let Tally { untold, generation, .. } = *tally;
            if untold == 0 {
                return false;
            }
            let figure = std::mem::take(&mut tally.figure);
            lines.push(Line { subject: subject.clone(), generation, cause, count: untold, figure });
            (tally.said, tally.untold) = (now, 0);
            true
        });
        lines
    }
}

fn write(line: &Line) {
    let Line { subject, generation, cause, count, figure } = line;
    match subject {
        Subject::Space(space) => tracing::warn!(target: "audit", %space, generation, cause, count, figure, "audit"),
        Subject::Webhook(webhook) => tracing::warn!(target: "audit", %webhook, cause, count, figure, "audit"),
        Subject::Client => tracing::warn!(target: "audit", cause, count, figure, "audit"),
    }
}

/// Without what could end the line or steer a terminal.
fn one_line(figure: &dyn Display) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut text: String = figure.to_string().chars().map(clean).take(LONGEST_FIGURE + 1).collect();
    if text.chars().nth(LONGEST_FIGURE).is_some() {
        text.pop();
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(name: &str) -> Subject {
        Subject::Space(SpaceName::parse(name).unwrap())
    }

    #[test]
    fn a_flood_has_one_line_a_second_and_the_counts_add_up() {
        let (mut book, start) = (Book::default(), Instant::now());
        let mut lines = Vec::new();
        for n in 0..5_000_u64 {
            let now = start + Duration::from_millis(n);
            lines.extend(book.note(&space("bad"), 3, "fan-out", &n, now));
            if n % 1_000 == 999 {
                lines.extend(book.due(now));
            }
        }
        lines.extend(book.due(start + Duration::from_secs(10)));
        assert_eq!(lines.iter().map(|line| line.count).sum::<u64>(), 5_000);
        assert!(lines.len() <= 6, "{lines:?}");
        assert!(lines.iter().all(|line| (line.generation, line.cause) == (3, "fan-out")));
    }

    #[test]
    fn each_space_and_each_cause_has_lines_of_its_own() {
        let (mut book, now) = (Book::default(), Instant::now());
        let webhook = Subject::Webhook("bad".into());
        let (bad, other) = (space("bad"), space("other"));
        for (subject, cause) in [(&other, "a"), (&bad, "a"), (&bad, "b"), (&Subject::Client, "a"), (&webhook, "a")] {
            let line = book.note(subject, 1, cause, &"x", now).unwrap();
            assert_eq!((&line.subject, line.cause, line.count), (subject, cause, 1));
            assert_eq!(book.note(subject, 1, cause, &"x", now), None);
        }
        assert_eq!(book.due(now + PERIOD).len(), 5);
    }

    #[test]
    fn what_has_been_quiet_is_forgotten() {
        let (mut book, now) = (Book::default(), Instant::now());
        book.note(&Subject::Client, 0, "wrong-token", &"x", now);
        assert_eq!(book.due(now + PERIOD), []);
        assert!(book.tallies.is_empty());
    }

    #[test]
    fn a_figure_is_one_line_of_bounded_length() {
        assert_eq!(one_line(&"a\nb\x1b[31mc"), "a b [31mc");
        assert_eq!(one_line(&"ä".repeat(10_000)).chars().count(), LONGEST_FIGURE + 1);
    }
}
