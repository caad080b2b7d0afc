use super::*;

fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("Eponine"));
    host
}

fn post(author: &str, number: u32, at: u64) -> Value {
    json!({ "author": author, "number": number, "at": at, "text": format!("{author} {number}") })
}

fn deliver(host: &MockHost, author: &str, number: u32, at: u64) {
    host.command::<Feed>("deliver", post(author, number, at)).unwrap();
}

fn texts(host: &MockHost) -> Vec<String> {
    let feed = host.command::<Feed>("read", ()).unwrap();
    feed.as_array().unwrap().iter().map(|post| post["text"].as_str().unwrap().to_owned()).collect()
}

fn counts(host: &MockHost) -> Value {
    host.command::<Feed>("counts", ()).unwrap()
}

#[test]
fn a_feed_is_read_newest_first_whatever_came_first() {
    let host = host();
    deliver(&host, "Marius", 1, 20);
    deliver(&host, "Cosette", 2, 30);
    deliver(&host, "Cosette", 1, 10);
    assert_eq!(texts(&host), ["Cosette 2", "Marius 1", "Cosette 1"]);
    let newest = host.command::<Feed>("read", json!({ "most": 1 })).unwrap();
    assert_eq!(newest, json!([post("Cosette", 2, 30)]));
}

#[test]
fn of_a_long_feed_the_oldest_posts_go_whatever_came_first() {
    let orders = [[1, 2, 3, 4], [4, 3, 2, 1], [3, 1, 4, 2]];
    for order in orders {
        let host = host();
        host.set_config(json!({ "longest_feed": 2 }));
        for number in order {
            deliver(&host, "Marius", number, u64::from(number));
        }
        assert_eq!(texts(&host), ["Marius 4", "Marius 3"], "{order:?}");
        assert_eq!(counts(&host), json!({ "held": 2, "delivered": 4, "withdrawn": 0 }));
    }
}

#[test]
fn a_feed_shrinks_when_the_operator_says_so() {
    let host = host();
    for number in 1..=5 {
        deliver(&host, "Marius", number, u64::from(number));
    }
    host.set_config(json!({ "longest_feed": 2 }));
    deliver(&host, "Marius", 6, 6);
    assert_eq!(texts(&host), ["Marius 6", "Marius 5"]);
    assert_eq!(counts(&host)["held"], 2);
}

#[test]
fn a_deleted_post_leaves_the_feed() {
    let host = host();
    deliver(&host, "Marius", 1, 10);
    deliver(&host, "Marius", 2, 20);
    host.command::<Feed>("withdraw", post("Marius", 1, 10)).unwrap();
    assert_eq!(texts(&host), ["Marius 2"]);
    assert_eq!(counts(&host), json!({ "held": 1, "delivered": 2, "withdrawn": 1 }));
}

#[test]
fn a_deleted_post_that_went_before_takes_nothing_else_along() {
    let host = host();
    host.set_config(json!({ "longest_feed": 1 }));
    deliver(&host, "Marius", 1, 10);
    deliver(&host, "Marius", 2, 20);
    host.command::<Feed>("withdraw", post("Marius", 1, 10)).unwrap();
    assert_eq!(texts(&host), ["Marius 2"]);
    assert_eq!(counts(&host)["held"], 1);
}

#[test]
fn whoever_is_followed_no_more_leaves_the_feed_with_all_posts() {
    let host = host();
    for at in 1..=20 {
        deliver(&host, if at % 2 == 0 { "Marius" } else { "Cosette" }, at, u64::from(at));
    }
    host.command::<Feed>("forget", json!({ "author": "Marius" })).unwrap();
    let left = texts(&host);
    assert_eq!(left.len(), 10);
    assert!(left.iter().all(|text| text.starts_with("Cosette")), "{left:?}");
    assert_eq!(counts(&host)["held"], 10);
}

#[test]
fn each_reader_has_a_feed_of_his_own() {
    let host = host();
    deliver(&host, "Marius", 1, 10);
    host.set_key(Some("Eponi"));
    assert!(texts(&host).is_empty());
    host.set_key(None);
    assert_eq!(host.command::<Feed>("read", ()).unwrap_err().code, "no-key");
}
