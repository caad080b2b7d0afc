//! The traffic of the social demo: the persons of a novel follow each other, post and write messages, and at the end each
//! feed, conversation and search is laid beside what the novel's graph says.
//!
//! Must not know how the spaces bring it about. Fails when a command fails, when the spaces do not come to rest, or when
//! anything they hold is not as expected.

mod acts;
mod asked;
mod expected;
mod novel;
mod scenes;

use super::compared::{Row, compare};
use super::load::Load;
use super::rest::at_rest;
use super::trouble::Trouble;
use super::{Summary, text};
use crate::cli::child::ChildHost;
use crate::cli::client::Client;
use anyhow::{Context, Result};
use asked::Asked;
use expected::Expected;
use std::path::Path;

/// Words of every kind: rare, common, in every post, in none; names of two parts; and several at once.
const QUERIES: [&str; 14] = [
    "Valjean",
    "valjean cosette",
    "Cosette VALJEAN rain",
    "Mme",
    "mme thenardier inn",
    "paris",
    "moon of paris",
    "barricade enjolras night followed",
    "the",
    "the in",
    "farewell",
    "farewell Napoleon",
    "Waterloo",
    "valjean waterloo",
];

pub async fn replay(host: &mut ChildHost, folder: &Path, trouble: Trouble) -> Result<Summary> {
    let file = folder.join("data/miserables.json");
    let novel = novel::read(&text(&file)?).with_context(|| format!("{} is not as expected", file.display()))?;
    let expected = Expected::of(novel);
    let client = host.client.clone();
    acts::meet(&client, &expected).await?;
    let load = Load::new(&client, expected.scenes.len() as u64, "scenes")?;
    let telling = load.run(expected.novel.persons(), async |person| acts::tell(&load, &expected, person).await);
    let ((), came_to) = tokio::try_join!(telling, trouble.make(host, &load))?;
    let figures = load.figures();
    at_rest(&client).await?;
    acts::part(&client, &expected).await?;
    let mut rows = graph_rows(&client, &expected).await?;
    rows.extend(conversation_rows(&client, &expected).await?);
    rows.extend(search_rows(&client, &expected).await?);
    rows.push(Row::new("messages set aside", at_rest(&client).await?.dead_letters, 0));
    let mut lines = compare(&rows, "THE GRAPH")?;
    lines.push(figures.to_string());
    lines.extend(came_to);
    Ok(Summary { lines, figures: Some(figures), next: next() })
}

/// Who follows whom, and the feeds.
async fn graph_rows(client: &Client, expected: &Expected) -> Result<Vec<Row>> {
    let (asked, mut agree) = (Asked(client), Agree::default());
    let (mut follows, mut followers, mut delivered, mut withdrawn, mut held) = (0, 0, 0, 0, 0);
    for (reader, name) in expected.novel.names.iter().enumerate() {
        let (ties, counts) = (asked.ties(name).await?, asked.counts(name).await?);
        follows += ties.follows;
        followers += ties.followers;
        delivered += counts.delivered;
        withdrawn += counts.withdrawn;
        held += counts.held;
        agree.when(name, asked.feed(name).await? == expected.feed(reader));
    }
    let sum = |of: &dyn Fn(usize) -> usize| expected.novel.persons().map(of).sum::<usize>();
    Ok(vec![
        Row::new("persons followed", follows, expected.ties()),
        Row::new("followers", followers, expected.ties()),
        Row::new("posts put into feeds", delivered, sum(&|reader| expected.delivered(reader))),
        Row::new("posts taken back", withdrawn, sum(&|reader| expected.withdrawn(reader))),
        Row::new("posts in feeds", held, sum(&|reader| expected.feed(reader).len())),
        Row::new("feeds, post by post", agree, expected.novel.names.len()),
    ])
}

/// Both of a tie wrote at the same time, so the order between them is the space's; that of each alone is not.
async fn conversation_rows(client: &Client, expected: &Expected) -> Result<Vec<Row>> {
    let (asked, mut agree, mut messages, mut unread) = (Asked(client), Agree::default(), 0, 0);
    for tie in &expected.novel.ties {
        let [one, other] = [tie.source, tie.target].map(|person| expected.novel.names[person].as_str());
        let all = asked.conversation(one, other).await?;
        let of = |name: &str| -> Vec<&str> {
            all.iter().filter(|message| message.from == name).map(|message| message.text.as_str()).collect()
        };
        let is_gapless = all.iter().enumerate().all(|(place, message)| message.number == place + 1);
        let [said, answered] = [(tie.source, tie.target), (tie.target, tie.source)].map(|(a, b)| expected.said(a, b));
        agree.when(&format!("{one} and {other}"), is_gapless && of(one) == said && of(other) == answered);
        messages += all.len();
    }
    for name in &expected.novel.names {
        unread += asked.unread(name).await?;
    }
    let heard: usize = expected.novel.persons().map(|person| expected.heard(person)).sum();
    Ok(vec![
        Row::new("messages", messages, expected.scenes.len()),
        Row::new("conversations in order", agree, expected.novel.ties.len()),
        Row::new("messages not read", unread, heard),
    ])
}

/// What the index finds, and what reading all posts does.
async fn search_rows(client: &Client, expected: &Expected) -> Result<Vec<Row>> {
    let (asked, mut agree, mut posts, mut scanned) = (Asked(client), Agree::default(), 0, 0);
    for query in QUERIES {
        let (found, again) = asked.find(query).await?;
        let scan = expected.scan(query);
        posts += found.len();
        scanned += scan.len();
        agree.when(query, again == 0 && found == scan);
    }
    Ok(vec![Row::new("posts found", posts, scanned), Row::new("queries, post by post", agree, QUERIES.len())])
}

/// Counts what agrees, and names the first that does not.
#[derive(Default)]
struct Agree {
    count: usize,
    not: Option<String>,
}

impl Agree {
    fn when(&mut self, what: &str, agrees: bool) {
        match agrees {
            true => self.count += 1,
            false => self.not = self.not.take().or_else(|| Some(what.to_owned())),
        }
    }
}

impl std::fmt::Display for Agree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.not {
            Some(not) => write!(f, "{}, not {not}", self.count),
            None => write!(f, "{}", self.count),
        }
    }
}

fn next() -> Vec<String> {
    let commands = [
        "call feed read '{\"most\": 5}' --key Cosette",
        "call profiles show --key Valjean",
        "call search find '{\"text\": \"valjean barricade rain\"}'",
        "call messaging history --key 'Cosette|Marius'",
        "tail 'posts.*' &",
        "call posts write '{\"text\": \"To love another person\"}' --key Valjean",
    ];
    commands.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests;
