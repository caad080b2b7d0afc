use super::*;

fn ids(numbers: impl IntoIterator<Item = usize>) -> Vec<Value> {
    numbers.into_iter().map(|number| json!({ "author": "a", "number": number })).collect()
}

fn find(host: &MockHost, text: &str) -> Result<Value> {
    host.command::<Search>("find", json!({ "text": text }))
}

#[test]
fn each_different_word_of_a_post_is_told_to_the_index() {
    let host = MockHost::new();
    let post = json!({ "post": { "author": "a", "number": 7, "at": 1, "text": "Rain, rain and SUN" } });
    host.event::<Search>("posts.written", &post).unwrap();
    host.event::<Search>("posts.deleted", &post).unwrap();
    let told: Vec<_> = host.sent().into_iter().map(|word| (word.to, word.key.unwrap())).collect();
    let expected = ["index/add", "index/remove"].map(|to| ["and", "rain", "sun"].map(|word| (to.into(), word.into())));
    assert_eq!(told, expected.concat());
    assert_eq!(host.sent()[0].json(), ids([7])[0]);
}

#[test]
fn a_post_is_found_that_has_all_words() {
    let host = MockHost::new();
    host.replies_to("index/postings", ids([1, 2, 3]));
    host.replies_to("index/having", ids([2]));
    assert_eq!(find(&host, "rain Sun"), Ok(json!({ "posts": ids([2]), "next": null })));
    let asked: Vec<_> = host.requested().into_iter().map(|word| (word.to.clone(), word.key.clone().unwrap())).collect();
    assert_eq!(asked, [("index/postings".into(), "rain".into()), ("index/having".into(), "sun".into())]);
    assert_eq!(host.requested()[1].json(), json!(ids([1, 2, 3])));
}

#[test]
fn nobody_is_asked_about_no_posts() {
    let host = MockHost::new();
    host.replies_to("index/postings", json!([]));
    assert_eq!(find(&host, "rain sun"), Ok(json!({ "posts": [], "next": null })));
    assert_eq!(host.requested().len(), 1);
}

#[test]
fn a_full_answer_says_where_to_go_on() {
    let host = MockHost::new();
    host.replies_to("index/postings", ids(1..=PAGE));
    let found = find(&host, "rain").unwrap();
    assert_eq!((found["posts"].as_array().unwrap().len(), &found["next"]), (PAGE, &ids([PAGE])[0]));
    host.command::<Search>("find", json!({ "text": "rain", "after": found["next"] })).unwrap();
    assert_eq!(host.requested()[1].json()["after"], found["next"]);
}

#[test]
fn a_turn_that_finds_little_among_much_ends_all_the_same() {
    let host = MockHost::new();
    host.replies_to("index/postings", ids(1..=PAGE));
    host.replies_to("index/having", json!([]));
    assert_eq!(find(&host, "rain sun"), Ok(json!({ "posts": [], "next": ids([PAGE])[0] })));
    assert_eq!(host.requested().len(), 2 * PAGES);
}

#[test]
fn a_query_has_some_words_and_not_too_many() {
    let host = MockHost::new();
    let many: Vec<String> = (0..=MOST_WORDS).map(|word| word.to_string()).collect();
    for text in ["", "…", &many.join(" ")] {
        assert_eq!(find(&host, text).unwrap_err().code, "bad-query");
    }
}
