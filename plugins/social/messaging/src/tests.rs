use super::*;

fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("Cosette|Marius"));
    host
}

fn say(host: &MockHost, from: &str, to: &str, text: &str) -> Result<Value> {
    host.command::<Messaging>("say", json!({ "from": from, "to": to, "text": text }))
}

fn history(host: &MockHost, after: u32) -> Vec<(u64, String)> {
    let messages = host.command::<Messaging>("history", json!({ "after": after })).unwrap();
    let told = |message: &Value| (message["number"].as_u64().unwrap(), message["text"].as_str().unwrap().to_owned());
    messages.as_array().unwrap().iter().map(told).collect()
}

#[test]
fn both_sides_of_a_conversation_are_in_one_order() {
    let host = host();
    assert_eq!(say(&host, "Marius", "Cosette", "who are you?"), Ok(json!(1)));
    assert_eq!(say(&host, "Cosette", "Marius", "and you?"), Ok(json!(2)));
    assert_eq!(history(&host, 0), [(1, "who are you?".to_owned()), (2, "and you?".to_owned())]);
}

#[test]
fn a_long_conversation_is_read_piece_by_piece() {
    let host = host();
    for number in 1..=READ_AT_ONCE + 2 {
        say(&host, "Marius", "Cosette", &number.to_string()).unwrap();
    }
    assert_eq!(history(&host, 0).len(), READ_AT_ONCE);
    assert_eq!(history(&host, 100), [(101, "101".to_owned()), (102, "102".to_owned())]);
}

#[test]
fn a_message_is_unread_until_it_was_seen() {
    let host = host();
    say(&host, "Marius", "Cosette", "who are you?").unwrap();
    let notice = host.sent().remove(0);
    assert_eq!((notice.to.as_str(), notice.key.as_deref()), ("messaging/notice", Some("Cosette")));
    host.set_key(Some("Cosette"));
    for _ in 0..2 {
        host.command::<Messaging>("notice", notice.json()).unwrap();
    }
    assert_eq!(host.command::<Messaging>("inbox", ()), Ok(json!([{ "with": "Marius", "messages": 2 }])));
    host.command::<Messaging>("seen", "Marius").unwrap();
    assert_eq!(host.command::<Messaging>("inbox", ()), Ok(json!([])));
}

#[test]
fn nobody_says_anything_into_the_conversation_of_others() {
    let host = host();
    for (from, to) in [("Eponine", "Marius"), ("Marius", "Eponine"), ("Marius", "Marius"), ("Cosette|Marius", "")] {
        assert_eq!(say(&host, from, to, "hello").unwrap_err().code, "wrong-conversation", "{from} to {to}");
    }
    host.set_key(None);
    assert_eq!(say(&host, "Marius", "Cosette", "hello").unwrap_err().code, "wrong-conversation");
}

#[test]
fn a_message_is_neither_empty_nor_endless() {
    let host = host();
    for text in [String::new(), "é".repeat(LONGEST_TEXT + 1)] {
        assert_eq!(say(&host, "Marius", "Cosette", &text).unwrap_err().code, "bad-text");
    }
    assert!(host.state().is_empty() && host.sent().is_empty());
}
