//! Colours: only on a terminal, and not with NO_COLOR.
//!
//! Owns the escape codes. Must not know what is shown. Cannot fail.

use std::io::IsTerminal;

/// Whether to colour, decided once per stream.
#[derive(Debug, Clone, Copy)]
pub struct Style(bool);

impl Style {
    pub fn of_stdout() -> Self {
        Style(std::io::stdout().is_terminal() && wanted())
    }

    pub fn of_stderr() -> Self {
        Style(std::io::stderr().is_terminal() && wanted())
    }

    #[cfg(test)]
    pub fn plain() -> Self {
        Style(false)
    }

    pub fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    pub fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    pub fn warn(&self, text: &str) -> String {
        self.paint("33", text)
    }

    pub fn strong(&self, text: &str) -> String {
        self.paint("1", text)
    }

    pub fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Text of a guest as a line of a terminal may show it: escape codes could rewrite the screen.
pub fn printable(text: &str) -> String {
    let line = text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" | ");
    line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_codes_around_the_text_or_nothing() {
        assert_eq!(Style(true).good("ok"), "\x1b[32mok\x1b[0m");
        assert_eq!(Style(false).good("ok"), "ok");
    }

    #[test]
    fn a_guest_cannot_send_codes_to_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\r"), "a\u{fffd}[2Jb\u{fffd}");
    }
}
