//! The space `search`: takes posts apart into words for the index, and answers queries out of it. It owns the rule of what
//! a word is, and no data. A query without a word, or with too many, is refused as `bad-query`.

mod words;

use social_messages::{Deleted, Post, PostId, Postings, Written};
use spacehost_sdk::prelude::*;
use words::words;

const MOST_WORDS: usize = 16;
/// How many posts of the first word are looked at in one go.
const PAGE: usize = 500;
/// How many pages one turn looks at, before it answers what it has found and where to go on.
const PAGES: usize = 20;

#[derive(Deserialize, JsonSchema)]
struct Find {
    /// Any text: found are the posts that have all its words.
    text: String,
    /// Go on behind this post, the `next` of the answer before.
    after: Option<PostId>,
}

#[derive(Debug, Default, PartialEq, Serialize, JsonSchema)]
struct Found {
    /// By author and number.
    posts: Vec<PostId>,
    /// Where to go on; none when all were found.
    next: Option<PostId>,
}

#[derive(Cells)]
struct Search {}

/// Finds posts by their words.
#[space(partitions = 4, wants(commands("index/add", "index/remove", "index/postings", "index/having")))]
impl Search {
    #[event("posts.written")]
    fn written(&self, ctx: &Context, event: Written) -> Result<()> {
        tell(ctx, "index/add", &event.post)
    }

    #[event("posts.deleted")]
    fn deleted(&self, ctx: &Context, event: Deleted) -> Result<()> {
        tell(ctx, "index/remove", &event.post)
    }

    /// Finds the posts that have all words of a text; capitals do not count.
    ///
    /// Each word may lie in another partition of the index. So the first one gives posts, page by page, and each of the
    /// others says which of them it has, too. No message is longer than a page, however common the words are.
    #[command]
    fn find(&self, ctx: &Context, input: Find) -> Result<Found> {
        let words = words(&input.text);
        let Some((first, others)) = words.split_first().filter(|_| words.len() <= MOST_WORDS) else {
            return Err(Failure::new("bad-query", format!("a query has 1 to {MOST_WORDS} different words")));
        };
        let mut found = Found { posts: Vec::new(), next: input.after };
        for _ in 0..PAGES {
            let asked = Postings { after: found.next.take(), most: PAGE };
            let page: Vec<PostId> = ctx.with_key(first).request("index/postings", &asked)?;
            found.next = page.last().filter(|_| page.len() == PAGE).cloned();
            found.posts.extend(having_all(ctx, page, others)?);
            if found.next.is_none() || found.posts.len() >= PAGE {
                break;
            }
        }
        Ok(found)
    }
}

/// Those of the posts that have all the words.
fn having_all(ctx: &Context, mut posts: Vec<PostId>, words: &[String]) -> Result<Vec<PostId>> {
    for word in words {
        if posts.is_empty() {
            break;
        }
        posts = ctx.with_key(word).request("index/having", &posts)?;
    }
    Ok(posts)
}

/// Tells the index each word of the post. A post has 500 characters at most, so these are fewer messages than a turn may
/// send.
fn tell(ctx: &Context, address: &str, post: &Post) -> Result<()> {
    words(&post.text).into_iter().try_for_each(|word| ctx.with_key(word).send(address, &post.id()))
}

#[cfg(test)]
mod tests;
