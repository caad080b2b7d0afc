//! What the mock host holds, and the thread's way to it. It knows nothing of the faces on either side; without a host it panics.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use serde_json::{Value, json};

use crate::mock::{Message, Timer};
use crate::port::Page;
use crate::{Failure, Result};

/// The first of January 2026, 00:00 UTC.
const BEGINNING: u64 = 1_767_225_600_000;

thread_local! {
    static CURRENT: RefCell<Weak<RefCell<World>>> = const { RefCell::new(Weak::new()) };
}

/// Makes this world the one that cells and contexts of the thread see.
pub fn enter(world: &Rc<RefCell<World>>) {
    CURRENT.with(|current| *current.borrow_mut() = Rc::downgrade(world));
}

/// Asks the thread's world.
pub fn with<R>(ask: impl FnOnce(&mut World) -> R) -> R {
    let world = CURRENT.with(|current| current.borrow().upgrade());
    let world = world.expect("there is no host on this thread: write `let host = MockHost::new();` first and keep it");
    let mut world = world.borrow_mut();
    ask(&mut world)
}

/// What takes effect when a turn commits, and not at all when it fails.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    pub state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub published: Vec<Message>,
    pub sent: Vec<Message>,
    pub timers: BTreeMap<String, Timer>,
}

impl Effects {
    pub fn scan(&self, prefix: &[u8], limit: usize, after: Option<&[u8]>) -> Page {
        let inside = self.state.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        page(inside.filter(|(key, _)| after.is_none_or(|after| key.as_slice() > after)), limit)
    }

    pub fn scan_back(&self, prefix: &[u8], limit: usize, before: Option<&[u8]>) -> Page {
        let inside = self.state.iter().rev().filter(|(key, _)| key.starts_with(prefix));
        page(inside.filter(|(key, _)| before.is_none_or(|before| key.as_slice() < before)), limit)
    }
}

fn page<'a>(rest: impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>, limit: usize) -> Page {
    let mut rest = rest.peekable();
    let entries: Vec<_> = rest.by_ref().take(limit).map(|(key, value)| (key.clone(), value.clone())).collect();
    let next = rest.peek().and(entries.last()).map(|(key, _)| key.clone());
    (entries, next)
}

/// The message in hand.
#[derive(Debug)]
pub struct Hand {
    pub number: u64,
    pub source: String,
    pub key: Option<String>,
    pub attempt: u32,
    pub headers: Vec<(String, String)>,
    pub now: u64,
    pub draws: u64,
}

impl Hand {
    pub fn id(&self) -> String {
        format!("message-{}", self.number)
    }

    /// Splitmix64 of the message's number and how many were drawn: repeatable, and different for each message.
    pub fn next_random(&mut self) -> u64 {
        self.draws += 1;
        let mut mixed = (self.number << 32 | self.draws).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// One partition of one space and all that surrounds it.
#[derive(Debug)]
pub struct World {
    pub effects: Effects,
    pub requested: Vec<Message>,
    pub replies: BTreeMap<String, Result<Vec<u8>>>,
    pub logs: Vec<(crate::Level, String)>,
    pub config: Value,
    pub space: String,
    pub partition: u32,
    pub clock: u64,
    pub hand: Hand,
    /// False within `start`, where nothing may be written or sent.
    pub turn: bool,
}

impl World {
    pub fn new() -> Self {
        let source = "client".to_owned();
        let hand = Hand { number: 0, source, key: None, attempt: 1, headers: Vec::new(), now: BEGINNING, draws: 0 };
        World {
            effects: Effects::default(),
            requested: Vec::new(),
            replies: BTreeMap::new(),
            logs: Vec::new(),
            config: json!({}),
            space: "space".to_owned(),
            partition: 0,
            clock: BEGINNING,
            hand,
            turn: true,
        }
    }

    /// Takes the next message in hand: a new id, new random numbers, the time of now.
    pub fn next_message(&mut self) {
        self.hand.number += 1;
        self.hand.draws = 0;
        self.hand.now = self.clock;
    }

    pub fn check_turn(&self) -> Result<()> {
        if self.turn {
            return Ok(());
        }
        Err(Failure::new("not-in-turn", "`#[start]` may read, but neither write nor send"))
    }

    pub fn reply_of(&self, address: &str) -> Result<Vec<u8>> {
        let unknown = || {
            let message = format!("nobody answers {address} in this test: write `host.replies_to(\"{address}\", …)`");
            Err(Failure::new("unknown-command", message))
        };
        self.replies.get(address).cloned().unwrap_or_else(unknown)
    }
}
