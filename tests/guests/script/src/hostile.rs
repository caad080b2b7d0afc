//! What a guest should not do. Each of these ends only because the host ends it, or after a bounded number of rounds.

use std::hint::black_box;

/// Computes for `rounds`; 0 is forever.
pub fn spin(rounds: u64) -> u64 {
    let mut number = 1_u64;
    let mut round = 0_u64;
    loop {
        number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round));
        round += 1;
        if round == rounds {
            return number;
        }
    }
}

/// Takes and touches memory.
pub fn allocate(mib: usize) -> usize {
    let held: Vec<Vec<u8>> = (0..mib).map(|_| black_box(vec![1_u8; 1 << 20])).collect();
    held.len()
}

/// Goes down until the stack ends.
pub fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX {
        return depth;
    }
    // What is done afterwards keeps this from becoming a loop. No frame in linear memory: its end would come first.
    recurse(depth + 1).wrapping_mul(3).rotate_left(5).wrapping_add(depth)
}
