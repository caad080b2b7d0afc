//! How much a line of a log matters.
//!
//! Pure. Fails on any other word.

use serde::Deserialize;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    #[default]
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// No level is called that.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no level `{0}`: it may be trace, debug, info, warn or error")]
pub struct NoLevel(String);

impl std::str::FromStr for Level {
    type Err = NoLevel;

    fn from_str(word: &str) -> Result<Self, NoLevel> {
        match word {
            "trace" => Ok(Level::Trace),
            "debug" => Ok(Level::Debug),
            "info" => Ok(Level::Info),
            "warn" => Ok(Level::Warn),
            "error" => Ok(Level::Error),
            _ => Err(NoLevel(word.chars().take(32).collect())),
        }
    }
}

impl Level {
    pub fn word(self) -> &'static str {
        match self {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }

    /// Whether a line of that level, which the host has written itself, matters as much.
    pub fn admits(self, line: &str) -> bool {
        line.parse().is_ok_and(|level: Level| level >= self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_admits_what_matters_as_much_or_more() {
        let all = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error];
        let admitted = |least: Level| all.into_iter().filter(|level| least.admits(level.word())).count();
        assert_eq!(all.map(admitted), [5, 4, 3, 2, 1]);
        assert!("loud".parse::<Level>().unwrap_err().to_string().contains("`loud`"));
    }
}
