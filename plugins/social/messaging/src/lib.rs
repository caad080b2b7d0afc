//! The space `messaging`: owns the conversations of two, and what each person has not read of them. It knows no profiles.
//! A message whose key is not the conversation of the two is refused as `wrong-conversation`, an empty or too long one as
//! `bad-text`.

use social_messages::person;
use spacehost_sdk::prelude::*;

/// In characters.
const LONGEST_TEXT: usize = 2_000;
const READ_AT_ONCE: usize = 100;
/// Parts the two names of a conversation.
const BETWEEN: char = '|';

#[derive(Deserialize, JsonSchema)]
struct Say {
    from: String,
    to: String,
    text: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Message {
    /// Counts the messages of the conversation from 1.
    number: u32,
    from: String,
    at: u64,
    text: String,
}

#[derive(Default, Deserialize, JsonSchema)]
struct History {
    /// Go on behind this number.
    after: u32,
}

/// Tells the partition of a person that somebody wrote.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Notice {
    from: String,
}

#[derive(Serialize, JsonSchema)]
struct Unread {
    with: String,
    messages: u64,
}

#[derive(Cells)]
struct Messaging {
    /// By conversation and number.
    messages: Map<(String, u32), Message>,
    said: Map<String, u32>,
    /// How many messages somebody has not read, by that person and the one who wrote.
    unread: Map<(String, String), u64>,
}

/// Keeps the conversations. The key of `say` and `history` is the conversation: both names in the order of the alphabet,
/// as in `Cosette|Marius`. The key of the others is a person.
#[space(partitions = 4)]
impl Messaging {
    /// Says something to somebody, and answers the message's number.
    ///
    /// One partition owns the whole conversation, so both sides see one order. Whoever waits for the answer before saying
    /// the next thing, or sends both from one place, finds them in that order.
    #[command]
    fn say(&self, ctx: &Context, input: Say) -> Result<u32> {
        let Say { from, to, text } = input;
        let conversation = conversation(ctx, &from, &to)?;
        if text.is_empty() || text.chars().count() > LONGEST_TEXT {
            return Err(Failure::new("bad-text", format!("a message has 1 to {LONGEST_TEXT} characters")));
        }
        let number = self.said.update(&conversation, |said| {
            *said += 1;
            *said
        })?;
        ctx.with_key(to).send("messaging/notice", &Notice { from: from.clone() })?;
        self.messages.set(&(conversation, number), &Message { number, from, at: ctx.now(), text })?;
        Ok(number)
    }

    /// Answers the messages of a conversation in order, 100 at a time.
    #[command]
    fn history(&self, ctx: &Context, input: Option<History>) -> Result<Vec<Message>> {
        let conversation = ctx.key().or_fail("wrong-conversation", "the key of the message says which conversation")?;
        let behind = (conversation.clone(), input.unwrap_or_default().after);
        self.messages.under(&conversation).after(&behind).values().take(READ_AT_ONCE).collect()
    }

    /// From the conversation's partition: one message more to read.
    #[command]
    fn notice(&self, ctx: &Context, input: Notice) -> Result<()> {
        self.unread.update(&(person(ctx)?, input.from), |unread| *unread += 1)
    }

    /// Answers from whom a person has unread messages, and how many.
    #[command]
    fn inbox(&self, ctx: &Context) -> Result<Vec<Unread>> {
        let unread = self.unread.under(&person(ctx)?);
        unread.map(|entry| entry.map(|((_, with), messages)| Unread { with, messages })).collect()
    }

    /// The person has read what this one wrote, as far as the inbox has shown it.
    #[command]
    fn seen(&self, ctx: &Context, with: String) -> Result<()> {
        self.unread.delete(&(person(ctx)?, with))
    }
}

/// The conversation of the two, which must be the key: else its messages would lie in a partition where nobody looks.
fn conversation(ctx: &Context, from: &str, to: &str) -> Result<String> {
    let (first, second) = if from < to { (from, to) } else { (to, from) };
    let expected = format!("{first}{BETWEEN}{second}");
    let is_clear = !from.contains(BETWEEN) && !to.contains(BETWEEN) && from != to;
    if is_clear && ctx.key().as_deref() == Some(&expected) {
        return Ok(expected);
    }
    let why = format!("two different names without {BETWEEN}, and the header Spacehost-Key with both, here {expected}");
    Err(Failure::new("wrong-conversation", why))
}

#[cfg(test)]
mod tests;
