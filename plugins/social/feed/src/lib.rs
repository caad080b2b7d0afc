//! The space `feed`: owns what each reader is to read, copied there when it was written, so that reading asks nobody. It
//! does not know who follows whom; profiles tell it what to put in and out. It fails only if its state cannot be written.

use social_messages::{Forget, Post, person};
use spacehost_sdk::prelude::*;

/// A read without a number answers so many posts.
const READ_BY_DEFAULT: usize = 50;

#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// How many posts a feed holds; the oldest beyond that go.
    #[serde(default = "a_thousand")]
    longest_feed: u64,
}

fn a_thousand() -> u64 {
    1_000
}

#[derive(Deserialize, JsonSchema)]
struct Read {
    most: usize,
}

/// What went through a feed since it began.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
struct Counts {
    /// How many posts it holds.
    held: u64,
    /// How many came in, whether they are still there or not.
    delivered: u64,
    /// How many were taken back by their authors, whether they were still there or not.
    withdrawn: u64,
}

#[derive(Cells)]
struct Feed {
    /// Texts by reader, time, author and number: the order in which a feed is read, from the end.
    posts: Map<(String, u64, String, u32), String>,
    counts: Map<String, Counts>,
    settings: Config<Settings>,
}

/// Keeps the feed of each reader; the reader is the key of each command.
#[space(partitions = 4)]
impl Feed {
    /// Puts a post into the reader's feed.
    ///
    /// Posts of different authors come in any order. What the feed holds is the same for each order, because what goes
    /// is always the oldest by the time of writing, and not what came first.
    #[command]
    fn deliver(&self, ctx: &Context, post: Post) -> Result<()> {
        let reader = person(ctx)?;
        let mut counts = self.counts.get(&reader)?.unwrap_or_default();
        counts.delivered += 1;
        self.posts.set(&place(&reader, &post), &post.text)?;
        counts.held += 1;
        let longest = self.settings.get()?.longest_feed;
        if counts.held > longest {
            counts.held -= self.drop_oldest(&reader, counts.held - longest)?;
        }
        self.counts.set(&reader, &counts)
    }

    /// Takes a post out again: its author deleted it.
    #[command]
    fn withdraw(&self, ctx: &Context, post: Post) -> Result<()> {
        let reader = person(ctx)?;
        let was_there = self.posts.take(&place(&reader, &post))?.is_some();
        self.counts.update(&reader, |counts| {
            counts.withdrawn += 1;
            counts.held -= u64::from(was_there);
        })
    }

    /// Takes out all posts of an author whom the reader follows no more.
    #[command]
    fn forget(&self, ctx: &Context, input: Forget) -> Result<()> {
        let reader = person(ctx)?;
        let mut forgotten = 0;
        for key in self.posts.under(&reader).keys() {
            let key = key?;
            if key.2 == input.author {
                self.posts.delete(&key)?;
                forgotten += 1;
            }
        }
        self.counts.update(&reader, |counts| counts.held -= forgotten)
    }

    /// Answers the reader's feed, the newest post first.
    #[command]
    fn read(&self, ctx: &Context, input: Option<Read>) -> Result<Vec<Post>> {
        let most = input.map_or(READ_BY_DEFAULT, |read| read.most);
        let newest = self.posts.under(&person(ctx)?).backwards().take(most);
        newest.map(|entry| entry.map(|((_, at, author, number), text)| Post { author, number, at, text })).collect()
    }

    /// Answers how many posts the reader's feed holds, and what went through it.
    #[command]
    fn counts(&self, ctx: &Context) -> Result<Counts> {
        Ok(self.counts.get(&person(ctx)?)?.unwrap_or_default())
    }

    /// Answers how many went. More than one only after the operator has lowered the setting.
    fn drop_oldest(&self, reader: &str, surplus: u64) -> Result<u64> {
        let mut dropped = 0;
        for key in self.posts.under(reader).keys().take(usize::try_from(surplus).unwrap_or(usize::MAX)) {
            self.posts.delete(&key?)?;
            dropped += 1;
        }
        Ok(dropped)
    }
}

fn place(reader: &str, post: &Post) -> (String, u64, String, u32) {
    (reader.to_owned(), post.at, post.author.clone(), post.number)
}

#[cfg(test)]
mod tests;
