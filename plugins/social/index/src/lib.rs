//! The space `index`: owns which posts have a word, for each word. It knows no texts and no queries. It fails only if its
//! state cannot be written, or with `no-key` when a message comes without one.

use social_messages::{PostId, Postings};
use spacehost_sdk::prelude::*;

/// At most so many posts in one answer.
const MOST: usize = 500;

#[derive(Cells)]
struct Index {
    /// By word, author and number.
    postings: Map<(String, String, u32), ()>,
}

/// The inverted index over the posts; the word is the key of each command.
#[space(partitions = 4)]
impl Index {
    /// A post has the word.
    #[command]
    fn add(&self, ctx: &Context, post: PostId) -> Result<()> {
        self.postings.set(&(word(ctx)?, post.author, post.number), &())
    }

    /// A post that had the word is gone.
    #[command]
    fn remove(&self, ctx: &Context, post: PostId) -> Result<()> {
        self.postings.delete(&(word(ctx)?, post.author, post.number))
    }

    /// Answers the posts that have the word, by author and number.
    #[command]
    fn postings(&self, ctx: &Context, input: Postings) -> Result<Vec<PostId>> {
        let word = word(ctx)?;
        let mut entries = self.postings.under(&word);
        if let Some(PostId { author, number }) = input.after {
            entries = entries.after(&(word, author, number));
        }
        let keys = entries.keys().take(input.most.min(MOST));
        keys.map(|key| key.map(|(_, author, number)| PostId { author, number })).collect()
    }

    /// Answers which of these posts have the word.
    #[command]
    fn having(&self, ctx: &Context, posts: Vec<PostId>) -> Result<Vec<PostId>> {
        let word = word(ctx)?;
        let has = |post: &PostId| self.postings.contains(&(word.clone(), post.author.clone(), post.number));
        Ok(posts.into_iter().filter(has).collect())
    }
}

fn word(ctx: &Context) -> Result<String> {
    ctx.required_key("word")
}

#[cfg(test)]
mod tests;
