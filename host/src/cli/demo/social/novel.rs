//! The file of the social demo: who appears with whom in a novel, and in how many chapters.
//!
//! Owns the file's format. Must not know HTTP or spaces. Fails when the file is no such graph.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// A person is named by the place in `names`.
#[derive(Debug)]
pub struct Novel {
    pub names: Vec<String>,
    pub ties: Vec<Tie>,
}

/// Two persons who appear together so many times.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Tie {
    pub source: usize,
    pub target: usize,
    #[serde(rename = "value")]
    pub times: usize,
}

#[derive(Deserialize)]
struct File {
    nodes: Vec<Node>,
    links: Vec<Tie>,
}

#[derive(Deserialize)]
struct Node {
    name: String,
}

pub fn read(text: &str) -> Result<Novel> {
    let file: File = serde_json::from_str(text).context("a graph has nodes with names, and links with values")?;
    let names: Vec<String> = file.nodes.into_iter().map(|node| node.name).collect();
    for Tie { source, target, .. } in &file.links {
        ensure!(source.max(target) < &names.len(), "a link from {source} to {target}: there is no such node");
        ensure!(source != target, "a link from {source} to itself");
    }
    Ok(Novel { names, ties: file.links })
}

impl Novel {
    pub fn persons(&self) -> std::ops::Range<usize> {
        0..self.names.len()
    }

    /// With whom a person appears, in the order of the file.
    pub fn neighbours(&self, person: usize) -> impl Iterator<Item = usize> {
        self.ties.iter().filter_map(move |tie| match *tie {
            Tie { source, target, .. } if source == person => Some(target),
            Tie { source, target, .. } if target == person => Some(source),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_file_is_what_its_source_says() {
        let novel = read(include_str!("../../../../../plugins/social/data/miserables.json")).unwrap();
        let times: usize = novel.ties.iter().map(|tie| tie.times).sum();
        assert_eq!((novel.names.len(), novel.ties.len(), times), (77, 254, 820));
        assert!(novel.persons().all(|person| novel.neighbours(person).next().is_some()));
    }

    #[test]
    fn neighbours_are_found_from_both_ends() {
        let text = r#"{"nodes":[{"name":"a"},{"name":"b"},{"name":"c"}],
            "links":[{"source":1,"target":0,"value":2},{"source":2,"target":1,"value":1}]}"#;
        let novel = read(text).unwrap();
        assert_eq!(novel.neighbours(1).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(novel.neighbours(2).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_link_to_nobody_is_named() {
        let text = r#"{"nodes":[{"name":"a"}],"links":[{"source":0,"target":1,"value":1}]}"#;
        assert_eq!(read(text).unwrap_err().to_string(), "a link from 0 to 1: there is no such node");
    }
}
