//! Numbers that look random and are the same for the same seed, in each version of this program: splitmix64, which is
//! a few lines, where a crate's generators may change with the crate. Pure; it cannot fail.

pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// From 0 to `bound` - 1. The bias is far below what an input of some thousand numbers could show.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    pub fn within(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        let mut dice = Dice::new(1_234_567);
        let numbers = [(); 3].map(|()| dice.below(u64::MAX));
        assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_range_holds_both_its_ends() {
        let mut dice = Dice::new(7);
        let rolled: std::collections::BTreeSet<u64> = (0..100).map(|_| dice.within(3, 5)).collect();
        assert_eq!(rolled.into_iter().collect::<Vec<_>>(), [3, 4, 5]);
    }
}
