//! The one table of limits: name, unit, default. Everything that the host bounds has its row here.
//!
//! Operators raise and lower limits in `spacehost.toml`; a file beside the component may only lower them.

use serde::Serialize;
use std::time::Duration;

/// One row of the table, for `inspect`, the docs and the settings reader.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Row {
    pub name: &'static str,
    pub unit: &'static str,
    pub default: u64,
    /// The most that an operator can set.
    pub maximum: u64,
    pub meaning: &'static str,
}

macro_rules! limits {
    ($($field:ident: $unit:literal, $default:expr, $maximum:expr, $meaning:literal;)*) => {
        /// The limits of one space, each in the unit of its row.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        pub struct Limits { $(#[doc = $meaning] pub $field: u64,)* }

        /// The table.
        pub const TABLE: &[Row] = &[$(Row {
            name: stringify!($field), unit: $unit, default: $default, maximum: $maximum, meaning: $meaning,
        },)*];

        impl Default for Limits {
            fn default() -> Self {
                Limits { $($field: $default,)* }
            }
        }

        impl Limits {
            /// The limit of that name, to read or to set.
            pub fn field(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    $(stringify!($field) => Some(&mut self.$field),)*
                    _ => None,
                }
            }

            pub fn get(&self, name: &str) -> Option<u64> {
                match name {
                    $(stringify!($field) => Some(self.$field),)*
                    _ => None,
                }
            }
        }
    };
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

limits! {
    partitions: "partitions", 64, 1_024, "partitions that the space may be split into, each with an instance, a mailbox and a state of its own";
    memory_bytes: "bytes", 64 * MIB, 4096 * MIB, "linear memory of one instance, summed over its memories";
    space_memory_bytes: "bytes", 1024 * MIB, 1 << 40, "linear memory and tables of a space: all its partitions, and a new version's beside them";
    memories: "memories", 4, 16, "linear memories of one instance";
    tables: "tables", 16, 64, "tables of one instance";
    table_elements: "elements", 100_000, 1_000_000, "elements of all tables of one instance";
    core_instances: "instances", 64, 1_000, "core instances in one component instance";
    handles: "handles", 4_096, 100_000, "handles of resources that one instance holds at a time";
    hostcall_bytes: "bytes", 16 * MIB, 128 * MIB, "bytes that one host call may pass in";
    host_calls_per_turn: "calls", 1_000_000, 1_000_000_000, "calls to the host in one turn or `start`; ten times as many in `migrate`";
    cpu_per_turn_ms: "ms", 500, 3_600_000, "CPU time of the guest in one turn";
    wall_per_turn_ms: "ms", 30_000, 3_600_000, "time from the start of a turn to its end, waiting included";
    start_cpu_ms: "ms", 2_000, 60_000, "CPU time of instantiation and `start`";
    migrate_cpu_ms: "ms", 10_000, 3_600_000, "CPU time of `migrate`";
    migrate_bytes: "bytes", 64 * MIB, 1 << 40, "what `migrate` may write and emit, all partitions of the space together";
    probation_turns: "turns", 10, 1_000_000, "turns of a new version that are watched: if three break off before so many have succeeded, the former version comes back; 0: none";
    message_bytes: "bytes", MIB, 64 * MIB, "body of one message, and its headers";
    emitted_per_turn: "messages", 1_000, 1_000_000, "messages that one turn may publish, send or request";
    emitted_bytes_per_turn: "bytes", 16 * MIB, 1024 * MIB, "bodies of these messages together, of timers set and of replies got";
    written_bytes_per_turn: "bytes", 64 * MIB, 1 << 40, "keys and values that one turn may write, the same key each time; `migrate` has `migrate_bytes`";
    state_bytes: "bytes", 256 * MIB, 1 << 40, "state of one partition, keys and values";
    state_keys: "keys", 1_000_000, 1 << 32, "keys of one partition";
    state_key_bytes: "bytes", 1_024, 32 * KIB, "one key";
    state_value_bytes: "bytes", MIB, 64 * MIB, "one value";
    timers: "timers", 1_000, 1_000_000, "timers of one partition";
    backlog_messages: "messages", 100_000, 1 << 32, "messages waiting for one partition";
    backlog_bytes: "bytes", 128 * MIB, 1 << 40, "their weight: body, headers and 256 bytes each";
    window_messages: "messages", 10_000, 1 << 32, "of these in memory; the rest is read from the journal when its turn comes";
    window_bytes: "bytes", 16 * MIB, 1 << 40, "their weight";
    hops: "turns", 32, 10_000, "turns from a client or timer to a message";
    attempts: "attempts", 5, 1_000, "attempts at a one-way message before it is a dead letter";
    retry_first_ms: "ms", 1_000, 3_600_000, "wait before the second attempt; doubled each time";
    retry_most_ms: "ms", 60_000, 86_400_000, "longest wait between two attempts";
    congestion_ms: "ms", 300_000, 86_400_000, "how long a turn is repeated for `overloaded` and `cycle`";
    dead_letters: "messages", 10_000, 1 << 32, "dead letters kept for one space; full, it stops";
    request_timeout_ms: "ms", 5_000, 3_600_000, "wait for the reply to a request, unless the call says otherwise";
    log_lines_per_second: "lines", 100, 100_000, "log lines of one space";
    replay_messages: "messages", 0, 1_000_000, "turns of the past whose former values are kept, to try new versions on them";
    component_bytes: "bytes", 32 * MIB, 512 * MIB, "the .wasm file";
}

impl Limits {
    /// The table as settings see it, for the names in error messages.
    pub fn row(name: &str) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.name == name)
    }

    pub fn wall_per_turn(&self) -> Duration {
        Duration::from_millis(self.wall_per_turn_ms)
    }

    pub fn cpu_per_turn(&self) -> Duration {
        Duration::from_millis(self.cpu_per_turn_ms)
    }
}

/// How many of a partition's places clients may fill; the rest is for spaces, whose refusal would cost a
/// turn.
pub fn client_share(places: u64) -> u64 {
    (places / 10 * 8 + places % 10 * 8 / 10).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_within_its_maximum_and_readable_by_name() {
        let mut limits = Limits::default();
        for row in TABLE {
            assert!(row.default <= row.maximum, "{}", row.name);
            assert_eq!(limits.field(row.name), Some(&mut row.default.clone()));
        }
    }

    #[test]
    fn clients_are_refused_at_four_fifths() {
        assert_eq!(client_share(100), 80);
        assert_eq!(client_share(5), 4);
        assert_eq!(client_share(1), 1);
    }
}
