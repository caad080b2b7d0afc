use super::*;

fn post(author: &str, number: u32) -> Value {
    json!({ "author": author, "number": number })
}

fn tell(host: &MockHost, command: &str, word: &str, post: Value) {
    host.set_key(Some(word));
    host.command::<Index>(command, post).unwrap();
}

fn postings(host: &MockHost, word: &str, after: Value, most: usize) -> Value {
    host.set_key(Some(word));
    host.command::<Index>("postings", json!({ "after": after, "most": most })).unwrap()
}

#[test]
fn the_posts_of_a_word_are_answered_in_order() {
    let host = MockHost::new();
    for (word, author, number) in [("rain", "b", 2), ("rain", "a", 10), ("rain", "a", 9), ("rainy", "c", 1)] {
        tell(&host, "add", word, post(author, number));
    }
    assert_eq!(postings(&host, "rain", Value::Null, 10), json!([post("a", 9), post("a", 10), post("b", 2)]));
    assert_eq!(postings(&host, "rain", post("a", 9), 1), json!([post("a", 10)]));
}

#[test]
fn a_post_that_is_gone_has_no_words() {
    let host = MockHost::new();
    tell(&host, "add", "rain", post("a", 1));
    tell(&host, "remove", "rain", post("a", 1));
    assert_eq!(postings(&host, "rain", Value::Null, 10), json!([]));
    assert!(host.state().is_empty());
}

#[test]
fn of_given_posts_those_are_answered_that_have_the_word() {
    let host = MockHost::new();
    tell(&host, "add", "rain", post("a", 1));
    tell(&host, "add", "sun", post("a", 2));
    host.set_key(Some("rain"));
    let having = host.command::<Index>("having", json!([post("a", 1), post("a", 2)]));
    assert_eq!(having, Ok(json!([post("a", 1)])));
}

#[test]
fn without_a_key_there_is_no_word() {
    let host = MockHost::new();
    assert_eq!(host.command::<Index>("add", post("a", 1)).unwrap_err().code, "no-key");
}
