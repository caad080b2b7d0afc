//! What the spaces of the social network say to each other: the bodies of their commands and events. It owns no data and no
//! rule of any space. A message without a person gives the failure `no-key`.
//!
//! Fields may be added as long as the old ones stay: spaces are replaced one by one, so for a while one speaks the new
//! language and the other the old.

use spacehost_sdk::prelude::*;

/// Names a post: each author's are numbered from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct PostId {
    pub author: String,
    pub number: u32,
}

/// A post, whole: whoever gets one need not ask for its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Post {
    pub author: String,
    pub number: u32,
    /// When it was written, in milliseconds since 1970, or as its author said.
    pub at: u64,
    pub text: String,
}

impl Post {
    pub fn id(&self) -> PostId {
        PostId { author: self.author.clone(), number: self.number }
    }
}

/// Somebody wrote a post.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "posts.written")]
pub struct Written {
    pub post: Post,
}

/// An author deleted a post, which is told as it was.
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(topic = "posts.deleted")]
pub struct Deleted {
    pub post: Post,
}

/// The command `feed/forget`, from profiles: the reader follows this author no more.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Forget {
    pub author: String,
}

/// The command `index/postings`, from search: the posts that have the word, those that come after one first.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Postings {
    pub after: Option<PostId>,
    /// At most so many.
    pub most: usize,
}

/// The person whom a message is about: its key, which also chooses the partition. So no command can name one person and
/// reach the partition of another. The key passes on from message to message by itself.
pub fn person(ctx: &Context) -> Result<String> {
    ctx.required_key("person")
}
