//! What the persons of the novel write: for each time that two appear together, one of them writes a post about it, and a
//! message to the other.
//!
//! Pure, and the same each time: the file has no texts, so they are put together from the names and a few words by
//! counting. Must not know what becomes of them.

use super::novel::{Novel, Tie};

/// The novel is told so many times over: once would be through before anything could go wrong.
const TELLINGS: usize = 4;

const DEEDS: [&str; 5] = ["met", "followed", "helped", "deceived", "remembered"];
const PLACES: [&str; 7] = [
    "on the barricade",
    "at the inn of Montfermeil",
    "in the Luxembourg garden",
    "at Digne",
    "in the sewers of Paris",
    "at the corner of the Rue Plumet",
    "before the court of Arras",
];
const WEATHERS: [&str; 4] = ["in the rain", "by night", "under a Paris moon", "on a winter morning"];

/// One appearance of two persons, as the one who tells of it.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The time of the post: counts the scenes.
    pub at: u64,
    pub author: usize,
    pub other: usize,
    pub post: String,
    pub message: String,
}

/// All scenes in the order of time. Ties take turns, so everybody writes from the beginning to the end; and so do the two of
/// a tie.
pub fn scenes(novel: &Novel) -> Vec<Scene> {
    let longest = novel.ties.iter().map(|tie| tie.times).max().unwrap_or(0);
    let rounds = (0..TELLINGS).flat_map(|telling| (0..longest).map(move |round| (telling, round)));
    let appearances = rounds.flat_map(|(telling, round)| {
        let together = novel.ties.iter().filter(move |tie| tie.times > round);
        together.map(move |tie| (tie, telling + round))
    });
    appearances.enumerate().map(|(number, (tie, turn))| scene(novel, number, tie, turn)).collect()
}

fn scene(novel: &Novel, number: usize, tie: &Tie, turn: usize) -> Scene {
    let (author, other) = if turn.is_multiple_of(2) { (tie.source, tie.target) } else { (tie.target, tie.source) };
    let deed = DEEDS[(author + turn) % DEEDS.len()];
    let (place, weather) = (PLACES[number % PLACES.len()], WEATHERS[number / PLACES.len() % WEATHERS.len()]);
    let (name, met) = (&novel.names[author], &novel.names[other]);
    let post = format!("{name} {deed} {met} {place}, {weather}.");
    let message = format!("{met}, do you think of the day when I {deed} you {place}? This is letter {number}.");
    Scene { at: number as u64, author, other, post, message }
}

/// What somebody writes at the end, when some follow him no more.
pub fn farewell(name: &str) -> String {
    format!("{name} bids farewell to the readers")
}
