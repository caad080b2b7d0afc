use super::*;

fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("Cosette"));
    host
}

fn write(host: &MockHost, text: &str) -> Result<Value> {
    host.command::<Posts>("write", json!({ "text": text }))
}

fn numbers(list: Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|post| post["number"].as_u64().unwrap()).collect()
}

#[test]
fn posts_are_numbered_by_author_and_told_whole() {
    let host = host();
    host.set_time(1_000);
    assert_eq!(write(&host, "a lark"), Ok(json!(1)));
    assert_eq!(write(&host, "a doll"), Ok(json!(2)));
    host.set_key(Some("Marius"));
    assert_eq!(write(&host, "a garden"), Ok(json!(1)));
    let told = json!({ "post": { "author": "Cosette", "number": 2, "at": 1_000, "text": "a doll" } });
    assert_eq!((host.published()[1].to.as_str(), host.published()[1].json()), ("posts.written", told));
}

#[test]
fn whoever_replays_old_posts_says_when_they_were_written() {
    let host = host();
    host.command::<Posts>("write", json!({ "text": "a well", "at": 1_823 })).unwrap();
    assert_eq!(host.published()[0].json()["post"]["at"], 1_823);
}

#[test]
fn a_deleted_post_is_gone_and_told_and_its_number_is_not_given_again() {
    let host = host();
    write(&host, "a lark").unwrap();
    host.command::<Posts>("delete", json!({ "number": 1 })).unwrap();
    let told = &host.published()[1];
    assert_eq!((told.to.as_str(), &told.json()["post"]["text"]), ("posts.deleted", &json!("a lark")));
    assert_eq!(host.command::<Posts>("delete", json!({ "number": 1 })).unwrap_err().code, "unknown-post");
    assert_eq!(write(&host, "a doll"), Ok(json!(2)));
}

#[test]
fn a_text_is_neither_empty_nor_endless() {
    let host = host();
    for text in [String::new(), " \n".to_owned(), "é".repeat(LONGEST_TEXT + 1)] {
        assert_eq!(write(&host, &text).unwrap_err().code, "bad-text");
    }
    assert_eq!(write(&host, &"é".repeat(LONGEST_TEXT)), Ok(json!(1)));
}

#[test]
fn a_long_list_is_read_piece_by_piece() {
    let host = host();
    for _ in 0..LISTED_AT_ONCE + 5 {
        write(&host, "again").unwrap();
    }
    assert_eq!(numbers(host.command::<Posts>("list", ()).unwrap()), (1..=100).collect::<Vec<_>>());
    let rest = host.command::<Posts>("list", json!({ "after": 100 })).unwrap();
    assert_eq!(numbers(rest), [101, 102, 103, 104, 105]);
}
