//! Chance that can be repeated: a round's shuffle follows from the seed and the round's number alone, so that it is the same
//! in whichever slice, after a crash, and for whoever checks it. Pure.
//!
//! Splitmix64, begun at `seed + round * 2^32`; Fisher and Yates' shuffle from the last element down, each exchanged with
//! the one at `next % (index + 1)`.

/// These times in another order.
pub fn shuffled(times: &[u64], seed: u64, round: u64) -> Vec<u64> {
    let mut state = seed.wrapping_add(round << 32);
    let mut times = times.to_vec();
    for index in (1..times.len()).rev() {
        let other = next(&mut state) % (index as u64 + 1);
        times.swap(index, other as usize);
    }
    times
}

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
