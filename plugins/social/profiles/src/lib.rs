//! The space `profiles`: owns the persons, and who follows whom. So it is the one who can tell a post to all followers of
//! its author, however many they are. It keeps no posts but those that it still has to tell. A name that is taken, or a
//! person that is not there, is refused as `taken` or `unknown-person`; to follow oneself as `own-follower`.

mod errands;

use errands::{Errand, News};
use social_messages::{Deleted, Forget, Written, person};
use spacehost_sdk::prelude::*;

const LISTED_AT_ONCE: usize = 100;

#[derive(Deserialize, JsonSchema)]
struct Name {
    name: String,
}

#[derive(Deserialize, JsonSchema)]
struct Whom {
    whom: String,
}

/// What the partitions of two persons tell each other, under the key of the one it is for.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Other {
    other: String,
}

#[derive(Default, Deserialize, JsonSchema)]
struct List {
    /// Go on behind this person.
    after: String,
}

#[derive(Serialize, JsonSchema)]
struct Profile {
    name: String,
    ties: Ties,
}

/// How many a person follows, and how many follow the person.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
struct Ties {
    follows: u64,
    followers: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// How many readers one turn tells; less than the limit `emitted_per_turn`.
    #[serde(default = "five_hundred")]
    readers_per_turn: usize,
}

fn five_hundred() -> usize {
    500
}

#[derive(Cells)]
struct Profiles {
    names: Map<String, String>,
    ties: Map<String, Ties>,
    /// Who follows whom, at the one who follows.
    follows: Map<(String, String), ()>,
    /// Who is followed by whom, at the one who is followed, and the last post from before: the follower gets what
    /// comes after it.
    followers: Map<(String, String), u32>,
    /// The number of each author's last post.
    latest: Map<String, u32>,
    /// What is still to be told, in the order in which it happened.
    errands: Map<u64, Errand>,
    begun: Item<u64>,
    settings: Config<Settings>,
}

/// Knows the persons and tells their posts to those who follow them; the person is the key of each message.
#[space(partitions = 4, wants(commands("feed/deliver", "feed/withdraw", "feed/forget")))]
impl Profiles {
    /// Enters a person, under a name to be shown.
    #[command]
    fn create(&self, ctx: &Context, input: Name) -> Result<()> {
        let person = person(ctx)?;
        if self.names.contains(&person) {
            return Err(Failure::new("taken", format!("there is a {person} already")));
        }
        self.names.set(&person, &input.name)
    }

    /// Changes the name that is shown. Nobody else keeps it, so nobody must be told.
    #[command]
    fn rename(&self, ctx: &Context, input: Name) -> Result<()> {
        let person = person(ctx)?;
        self.name_of(&person)?;
        self.names.set(&person, &input.name)
    }

    /// Shows a person.
    #[command]
    fn show(&self, ctx: &Context) -> Result<Profile> {
        let person = person(ctx)?;
        Ok(Profile { name: self.name_of(&person)?, ties: self.ties.get(&person)?.unwrap_or_default() })
    }

    /// Lists whom a person follows, 100 at a time.
    #[command]
    fn following(&self, ctx: &Context, input: Option<List>) -> Result<Vec<String>> {
        let person = person(ctx)?;
        let behind = (person.clone(), input.unwrap_or_default().after);
        let keys = self.follows.under(&person).after(&behind).keys().take(LISTED_AT_ONCE);
        keys.map(|key| Ok(key?.1)).collect()
    }

    /// Follows somebody: posts from now on come into the person's feed.
    ///
    /// Whoever is followed need not be there yet. To find out would take a request, and two who follow each other in the
    /// same moment would wait for each other.
    #[command]
    fn follow(&self, ctx: &Context, input: Whom) -> Result<()> {
        let (person, whom) = (person(ctx)?, input.whom);
        if person == whom {
            return Err(Failure::new("own-follower", "nobody follows himself"));
        }
        self.name_of(&person)?;
        let key = (person, whom);
        if self.follows.contains(&key) {
            return Ok(());
        }
        self.ties.update(&key.0, |ties| ties.follows += 1)?;
        self.follows.set(&key, &())?;
        let (person, whom) = key;
        // Another partition may own the other one, so this is a message, and not a look into a map.
        ctx.with_key(whom).send("profiles/gain", &Other { other: person })
    }

    /// Follows somebody no more: all posts of that one leave the person's feed.
    #[command]
    fn unfollow(&self, ctx: &Context, input: Whom) -> Result<()> {
        let key = (person(ctx)?, input.whom);
        if self.follows.take(&key)?.is_none() {
            return Ok(());
        }
        self.ties.update(&key.0, |ties| ties.follows -= 1)?;
        let (person, whom) = key;
        ctx.with_key(whom).send("profiles/lose", &Other { other: person })
    }

    /// From the follower's partition: one follower more.
    #[command]
    fn gain(&self, ctx: &Context, input: Other) -> Result<()> {
        let person = person(ctx)?;
        let latest = self.latest.get(&person)?.unwrap_or(0);
        self.ties.update(&person, |ties| ties.followers += 1)?;
        self.followers.set(&(person, input.other), &latest)
    }

    /// From the follower's partition: one follower less.
    ///
    /// The feed is told from here and not from there: this partition has also sent it the posts, and what one sends to
    /// another arrives in order. So no post comes in behind this.
    #[command]
    fn lose(&self, ctx: &Context, input: Other) -> Result<()> {
        let key = (person(ctx)?, input.other);
        if self.followers.take(&key)?.is_none() {
            return Ok(());
        }
        self.ties.update(&key.0, |ties| ties.followers -= 1)?;
        let (author, reader) = key;
        ctx.with_key(reader).send("feed/forget", &Forget { author })
    }

    #[event("posts.written")]
    fn written(&self, ctx: &Context, event: Written) -> Result<()> {
        self.latest.set(&event.post.author, &event.post.number)?;
        self.begin(ctx, Errand::of(News::Written, event.post))
    }

    #[event("posts.deleted")]
    fn deleted(&self, ctx: &Context, event: Deleted) -> Result<()> {
        self.begin(ctx, Errand::of(News::Deleted, event.post))
    }

    /// More readers than one turn may tell were left.
    #[timer]
    fn go_on(&self, ctx: &Context) -> Result<()> {
        self.run_errands(ctx)
    }

    fn name_of(&self, person: &str) -> Result<String> {
        self.names.get(person)?.or_fail("unknown-person", format!("there is no {person}"))
    }
}

#[cfg(test)]
mod tests;
