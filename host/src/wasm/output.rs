//! What a guest writes to standard output and error: lines for its space's log, kept until the call has ended.
//!
//! Owns the lines of one call. Must not know the log. Nothing fails: what is too long is cut, and lines beyond what one call
//! may leave are counted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Lines that are kept of one call, and bytes of one line.
const MOST_LINES: usize = 1_000;
const LONGEST_LINE: usize = 4_096;
/// What one write may bring.
const PERMIT: usize = 64 << 10;

/// Both streams of one instance. Empty as long as nothing is written.
#[derive(Clone, Default)]
pub struct Output(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    done: Vec<(&'static str, String)>,
    /// Lines that found no place.
    dropped: u64,
    begun: [Vec<u8>; 2],
}

/// What a call has left.
pub struct Written {
    /// Level and text.
    pub lines: Vec<(&'static str, String)>,
    pub dropped: u64,
}

#[derive(Clone, Copy)]
pub enum Stream {
    Out,
    Error,
}

impl Stream {
    fn level(self) -> &'static str {
        match self {
            Stream::Out => "info",
            Stream::Error => "warn",
        }
    }
}

impl Output {
    pub fn stream(&self, stream: Stream) -> LineStream {
        LineStream { output: self.clone(), stream }
    }

    /// All lines since this was last asked; those not ended end here.
    pub fn take(&self) -> Option<Written> {
        let mut lines = self.lock();
        for stream in [Stream::Out, Stream::Error] {
            if !lines.begun[stream as usize].is_empty() {
                lines.end(stream);
            }
        }
        let Lines { done, dropped, .. } = &mut *lines;
        let written = Written { lines: std::mem::take(done), dropped: std::mem::take(dropped) };
        (!written.lines.is_empty()).then_some(written)
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            let begun = &mut self.begun[stream as usize];
            let room = (LONGEST_LINE + 1).saturating_sub(begun.len());
            begun.extend(&text[..text.len().min(room)]);
            if ends {
                self.end(stream);
            }
        }
    }

    fn end(&mut self, stream: Stream) {
        let line = std::mem::take(&mut self.begun[stream as usize]);
        if self.done.len() < MOST_LINES {
            let text = String::from_utf8_lossy(&line);
            self.done.push((stream.level(), text.trim_end_matches('\r').to_owned()));
        } else {
            self.dropped += 1;
        }
    }
}

#[derive(Clone)]
pub struct LineStream {
    output: Output,
    stream: Stream,
}

impl IsTerminal for LineStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LineStream {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    /// Not asked for by what the linker offers.
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::empty())
    }
}

#[async_trait]
impl Pollable for LineStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LineStream {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.output.lock().write(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pieces: &[(Stream, &[u8])]) -> Written {
        let output = Output::default();
        for (stream, piece) in pieces {
            output.stream(*stream).write(bytes::Bytes::copy_from_slice(piece)).unwrap();
        }
        output.take().unwrap()
    }

    #[test]
    fn lines_are_whole_whatever_pieces_they_come_in_and_the_streams_do_not_mix() {
        let pieces: &[(Stream, &[u8])] = &[
            (Stream::Out, b"one\ntw"),
            (Stream::Error, b"oh no\r\n"),
            (Stream::Out, b"o\n\nthree"),
            (Stream::Error, b"\xff"),
        ];
        let lines = written(pieces).lines;
        let lines: Vec<_> = lines.iter().map(|(level, text)| (*level, text.as_str())).collect();
        let expected = [
            ("info", "one"),
            ("warn", "oh no"),
            ("info", "two"),
            ("info", ""),
            ("info", "three"),
            ("warn", "\u{fffd}"),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_long_line_is_cut_and_lines_without_end_are_counted() {
        let endless = vec![b'x'; 1 << 20];
        let lines = written(&[(Stream::Out, &endless), (Stream::Out, &endless)]).lines;
        assert_eq!((lines.len(), lines[0].1.len()), (1, LONGEST_LINE + 1));
        let Written { lines, dropped } = written(&[(Stream::Out, &b"\n".repeat(2_500))]);
        assert_eq!((lines.len(), dropped), (MOST_LINES, 1_500));
    }

    #[test]
    fn nothing_is_taken_twice() {
        let output = Output::default();
        assert!(output.take().is_none());
        output.stream(Stream::Out).write("a\n".into()).unwrap();
        assert!(output.take().is_some() && output.take().is_none());
    }
}
