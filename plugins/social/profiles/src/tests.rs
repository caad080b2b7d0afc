use super::*;

/// A host with these persons; one partition owns them all.
fn host(persons: &[&str]) -> MockHost {
    let host = MockHost::new();
    for person in persons {
        host.set_key(Some(person));
        host.command::<Profiles>("create", json!({ "name": person })).unwrap();
    }
    host
}

fn ask(host: &MockHost, person: &str, command: &str, body: Value) -> Result<Value> {
    host.set_key(Some(person));
    host.command::<Profiles>(command, body)
}

/// Follows, or whatever the command is, and brings the word to the other side, as the host would.
fn tie(host: &MockHost, person: &str, command: &str, whom: &str) {
    let before = host.sent().len();
    ask(host, person, command, json!({ "whom": whom })).unwrap();
    for word in host.sent().split_off(before) {
        let (_, command) = word.to.split_once('/').unwrap();
        ask(host, word.key.as_deref().unwrap(), command, word.json()).unwrap();
    }
}

fn news(host: &MockHost, topic: &str, author: &str, number: u32) {
    let post = json!({ "author": author, "number": number, "at": number, "text": "news" });
    host.event::<Profiles>(topic, json!({ "post": post })).unwrap();
}

/// What the feeds were told: command, reader, number of the post.
fn told(host: &MockHost) -> Vec<(String, String, u64)> {
    let feeds = host.sent().into_iter().filter(|word| word.to.starts_with("feed/"));
    feeds
        .map(|word| (word.to.clone(), word.key.clone().unwrap(), word.json()["number"].as_u64().unwrap_or(0)))
        .collect()
}

fn readers(host: &MockHost) -> Vec<String> {
    told(host).into_iter().map(|(_, reader, _)| reader).collect()
}

fn ties(host: &MockHost, person: &str) -> Value {
    ask(host, person, "show", Value::Null).unwrap()["ties"].clone()
}

#[test]
fn a_post_is_told_to_those_who_follow_its_author_and_to_no_others() {
    let host = host(&["Fantine", "Cosette", "Marius"]);
    tie(&host, "Marius", "follow", "Cosette");
    tie(&host, "Fantine", "follow", "Cosette");
    tie(&host, "Cosette", "follow", "Fantine");
    news(&host, "posts.written", "Cosette", 1);
    assert_eq!(readers(&host), ["Fantine", "Marius"]);
    assert_eq!(ties(&host, "Cosette"), json!({ "follows": 1, "followers": 2 }));
}

#[test]
fn to_follow_twice_is_to_follow_once() {
    let host = host(&["Cosette", "Marius"]);
    tie(&host, "Marius", "follow", "Cosette");
    tie(&host, "Marius", "follow", "Cosette");
    assert_eq!(ties(&host, "Cosette"), json!({ "follows": 0, "followers": 1 }));
    assert_eq!(ask(&host, "Marius", "following", Value::Null), Ok(json!(["Cosette"])));
}

#[test]
fn whoever_follows_no_more_is_told_to_forget_and_gets_nothing_new() {
    let host = host(&["Cosette", "Marius"]);
    tie(&host, "Marius", "follow", "Cosette");
    tie(&host, "Marius", "unfollow", "Cosette");
    news(&host, "posts.written", "Cosette", 1);
    assert_eq!(told(&host), [("feed/forget".to_owned(), "Marius".to_owned(), 0)]);
    assert_eq!(ties(&host, "Marius"), json!({ "follows": 0, "followers": 0 }));
}

#[test]
fn more_readers_than_a_turn_may_tell_are_told_in_several_turns_each_once() {
    let names: Vec<String> = (0..25).map(|number| format!("reader-{number:02}")).collect();
    let host = host(&["Valjean"]);
    host.set_config(json!({ "readers_per_turn": 10 }));
    for name in &names {
        ask(&host, name, "create", json!({ "name": name })).unwrap();
        tie(&host, name, "follow", "Valjean");
    }
    news(&host, "posts.written", "Valjean", 1);
    assert_eq!(readers(&host), names[..10]);
    assert_eq!(host.fire_timers::<Profiles>(), Ok(1));
    assert_eq!(readers(&host), names[..20]);
    assert_eq!(host.fire_timers::<Profiles>(), Ok(1));
    assert_eq!(readers(&host), names);
    assert!(host.timers().is_empty(), "nothing is left to tell");
}

