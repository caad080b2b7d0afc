//! What the persons do, over HTTP: they enter and follow each other, write of their scenes, and in the end change what
//! they have.
//!
//! Each person is a client who waits for each answer. Must not know what the spaces make of it. Fails when a command is
//! refused for good.

use super::expected::Expected;
use super::scenes::farewell;
use crate::cli::client::Client;
use crate::cli::demo::load::{Load, Step};
use crate::cli::demo::rest::at_rest;
use anyhow::Result;
use serde_json::{Value, json};

/// Everybody enters, and follows those with whom he appears.
pub async fn meet(client: &Client, all: &Expected) -> Result<()> {
    let load = Load::new(client, all.novel.names.len() as u64, "persons")?;
    let enter = async |person: usize| {
        let name = &all.novel.names[person];
        act(&load, "profiles/create", name, "create", json!({ "name": name })).await?;
        for other in all.novel.neighbours(person) {
            let whom = &all.novel.names[other];
            act(&load, "profiles/follow", name, &format!("follow/{whom}"), json!({ "whom": whom })).await?;
        }
        load.advance().await;
        Ok(())
    };
    load.run(all.novel.persons(), enter).await?;
    at_rest(client).await.map(drop)
}

/// Somebody writes of all his scenes, and to those who were there.
pub async fn tell(load: &Load<'_>, all: &Expected, person: usize) -> Result<()> {
    let name = &all.novel.names[person];
    for scene in all.scenes_of(person) {
        let (at, other) = (scene.at, &all.novel.names[scene.other]);
        let post = json!({ "text": scene.post, "at": at });
        act(load, "posts/write", name, &format!("post/{at}"), post).await?;
        let message = json!({ "from": name, "to": other, "text": scene.message });
        act(load, "messaging/say", &conversation(name, other), &format!("say/{at}"), message).await?;
        load.advance().await;
    }
    Ok(())
}

/// Everybody follows one person less; writes a last post; and deletes the first one. Each when all is at rest: else a feed
/// that is full would hold other posts for another order.
pub async fn part(client: &Client, all: &Expected) -> Result<()> {
    each(client, all, "profiles/unfollow", async |person| {
        let whom = all.dropped(person).map(|other| all.novel.names[other].as_str());
        json!({ "whom": whom })
    })
    .await?;
    each(
        client,
        all,
        "posts/write",
        async |person| json!({ "text": farewell(&all.novel.names[person]), "at": all.end_of(person) }),
    )
    .await?;
    each(client, all, "posts/delete", async |_| json!({ "number": 1 })).await
}

/// Everybody sends the command once; returns when all that follows from it is done.
async fn each(client: &Client, all: &Expected, to: &str, body: impl AsyncFn(usize) -> Value) -> Result<()> {
    let load = Load::new(client, all.novel.names.len() as u64, "persons")?;
    let once = async |person: usize| {
        act(&load, to, &all.novel.names[person], "in the end", body(person).await).await?;
        load.advance().await;
        Ok(())
    };
    load.run(all.novel.persons(), once).await?;
    at_rest(client).await.map(drop)
}

async fn act(load: &Load<'_>, to: &str, key: &str, id: &str, body: Value) -> Result<()> {
    let id = format!("{to}/{key}/{id}");
    load.once(Step { to, key: Some(key), id: &id, body: &body }).await.map(drop)
}

/// The key of a conversation, as `plugins/social/messaging` asks for it.
pub fn conversation(one: &str, other: &str) -> String {
    format!("{}|{}", one.min(other), one.max(other))
}
