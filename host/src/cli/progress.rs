//! Shows that something goes on: a bar on a terminal, a line per step elsewhere.
//!
//! Owns bars. Must not know what is done. Cannot fail.

use indicatif::{ProgressBar, ProgressStyle};
use spacehost_build::{Phase, Progress};
use std::io::IsTerminal;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(100);

/// The bar of a build.
pub struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    pub fn start() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(Phase::ALL.len() as u64);
            bar.set_style(style("{spinner} [{bar:24}] {elapsed:>4} {prefix}{wide_msg:.dim}"));
            bar.enable_steady_tick(TICK);
            bar
        });
        Bar { bar }
    }

    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Bar {
    fn phase(&mut self, phase: Phase, what: &str) {
        let Some(bar) = &self.bar else {
            eprintln!("{what}");
            return;
        };
        let position = Phase::ALL.iter().position(|known| *known == phase).unwrap_or(0);
        bar.set_position(position as u64);
        bar.set_prefix(what.to_owned());
        bar.set_message("");
    }

    fn line(&mut self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("  {}", line.trim()));
        }
    }
}

/// A bar that counts, for work whose length is known. Invisible elsewhere than on a terminal.
pub fn counting(length: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    bar.set_style(style("{spinner} [{bar:24}] {elapsed:>4} {human_pos} of {human_len} {prefix}, {per_sec:.dim}"));
    bar.set_prefix(what);
    bar
}

/// The templates are constants of this file; one with a mistake in it would show as the plain bar.
fn style(template: &str) -> ProgressStyle {
    let plain = ProgressStyle::default_bar();
    plain.clone().template(template).unwrap_or(plain).progress_chars("=> ")
}