#[test]
fn a_turn_tells_no_more_in_all_when_several_posts_wait() {
    let host = host(&["Valjean", "a", "b", "c"]);
    host.set_config(json!({ "readers_per_turn": 2 }));
    for reader in ["a", "b", "c"] {
        tie(&host, reader, "follow", "Valjean");
    }
    for (before, number) in [(0, 1), (2, 2), (4, 3)] {
        assert_eq!(told(&host).len(), before);
        news(&host, "posts.written", "Valjean", number);
    }
    while host.fire_timers::<Profiles>().unwrap() > 0 {}
    let numbers: Vec<u64> = told(&host).into_iter().map(|(_, _, number)| number).collect();
    assert_eq!(numbers, [1, 1, 1, 2, 2, 2, 3, 3, 3]);
}

#[test]
fn a_deletion_waits_for_the_post_that_it_takes_back() {
    let host = host(&["Valjean", "a", "b"]);
    host.set_config(json!({ "readers_per_turn": 1 }));
    tie(&host, "a", "follow", "Valjean");
    tie(&host, "b", "follow", "Valjean");
    news(&host, "posts.written", "Valjean", 1);
    news(&host, "posts.deleted", "Valjean", 1);
    while host.fire_timers::<Profiles>().unwrap() > 0 {}
    let (words, readers): (Vec<_>, Vec<_>) = told(&host).into_iter().map(|(word, reader, _)| (word, reader)).unzip();
    assert_eq!(words, ["feed/deliver", "feed/deliver", "feed/withdraw", "feed/withdraw"]);
    assert_eq!(readers, ["a", "b", "a", "b"]);
}

#[test]
fn whoever_comes_while_a_post_is_being_told_gets_the_next_one() {
    let host = host(&["Valjean", "a", "b", "z"]);
    host.set_config(json!({ "readers_per_turn": 1 }));
    tie(&host, "a", "follow", "Valjean");
    tie(&host, "b", "follow", "Valjean");
    news(&host, "posts.written", "Valjean", 1);
    tie(&host, "z", "follow", "Valjean");
    while host.fire_timers::<Profiles>().unwrap() > 0 {}
    assert_eq!(readers(&host), ["a", "b"]);
    news(&host, "posts.deleted", "Valjean", 1);
    while host.fire_timers::<Profiles>().unwrap() > 0 {}
    assert_eq!(readers(&host), ["a", "b", "a", "b"]);
    news(&host, "posts.written", "Valjean", 2);
    while host.fire_timers::<Profiles>().unwrap() > 0 {}
    assert_eq!(readers(&host)[4..], ["a", "b", "z"]);
}

#[test]
fn a_new_name_is_shown_and_ties_stay() {
    let host = host(&["Valjean", "a"]);
    tie(&host, "a", "follow", "Valjean");
    ask(&host, "Valjean", "rename", json!({ "name": "Monsieur Madeleine" })).unwrap();
    let shown = json!({ "name": "Monsieur Madeleine", "ties": { "follows": 0, "followers": 1 } });
    assert_eq!(ask(&host, "Valjean", "show", Value::Null), Ok(shown));
}

#[test]
fn a_person_is_entered_once_and_whoever_is_not_there_does_nothing() {
    let host = host(&["Valjean"]);
    assert_eq!(ask(&host, "Valjean", "create", json!({ "name": "x" })).unwrap_err().code, "taken");
    let whom = json!({ "whom": "Valjean" });
    assert_eq!(ask(&host, "Valjean", "follow", whom.clone()).unwrap_err().code, "own-follower");
    assert_eq!(ask(&host, "Nobody", "follow", whom).unwrap_err().code, "unknown-person");
    assert_eq!(ask(&host, "Nobody", "rename", json!({ "name": "x" })).unwrap_err().code, "unknown-person");
}
