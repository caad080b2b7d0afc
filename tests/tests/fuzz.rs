//! The fuzz targets on their seeds, and on seeds that are changed at random, the same in each run. What a fuzzer finds comes
//! in here as a seed.

use spacehost_tests::Dice;
use spacehost_tests::fuzz::target;

/// So many changed inputs for each seed; the slow targets compile or connect for each.
fn survives(name: &str, changes: u64) {
    let target = target(name).unwrap();
    let mut dice = Dice(name.len() as u64);
    for seed in (target.seeds)() {
        (target.run)(&seed);
        for _ in 0..changes {
            (target.run)(&changed(&seed, &mut dice));
        }
    }
}

fn changed(seed: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len() as u64 + 1) as usize;
        match dice.roll(4) {
            0 => bytes.insert(at, dice.roll(256) as u8),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.truncate(at.max(1)),
            _ if at < bytes.len() => bytes[at] = dice.roll(256) as u8,
            _ => bytes.push(dice.roll(256) as u8),
        }
    }
    bytes
}

#[test]
fn topics_and_patterns_obey_their_rules() {
    survives("topics", 20_000);
}

#[test]
fn settings_are_read_or_refused_at_a_line_and_never_raise_a_limit() {
    survives("settings", 5_000);
}

#[test]
fn a_descriptor_breaks_nothing_of_itself_and_the_lines_to_add_grant_it() {
    survives("descriptor", 5_000);
}

#[test]
fn a_journal_that_was_tampered_with_is_refused_or_gives_out_what_was_written() {
    survives("journal", 100);
}

#[test]
fn whatever_is_dropped_in_is_a_space_or_refused() {
    survives("loader", 100);
}

#[test]
fn whatever_comes_on_a_connection_the_next_client_is_answered() {
    survives("http", 50);
}

#[test]
fn whatever_a_guest_passes_to_the_host_its_neighbour_is_answered() {
    survives("boundary", 25);
}
