//! The process's file handles, of which each connection takes one.
//!
//! Owns the limit of them. Must not know connections. Cannot fail: what the system does not give is not counted on.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the rest of the host may need at one time: journal, tables, the drop folder, compiles, the watcher.
const FOR_THE_HOST: u64 = 512;
/// So many connections are tried in any case; when there are no handles for them, accepting pauses.
const LEAST: usize = 64;

/// Raises the limit as far as the system allows, and says how many of the wanted connections there are handles for.
pub fn for_connections(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    // None is no limit at all.
    let limit = if raised.is_ok() { maximum } else { current };
    let affordable = limit.map_or(wanted, |limit| affordable(limit, wanted));
    if affordable < wanted {
        tracing::warn!(
            "so few files may be open that there is room for {affordable} connections, not {wanted}: raise `ulimit -n`"
        );
    }
    affordable
}

fn affordable(limit: u64, wanted: usize) -> usize {
    let left = usize::try_from(limit.saturating_sub(FOR_THE_HOST)).unwrap_or(usize::MAX);
    left.max(LEAST).min(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_keeps_some_for_itself() {
        assert_eq!(affordable(1 << 20, 2_048), 2_048);
        assert_eq!(affordable(1_024, 2_048), 512);
        assert_eq!(affordable(100, 2_048), 64);
        assert_eq!(affordable(1 << 20, 10), 10);
    }
}
