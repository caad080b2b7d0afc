//! Guests that do what they should not, beside good ones under load: a named outcome for them, and nothing for the
//! neighbours.
//!
//! Each test is one attack. What all have in common is in `Arena`: the good neighbour, who shares the one thread for guests
//! with the attacker, gets the right answer to each of its commands, and what the attacker took comes back.

mod arguments;
mod floods;
mod inner;
mod loops;
mod panics;
mod scripted;
mod shapes;
mod sizes;

use bytes::Bytes;
use serde_json::json;
use spacehost::runtime::api::{Delivery, Refusal};
use spacehost::words::Limits;
use spacehost_tests::hostile::{Hostile, command};
use spacehost_tests::{Host, limits, until};

/// Commands of the good neighbour beside each attack.
const COMMANDS: i64 = 100;

struct Arena {
    host: Host,
}

impl Arena {
    /// A host with one thread for guests, and a good neighbour on it.
    async fn new() -> Self {
        let host = Host::with(|config| config.executors = 1);
        host.deploy("good", "probe").await;
        Arena { host }
    }

    /// The same with an attacker.
    async fn with(hostile: Hostile, change: impl FnOnce(&mut Limits)) -> Self {
        let arena = Arena::new().await;
        arena.deploy(hostile.component(), change).await.expect("the attacker is let in");
        arena
    }

    /// Lets a component in as `bad`, or says why not.
    async fn deploy(&self, component: Vec<u8>, change: impl FnOnce(&mut Limits)) -> Result<(), String> {
        let settings = limits(|limits| {
            (limits.cpu_per_turn_ms, limits.start_cpu_ms, limits.migrate_cpu_ms) = (200, 200, 200);
            (limits.retry_first_ms, limits.retry_most_ms) = (1, 5);
            change(limits);
        });
        self.host.deploy_bytes("bad", component, settings).await.map(drop)
    }

    async fn attack(&self) -> Result<Bytes, Refusal> {
        self.host.runtime.call("bad", "run", Bytes::new(), Delivery::default()).await
    }

    /// How a command to the attacker ends, while those to its neighbour are all answered rightly.
    async fn ended(&self) -> Result<Bytes, Refusal> {
        let (ended, ()) = tokio::join!(self.attack(), self.neighbour_is_served());
        ended
    }

    /// The same for one that must be broken off; nothing of its instance is left.
    async fn outcome(&self) -> String {
        match self.ended().await {
            Err(Refusal::Broken(reason)) => {
                self.memory_is_back().await;
                reason
            }
            other => panic!("it is not broken off: {other:?}"),
        }
    }

    async fn neighbour_is_served(&self) {
        let before = self.host.total("good").await;
        for n in 1..=COMMANDS {
            assert_eq!(self.host.run("good", json!([{ "add": 1 }])).await, before + n);
        }
    }

    async fn memory_is_back(&self) {
        let back = async || {
            let status = self.host.status("bad");
            (status.usage.memory_bytes == 0 && status.used["space_memory_bytes"] == 0).then_some(())
        };
        until("the attacker's memory is back", back).await;
    }

    /// Publishes an event that the attacker hears, and waits until its turns have ended and it has left so many dead letters.
    async fn event(&self, dead_letters: usize) -> String {
        self.host.publish("attack.now", json!({}));
        self.neighbour_is_served().await;
        let buried = async || Some(self.host.dead_letters("bad")).filter(|letters| letters.len() == dead_letters);
        let letters = until("the event is a dead letter", buried).await;
        letters.last().map(|letter| letter.failure.message.clone()).unwrap_or_default()
    }
}

/// The outcome of a command that does that, under the limits of `Arena`.
async fn outcome_of(does: &str) -> String {
    Arena::with(command(does), |_| {}).await.outcome().await
}

/// Why a component is not let in, while its neighbour is served.
async fn refusal_of(component: Vec<u8>) -> String {
    let arena = Arena::new().await;
    let (refused, ()) = tokio::join!(arena.deploy(component, |_| {}), arena.neighbour_is_served());
    assert!(arena.host.runtime.space(&"bad".parse().unwrap()).is_none(), "it was never there");
    refused.expect_err("it is let in")
}

fn assert_names(reason: &str, what: &str) {
    assert!(reason.contains(what), "`{what}` is not in: {reason}");
}
