//! What a word is. Pure; it cannot fail.

use std::collections::BTreeSet;

/// In characters. What is longer counts as the same word from here on: a word is a key, and keys have a limit.
const LONGEST: usize = 64;

/// The different words of a text, in the order of the alphabet: letters and digits, without capitals.
pub fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    let words: BTreeSet<String> = parts.map(|part| part.to_lowercase().chars().take(LONGEST).collect()).collect();
    words.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_and_digits_without_capitals_each_once() {
        assert_eq!(
            words("Mme.Thenardier met mme. Magloire, 24601!"),
            ["24601", "magloire", "met", "mme", "thenardier"]
        );
        assert_eq!(words("Été, été"), ["été"]);
        assert!(words(" …! ").is_empty());
    }

    #[test]
    fn an_endless_word_counts_by_its_beginning() {
        assert_eq!(words(&"é".repeat(500)), ["é".repeat(LONGEST)]);
    }
}
