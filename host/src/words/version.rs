//! Which of two versions is the older one. A version is whatever its author writes; numbers in it compare as numbers.
//!
//! Pure and total: what cannot be told apart is not older.

use std::cmp::Ordering;

/// Whether `version` comes before `other`, as far as their numbers tell.
pub fn is_older(version: &str, other: &str) -> bool {
    let parts = |version: &str| -> Vec<Option<u64>> {
        let (numbers, _) = version.split_once(['-', '+']).unwrap_or((version, ""));
        numbers.trim_start_matches('v').split('.').map(|part| part.parse().ok()).collect()
    };
    let (version, other) = (parts(version), parts(other));
    let longest = version.len().max(other.len());
    let part = |parts: &[Option<u64>], at: usize| parts.get(at).copied().unwrap_or(Some(0));
    for at in 0..longest {
        let (Some(one), Some(other)) = (part(&version, at), part(&other, at)) else { return false };
        match one.cmp(&other) {
            Ordering::Equal => {}
            unequal => return unequal == Ordering::Less,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_as_numbers_and_words_tell_nothing() {
        for (older, newer) in [("1", "2"), ("1.9", "1.10"), ("0.9.9", "1"), ("v1.2", "1.2.1"), ("1.0.0", "1.0.1-beta")]
        {
            assert!(is_older(older, newer), "{older} {newer}");
            assert!(!is_older(newer, older), "{newer} {older}");
        }
        for (one, other) in [("1", "1.0"), ("blue", "green"), ("1.x", "1.2"), ("", "1"), ("1.0-a", "1.0-b")] {
            assert!(!is_older(one, other) && !is_older(other, one), "{one} {other}");
        }
    }
}
