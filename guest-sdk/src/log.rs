//! Log lines: `info!("charged {cents} cents")`. They go out at once, also from turns that fail, and cannot fail; the host limits
//! their rate.

use crate::port;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// Writes one line. The macros call this.
pub fn write(level: Level, message: &str) {
    port::log(level, message);
}

/// Writes a line of level trace, formatted as by `format!`.
#[macro_export]
macro_rules! trace { ($($message:tt)*) => { $crate::write_log($crate::Level::Trace, &::std::format!($($message)*)) } }

/// Writes a line of level debug, formatted as by `format!`.
#[macro_export]
macro_rules! debug { ($($message:tt)*) => { $crate::write_log($crate::Level::Debug, &::std::format!($($message)*)) } }

/// Writes a line of level info, formatted as by `format!`.
#[macro_export]
macro_rules! info { ($($message:tt)*) => { $crate::write_log($crate::Level::Info, &::std::format!($($message)*)) } }

/// Writes a line of level warn, formatted as by `format!`.
#[macro_export]
macro_rules! warn { ($($message:tt)*) => { $crate::write_log($crate::Level::Warn, &::std::format!($($message)*)) } }

/// Writes a line of level error, formatted as by `format!`.
#[macro_export]
macro_rules! error { ($($message:tt)*) => { $crate::write_log($crate::Level::Error, &::std::format!($($message)*)) } }
