//! What the spaces must hold at the end, computed from the novel alone, without events, queues or an index.
//!
//! Pure. It knows what the persons did (`acts`), and must not know how the spaces bring it about.

use super::novel::Novel;
use super::scenes::{Scene, farewell, scenes};
use serde::Deserialize;
use std::collections::BTreeSet;

/// As the settings of the demo say.
const LONGEST_FEED: usize = 100;

/// In the order of a feed: by time, then by author and number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Post {
    pub at: u64,
    pub author: String,
    pub number: u32,
    pub text: String,
}

pub struct Expected {
    pub novel: Novel,
    pub scenes: Vec<Scene>,
    /// Of the load, in the order of time.
    posts: Vec<Post>,
    /// The last one of each person.
    farewells: Vec<Post>,
}

impl Expected {
    pub fn of(novel: Novel) -> Self {
        let scenes = scenes(&novel);
        let mut written = vec![0; novel.names.len()];
        let mut post = |author: usize, at: u64, text: String| {
            written[author] += 1;
            Post { at, author: novel.names[author].clone(), number: written[author], text }
        };
        let posts = scenes.iter().map(|scene| post(scene.author, scene.at, scene.post.clone())).collect();
        let end = scenes.len() as u64;
        let last = |person: usize| post(person, end + person as u64, farewell(&novel.names[person]));
        let farewells = novel.persons().map(last).collect();
        Expected { novel, scenes, posts, farewells }
    }

    /// When somebody writes the last post.
    pub fn end_of(&self, person: usize) -> u64 {
        self.farewells[person].at
    }

    pub fn scenes_of(&self, author: usize) -> impl Iterator<Item = &Scene> {
        self.scenes.iter().filter(move |scene| scene.author == author)
    }

    /// Whom a person follows no more in the end.
    pub fn dropped(&self, person: usize) -> Option<usize> {
        self.novel.neighbours(person).next()
    }

    /// Whom a person still follows in the end.
    fn kept(&self, person: usize) -> BTreeSet<&str> {
        self.novel.neighbours(person).skip(1).map(|other| self.novel.names[other].as_str()).collect()
    }

    pub fn ties(&self) -> usize {
        self.novel.persons().map(|person| self.kept(person).len()).sum()
    }

    /// The newest posts of all whom the reader followed; without those of the one whom he follows no more; then the
    /// farewells of the others; and without each author's first post, which they deleted last. The newest first.
    pub fn feed(&self, reader: usize) -> Vec<Post> {
        let followed: Vec<&str> = self.novel.neighbours(reader).map(|other| self.novel.names[other].as_str()).collect();
        let kept = self.kept(reader);
        let mut feed: Vec<&Post> = self.posts.iter().filter(|post| followed.contains(&post.author.as_str())).collect();
        feed = newest(feed);
        feed.retain(|post| kept.contains(post.author.as_str()));
        feed.extend(self.farewells.iter().filter(|post| kept.contains(post.author.as_str())));
        feed = newest(feed);
        feed.into_iter().rev().filter(|post| post.number != 1).cloned().collect()
    }

    /// How many posts come into a feed, whether they stay or not.
    pub fn delivered(&self, reader: usize) -> usize {
        let wrote = |other: usize| self.scenes_of(other).count();
        self.novel.neighbours(reader).map(wrote).sum::<usize>() + self.withdrawn(reader)
    }

    /// How many are taken back by their authors: one of each.
    pub fn withdrawn(&self, reader: usize) -> usize {
        self.kept(reader).len()
    }

    /// What one of the two says to the other, in order.
    pub fn said(&self, from: usize, to: usize) -> Vec<&str> {
        self.scenes_of(from).filter(|scene| scene.other == to).map(|scene| scene.message.as_str()).collect()
    }

    /// How many messages are said to somebody.
    pub fn heard(&self, person: usize) -> usize {
        self.scenes.iter().filter(|scene| scene.other == person).count()
    }

    /// The posts that have all the words, by reading them all.
    pub fn scan(&self, query: &str) -> BTreeSet<(String, u32)> {
        let words = spaced(query);
        let posts = self.posts.iter().chain(&self.farewells).filter(|post| post.number != 1);
        let found = posts.filter(|post| {
            let text = spaced(&post.text);
            words.split_whitespace().all(|word| text.contains(&format!(" {word} ")))
        });
        found.map(|post| (post.author.clone(), post.number)).collect()
    }
}

/// Sorted by time, and no more than a feed holds.
fn newest(mut posts: Vec<&Post>) -> Vec<&Post> {
    posts.sort();
    posts.split_off(posts.len().saturating_sub(LONGEST_FEED))
}

/// In small letters, with a space for each character that belongs to no word, and around it all.
fn spaced(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' });
    format!(" {} ", plain.collect::<String>().to_lowercase())
}

#[cfg(test)]
mod tests;
