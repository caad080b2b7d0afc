//! The fan-out: one post is told to all followers of its author, as many in one turn as it may tell, and the rest in turns
//! of their own. It owns what is left to tell; it does not know what a reader does with it. It fails when a turn may send
//! less than the setting `readers_per_turn` says.

use crate::Profiles;
use social_messages::Post;
use spacehost_sdk::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum News {
    Written,
    Deleted,
}

/// A post and how far it has been told.
#[derive(Debug, Serialize, Deserialize)]
pub struct Errand {
    news: News,
    post: Post,
    /// The last reader who was told; they are told in the order of their names.
    told: String,
}

impl Errand {
    pub fn of(news: News, post: Post) -> Self {
        Errand { news, post, told: String::new() }
    }

    fn address(&self) -> &'static str {
        match self.news {
            News::Written => "feed/deliver",
            News::Deleted => "feed/withdraw",
        }
    }
}

impl Profiles {
    /// Queues the errand behind those that wait, and does what this turn can do of them.
    ///
    /// The queue keeps the order: what is told of a later post never overtakes what is told of an earlier one, or a
    /// reader could be asked to put out a post that has yet to come in.
    pub(crate) fn begin(&self, ctx: &Context, errand: Errand) -> Result<()> {
        let number = self.begun.update(|begun| {
            *begun += 1;
            *begun
        })?;
        self.errands.set(&number, &errand)?;
        self.run_errands(ctx)
    }

    /// Tells as many readers as one turn may, and sets a timer for the rest. A timer and not a message to itself: chains
    /// of messages end at the limit `hops`, and each timer begins a new one.
    pub(crate) fn run_errands(&self, ctx: &Context) -> Result<()> {
        let mut left = self.settings.get()?.readers_per_turn.max(1);
        while let Some((number, mut errand)) = self.errands.iter().next().transpose()? {
            if !self.tell(ctx, &mut errand, &mut left)? {
                self.errands.set(&number, &errand)?;
                return ctx.timers().set("go-on", Duration::ZERO, &());
            }
            self.errands.delete(&number)?;
        }
        Ok(())
    }

    /// Answers whether all were told.
    fn tell(&self, ctx: &Context, errand: &mut Errand, left: &mut usize) -> Result<bool> {
        let author = &errand.post.author;
        let behind = (author.clone(), errand.told.clone());
        for follower in self.followers.under(author).after(&behind) {
            let ((_, reader), before) = follower?;
            // One who came later has never got it, and gets no word of it.
            if before >= errand.post.number {
                continue;
            }
            if *left == 0 {
                return Ok(false);
            }
            ctx.with_key(&reader).send(errand.address(), &errand.post)?;
            *left -= 1;
            errand.told = reader;
        }
        Ok(true)
    }
}
