//! The log of one space: its last lines, and those to come for whoever follows. Rate-limited, with an exact count of what
//! was suppressed.

use super::api::LogLine;
use crate::words::Level;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::broadcast;

/// Whose lines they are, for filters of the host's log.
const GUEST: &str = "guest";
const KEPT: usize = 1_000;
const LONGEST_LINE: usize = 4_096;

pub struct Logs {
    book: Mutex<Book>,
    followers: broadcast::Sender<LogLine>,
    suppressed: AtomicU64,
}

struct Book {
    lines: VecDeque<LogLine>,
    /// Token bucket of one second's lines.
    tokens: f64,
    filled: Instant,
}

impl Default for Logs {
    fn default() -> Self {
        let book =
            Book { lines: VecDeque::new(), tokens: 1.0, filled: Instant::now() - std::time::Duration::from_secs(1) };
        Logs { book: Mutex::new(book), followers: broadcast::channel(256).0, suppressed: AtomicU64::new(0) }
    }
}

impl Logs {
    /// Keeps and shows a guest's line. False: the space has written more than `per_second`, so nobody will see it.
    pub fn write(&self, line: LogLine, per_second: u64) -> bool {
        let seen = self.lock().take_token(per_second as f64);
        if seen {
            tell(&line);
            self.keep(line);
        } else {
            self.suppress(1);
        }
        seen
    }

    /// Counts lines of a guest that nobody will see.
    pub fn suppress(&self, lines: u64) {
        self.suppressed.fetch_add(lines, Ordering::Relaxed);
    }

    /// Keeps and shows a line of the host's own, which costs the guest nothing.
    pub fn keep(&self, mut line: LogLine) {
        truncate(&mut line.message);
        let mut book = self.lock();
        if book.lines.len() == KEPT {
            book.lines.pop_front();
        }
        book.lines.push_back(line.clone());
        drop(book);
        // Without followers there is nobody to tell.
        let _ = self.followers.send(line);
    }

    /// The last lines of that level or above, oldest first, and a receiver of all those to come.
    pub fn read(&self, last: usize, least: Level) -> (Vec<LogLine>, broadcast::Receiver<LogLine>) {
        let book = self.lock();
        let newest_first = book.lines.iter().rev().filter(|line| least.admits(line.level)).take(last);
        let mut lines: Vec<_> = newest_first.cloned().collect();
        lines.reverse();
        (lines, self.followers.subscribe())
    }

    pub fn suppressed(&self) -> u64 {
        self.suppressed.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn take_token(&mut self, per_second: f64) -> bool {
        let now = Instant::now();
        let filled = now.duration_since(self.filled).as_secs_f64() * per_second;
        self.tokens = (self.tokens + filled).min(per_second);
        self.filled = now;
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}

/// In the host's own log, for those who want to see guests there, too.
fn tell(line: &LogLine) {
    macro_rules! tell {
        ($level:ident) => {
            tracing::event!(
                target: GUEST,
                tracing::Level::$level,
                space = %line.space,
                generation = line.generation,
                partition = line.partition,
                id = line.id.map(tracing::field::display),
                attempt = line.attempt,
                trace_id = line.trace_id,
                "{}",
                line.message
            )
        };
    }
    match line.level {
        "error" => tell!(ERROR),
        "warn" => tell!(WARN),
        "info" => tell!(INFO),
        "debug" => tell!(DEBUG),
        _ => tell!(TRACE),
    }
}

fn truncate(text: &mut String) {
    if text.len() > LONGEST_LINE {
        let end = text.floor_char_boundary(LONGEST_LINE);
        text.truncate(end);
        text.push('…');
        // Otherwise the line would hold on to all the room that the long one took.
        text.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> LogLine {
        of_level("info", message)
    }

    fn of_level(level: &'static str, message: &str) -> LogLine {
        LogLine {
            time_ms: 0,
            level,
            message: message.into(),
            id: None,
            attempt: 0,
            space: "a".parse().unwrap(),
            partition: 0,
            generation: 1,
            trace_id: None,
        }
    }

    #[test]
    fn a_flood_is_cut_and_counted_to_the_line() {
        let logs = Logs::default();
        for n in 0..1_000 {
            logs.write(line(&n.to_string()), 10);
        }
        let kept = logs.read(usize::MAX, Level::Trace).0.len() as u64;
        assert!(kept >= 10, "{kept}");
        assert_eq!(kept + logs.suppressed(), 1_000);
    }

    #[test]
    fn the_last_lines_of_a_level_are_found_among_others() {
        let logs = Logs::default();
        for (level, text) in [("warn", "1"), ("error", "2"), ("warn", "3"), ("info", "4"), ("debug", "5")] {
            logs.keep(of_level(level, text));
        }
        let read =
            |last, least| logs.read(last, least).0.into_iter().map(|line| line.message).collect::<Vec<_>>().join(" ");
        assert_eq!(read(2, Level::Warn), "2 3");
        assert_eq!((read(9, Level::Error), read(9, Level::Trace)), ("2".to_owned(), "1 2 3 4 5".to_owned()));
    }

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let logs = Logs::default();
        logs.write(line(&"ä".repeat(5_000)), 10);
        let (lines, _) = logs.read(1, Level::Trace);
        assert_eq!(lines[0].message.chars().count(), LONGEST_LINE / 2 + 1);
    }

    #[tokio::test]
    async fn a_long_line_takes_no_more_room_than_what_is_shown_of_it() {
        let logs = Logs::default();
        let (_, mut followers) = logs.read(0, Level::Trace);
        logs.write(line(&"x".repeat(1 << 20)), 10);
        let (kept, followed) = (logs.read(1, Level::Trace).0.remove(0), followers.recv().await.unwrap());
        assert!(kept.message.capacity() < 2 * LONGEST_LINE && followed.message.capacity() < 2 * LONGEST_LINE);
    }
}
