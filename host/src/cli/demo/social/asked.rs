//! What the spaces answer at the end, whole: every feed, every conversation, and all that a query finds.
//!
//! Must not know what is expected. Fails when a command fails or answers something of another form.

use super::acts::conversation;
use super::expected::Post;
use crate::cli::client::Client;
use crate::cli::demo::load::ask;
use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub struct Asked<'a>(pub &'a Client);

#[derive(Deserialize)]
pub struct Counts {
    pub delivered: usize,
    pub withdrawn: usize,
    pub held: usize,
}

#[derive(Deserialize)]
pub struct Ties {
    pub follows: usize,
    pub followers: usize,
}

#[derive(Deserialize)]
struct Profile {
    ties: Ties,
}

#[derive(Deserialize)]
pub struct Message {
    pub number: usize,
    pub from: String,
    pub text: String,
}

#[derive(Deserialize)]
struct Unread {
    messages: usize,
}

#[derive(Deserialize)]
struct Found {
    posts: Vec<Id>,
    next: Option<Value>,
}

#[derive(Deserialize)]
struct Id {
    author: String,
    number: u32,
}

impl Asked<'_> {
    pub async fn ties(&self, person: &str) -> Result<Ties> {
        Ok(ask::<Profile>(self.0, "profiles/show", Some(person), &Value::Null).await?.ties)
    }

    pub async fn feed(&self, reader: &str) -> Result<Vec<Post>> {
        ask(self.0, "feed/read", Some(reader), &json!({ "most": 10_000 })).await
    }

    pub async fn counts(&self, reader: &str) -> Result<Counts> {
        ask(self.0, "feed/counts", Some(reader), &Value::Null).await
    }

    /// All messages of the two, page by page.
    pub async fn conversation(&self, one: &str, other: &str) -> Result<Vec<Message>> {
        let (key, mut all) = (conversation(one, other), Vec::<Message>::new());
        loop {
            let after = all.last().map_or(0, |message| message.number);
            let page: Vec<Message> = ask(self.0, "messaging/history", Some(&key), &json!({ "after": after })).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// How many messages somebody has not read.
    pub async fn unread(&self, person: &str) -> Result<usize> {
        let inbox: Vec<Unread> = ask(self.0, "messaging/inbox", Some(person), &Value::Null).await?;
        Ok(inbox.iter().map(|unread| unread.messages).sum())
    }

    /// All posts that the query finds, page by page, and how often one was answered that had been answered before.
    pub async fn find(&self, text: &str) -> Result<(BTreeSet<(String, u32)>, usize)> {
        let (mut all, mut after, mut answered) = (BTreeSet::new(), None, 0);
        loop {
            let found: Found = ask(self.0, "search/find", Some(text), &json!({ "text": text, "after": after })).await?;
            answered += found.posts.len();
            all.extend(found.posts.into_iter().map(|id| (id.author, id.number)));
            match found.next {
                Some(next) => after = Some(next),
                None => {
                    let again = answered - all.len();
                    return Ok((all, again));
                }
            }
        }
    }
}
