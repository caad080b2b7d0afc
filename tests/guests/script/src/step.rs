//! The steps, as tests write them. It owns their JSON form and the sending ones; it knows no cells.

use serde::{Deserialize, Serialize};
use spacehost_sdk::prelude::{Context, Duration, Result, Value, json};
use spacehost_sdk::{Envelope, serde_json};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Adds to the total; gives the new one.
    Add(i64),
    Note(Value),
    /// Notes the number of the attempt.
    NoteAttempt,
    /// Gives all notes.
    Notes,
    /// Gives all that the context says.
    Context,
    /// Notes all that the context says.
    NoteContext,
    /// Logs all that the context says: also a turn that fails leaves that behind.
    LogContext,
    /// Steps of the first attempts only.
    First(First),
    /// A final failure of this code.
    Fail(String),
    /// A failure of this code that may pass.
    Retry(String),
    /// Writes so many keys of 100 bytes.
    Store(u64),
    /// Counts these keys.
    Count,
    /// Gives a text of so many bytes.
    Reply(usize),
    Publish(Emission),
    Send(Emission),
    /// Gives the reply.
    Request(Request),
    /// Asks that address to note the time that the context gives.
    RequestNow(String),
    /// Sends the whole script to the next space of a ring.
    Ring(Ring),
    Timer(Timer),
    Cancel(String),
    /// Writes so many lines.
    Log(u32),
    /// Writes that line, and gives it.
    Say(String),
    Trap,
    /// Computes for so many rounds; 0 is forever.
    Spin(u64),
    /// Computes forever, unless there is such a note.
    SpinUnlessNoted(Value),
    /// Holds so many MiB.
    Allocate(usize),
    /// Calls itself without end.
    Recurse,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct First {
    pub attempts: u32,
    pub steps: Vec<Step>,
}

/// Messages to a topic or an address.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Emission {
    pub to: String,
    #[serde(default)]
    pub body: Value,
    pub key: Option<String>,
    #[serde(default = "once")]
    pub times: u64,
    /// The body is the number of the message, from 0.
    #[serde(default)]
    pub numbered: bool,
    /// The body is a text of this length.
    pub bytes: Option<usize>,
}

fn once() -> u64 {
    1
}

impl Emission {
    pub fn envelope(&self) -> Envelope {
        with_key(self.key.as_deref())
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Request {
    pub to: String,
    #[serde(default)]
    pub body: Value,
    pub key: Option<String>,
    pub timeout_ms: Option<u64>,
    /// Gives the failure in place of failing.
    #[serde(default)]
    pub catch: bool,
}

impl Request {
    pub fn new(to: &str, body: Value) -> Self {
        Request { to: to.to_owned(), body, key: None, timeout_ms: None, catch: false }
    }

    pub fn envelope(&self) -> Envelope {
        let envelope = with_key(self.key.as_deref());
        match self.timeout_ms {
            Some(timeout) => envelope.with_timeout(Duration::from_millis(timeout)),
            None => envelope,
        }
    }
}

fn with_key(key: Option<&str>) -> Envelope {
    key.map_or_else(Envelope::default, |key| Envelope::default().with_key(key))
}

/// The spaces of a ring, and how many more times the script is to be passed on.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Ring {
    pub spaces: Vec<String>,
    pub left: u64,
}

impl Ring {
    pub fn pass_on(&self, ctx: &Context, whole: &[Step]) -> Result<Value> {
        if self.left == 0 {
            return Ok(Value::Null);
        }
        let here = self.spaces.iter().position(|space| *space == ctx.space()).unwrap_or_default();
        let next = &self.spaces[(here + 1) % self.spaces.len()];
        let less = |step: &Step| match step {
            Step::Ring(ring) => Step::Ring(Ring { left: ring.left - 1, ..ring.clone() }),
            other => other.clone(),
        };
        let script: Vec<Step> = whole.iter().map(less).collect();
        ctx.send(&format!("{next}/run"), &serde_json::to_value(script)?)?;
        Ok(json!(self.left))
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Timer {
    pub name: String,
    pub after_ms: Option<u64>,
    pub every_ms: Option<u64>,
    #[serde(default)]
    pub body: Value,
}

impl Timer {
    pub fn set(&self, ctx: &Context) -> Result<Value> {
        if let Some(delay) = self.after_ms {
            ctx.timers().set(&self.name, Duration::from_millis(delay), &self.body)?;
        }
        if let Some(period) = self.every_ms {
            ctx.timers().every(&self.name, Duration::from_millis(period), &self.body)?;
        }
        Ok(Value::Null)
    }
}
