//! Reads server-sent events out of a stream of bytes.
//!
//! Must not know HTTP, or what the events mean. What it does not understand it skips, as the standard asks.

/// One event as it came.
#[derive(Debug, Default, PartialEq)]
pub struct Frame {
    /// Empty for an ordinary message.
    pub event: String,
    pub data: String,
}

/// Collects bytes until frames are whole.
#[derive(Debug, Default)]
pub struct Parser {
    rest: Vec<u8>,
    frame: Frame,
    has_data: bool,
}

impl Parser {
    /// The frames that `bytes` complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Frame> {
        self.rest.extend_from_slice(bytes);
        let mut frames = Vec::new();
        let mut start = 0;
        while let Some(length) = self.rest[start..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.rest[start..start + length]).into_owned();
            start += length + 1;
            frames.extend(self.line(line.strip_suffix('\r').unwrap_or(&line)));
        }
        self.rest.drain(..start);
        frames
    }

    fn line(&mut self, line: &str) -> Option<Frame> {
        if line.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            return std::mem::take(&mut self.has_data).then_some(frame);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.frame.event),
            "data" => self.data(value),
            // Ids are in the events themselves; a line without a field is a comment that keeps the connection open.
            _ => {}
        }
        None
    }

    fn data(&mut self, value: &str) {
        if self.has_data {
            self.frame.data.push('\n');
        }
        self.has_data = true;
        self.frame.data.push_str(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(event: &str, data: &str) -> Frame {
        Frame { event: event.into(), data: data.into() }
    }

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        let text = b": hello\n\nid: 1-0\ndata: {\"a\":\ndata: 1}\n\nevent: gap\r\ndata: {}\r\n\r\n";
        let expected = [frame("", "{\"a\":\n1}"), frame("gap", "{}")];
        assert_eq!(Parser::default().feed(text), expected);
        let mut parser = Parser::default();
        let one_by_one: Vec<Frame> = text.iter().flat_map(|byte| parser.feed(&[*byte])).collect();
        assert_eq!(one_by_one, expected);
    }

    #[test]
    fn comments_and_unknown_fields_are_nothing() {
        assert_eq!(Parser::default().feed(b":\n\nretry: 10\n\nid: 5\n\n"), []);
    }
}
