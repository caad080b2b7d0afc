//! Reads `spacehost.toml`, at the start and again when it changes.
//!
//! Knows the file, not what its settings do. A file that is not there means the defaults; one that is wrong is refused at
//! the start, and later leaves the settings as they were.

use super::decision::{Decision, Watched};
use super::scan::{self, MAX_SETTINGS_BYTES, Pair, ReadError, Sight};
use crate::words::{HostSettings, SpaceName, SpaceSettings};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The host's settings as last read.
#[derive(Debug)]
pub struct HostFile {
    path: Option<PathBuf>,
    watched: Watched,
    /// All messaging is granted, whatever the file says.
    development: bool,
    pub settings: HostSettings,
}

/// What a second look at the file showed.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// Nothing is to be done, at least not before this moment.
    None(Option<Instant>),
    /// It is sound; the settings before are given.
    From(Box<HostSettings>),
    /// What is wrong with it; the settings stay.
    Refused(String),
}

/// Reads the host's settings. Missing, they are the defaults; the error names file and line.
pub fn read_host_settings(path: &Path) -> anyhow::Result<HostSettings> {
    read(path, &scan::look(path)).map_err(|failure| anyhow::Error::msg(failure.reason))
}

/// The settings of a space whose component lies in `folder`.
pub fn read_space_settings(host: &HostSettings, name: &SpaceName, folder: &Path) -> anyhow::Result<SpaceSettings> {
    let path = folder.join(format!("{name}.toml"));
    let wrong = |reason: &dyn std::fmt::Display| anyhow::anyhow!("{}: {reason}", path.display());
    let text = settings_text(&path, &scan::look(&path)).map_err(|error| wrong(&error))?;
    host.space_with(name, &text).map_err(|error| wrong(&error))
}

/// Why the settings could not be read, in words, and whether the file was just being written.
struct Failure {
    reason: String,
    moved_on: bool,
}

impl HostFile {
    pub fn open(path: Option<PathBuf>, development: bool) -> anyhow::Result<Self> {
        let now = Instant::now();
        let mut watched = Watched::long_quiet(seen(path.as_deref()), now);
        watched.deal_with(now);
        let settings = path.as_deref().map(read_host_settings).transpose()?.unwrap_or_default();
        let settings = if development { settings.for_development() } else { settings };
        Ok(HostFile { path, watched, development, settings })
    }

    /// Sees whether the file is another.
    pub fn look(&mut self, now: Instant) {
        self.watched.sight(seen(self.path.as_deref()), now);
    }

    /// Reads the file if it has changed and come to rest.
    pub fn refresh(&mut self, now: Instant) -> Change {
        let Some(path) = &self.path else { return Change::None(None) };
        match self.watched.decide(now) {
            Decision::Nothing => return Change::None(None),
            Decision::Wait(until) => return Change::None(Some(until)),
            Decision::Load | Decision::Remove => self.watched.deal_with(now),
        }
        match read(path, &self.watched.seen().component) {
            Ok(settings) => {
                let settings = if self.development { settings.for_development() } else { settings };
                Change::From(Box::new(std::mem::replace(&mut self.settings, settings)))
            }
            Err(Failure { moved_on: true, .. }) => {
                self.look(now);
                self.watched.moved_on(now);
                self.refresh_later(now)
            }
            Err(failure) => Change::Refused(failure.reason),
        }
    }

    fn refresh_later(&self, now: Instant) -> Change {
        match self.watched.decide(now) {
            Decision::Wait(until) => Change::None(Some(until)),
            _ => Change::None(Some(now)),
        }
    }
}

fn seen(path: Option<&Path>) -> Pair {
    Pair { component: path.map(scan::look).unwrap_or_default(), settings: Sight::Absent }
}

fn read(path: &Path, seen: &Sight) -> Result<HostSettings, Failure> {
    let failure = |reason: &dyn std::fmt::Display, moved_on| Failure {
        reason: format!("{}: {reason}", path.display()),
        moved_on,
    };
    let text = settings_text(path, seen).map_err(|error| failure(&error, error == ReadError::Changed))?;
    HostSettings::parse(&text).map_err(|error| failure(&error, false))
}

/// The text of a settings file that was sighted as `seen`; empty if there is none.
pub fn settings_text(path: &Path, seen: &Sight) -> Result<String, ReadError> {
    let stamp = match seen {
        Sight::Absent => return Ok(String::new()),
        Sight::Odd(reason) => return Err(ReadError::Io(reason.clone())),
        Sight::File(stamp) => stamp,
    };
    match scan::read(path, stamp, MAX_SETTINGS_BYTES, "the host") {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| ReadError::Io("it is not UTF-8 text".to_owned())),
        Err(ReadError::Empty) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::decision::QUIET;
    use super::*;

    #[test]
    fn a_change_is_taken_up_and_a_mistake_leaves_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spacehost.toml");
        let mut file = HostFile::open(Some(path.clone()), false).unwrap();
        let start = Instant::now();
        assert_eq!(file.refresh(start), Change::None(None));
        std::fs::write(&path, "[spaces.a.limits]\nattempts = 9").unwrap();
        file.look(start);
        assert_eq!(file.refresh(start), Change::None(Some(start + QUIET)));
        assert_eq!(file.refresh(start + QUIET), Change::From(Box::default()));
        assert_eq!(file.settings.space(&SpaceName::parse("a").unwrap()).limits.attempts, 9);

        std::fs::write(&path, "[spaces.a.limits]\natempts = 90").unwrap();
        file.look(start + QUIET);
        let expected = format!("{}: line 2: `atempts` is no limit; did you mean `attempts`?", path.display());
        assert_eq!(file.refresh(start + 2 * QUIET), Change::Refused(expected.clone()));
        assert_eq!(file.refresh(start + 2 * QUIET), Change::None(None));
        assert_eq!(file.settings.space(&SpaceName::parse("a").unwrap()).limits.attempts, 9);
        assert_eq!(read_host_settings(&path).unwrap_err().to_string(), expected);
        assert_eq!(read_host_settings(&folder.path().join("none")).unwrap(), HostSettings::default());
    }
}
