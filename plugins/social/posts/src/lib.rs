//! The space `posts`: owns what each person has written, and tells when something is written or deleted. It knows neither
//! readers nor words. An empty or too long text is refused as `bad-text`, a post that is not there as `unknown-post`.

use social_messages::{Deleted, Post, Written, person};
use spacehost_sdk::prelude::*;

/// In characters.
const LONGEST_TEXT: usize = 500;
const LISTED_AT_ONCE: usize = 100;

#[derive(Deserialize, JsonSchema)]
struct Write {
    text: String,
    /// The time of the post, for whoever replays old ones; else that of the command.
    at: Option<u64>,
}

#[derive(Deserialize, JsonSchema)]
struct Delete {
    number: u32,
}

#[derive(Default, Deserialize, JsonSchema)]
struct List {
    /// Go on behind this number.
    after: u32,
}

#[derive(Cells)]
struct Posts {
    /// By author and number.
    posts: Map<(String, u32), Post>,
    /// How many each author has written, deleted ones included: so no number is given twice.
    written: Map<String, u32>,
}

/// Keeps the posts of each author; the author is the key of each command.
#[space(partitions = 4, publishes(Written, Deleted))]
impl Posts {
    /// Writes a post, and answers its number.
    #[command]
    fn write(&self, ctx: &Context, input: Write) -> Result<u32> {
        let author = person(ctx)?;
        if input.text.trim().is_empty() || input.text.chars().count() > LONGEST_TEXT {
            return Err(Failure::new("bad-text", format!("a post has 1 to {LONGEST_TEXT} characters")));
        }
        let number = self.written.update(&author, |written| {
            *written += 1;
            *written
        })?;
        let post = Post { author, number, at: input.at.unwrap_or_else(|| ctx.now()), text: input.text };
        self.posts.set(&(post.author.clone(), number), &post)?;
        ctx.emit(&Written { post })?;
        Ok(number)
    }

    /// Deletes a post, here and, by and by, wherever it went.
    #[command]
    fn delete(&self, ctx: &Context, input: Delete) -> Result<()> {
        let key = (person(ctx)?, input.number);
        let unknown = format!("{} has no post {}", key.0, key.1);
        let post = self.posts.take(&key)?.or_fail("unknown-post", unknown)?;
        ctx.emit(&Deleted { post })
    }

    /// Lists an author's posts, the oldest first, 100 at a time.
    #[command]
    fn list(&self, ctx: &Context, input: Option<List>) -> Result<Vec<Post>> {
        let author = person(ctx)?;
        let behind = (author.clone(), input.unwrap_or_default().after);
        self.posts.under(&author).after(&behind).values().take(LISTED_AT_ONCE).collect()
    }
}

#[cfg(test)]
mod tests;
