use super::*;

/// A host where customer 7 shops and a CD costs 14.66.
fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("7"));
    host.replies_to("catalog/price", 1466);
    host
}

fn add(host: &MockHost, title: &str, count: u64) -> Result<Value> {
    host.command::<Cart>("add", json!({ "title": title, "count": count }))
}

#[test]
fn a_cart_adds_up_at_the_catalogs_prices() {
    let host = host();
    assert_eq!(add(&host, "blue-train", 1), Ok(json!({ "cds": 1, "cents": 1466 })));
    host.replies_to("catalog/price", 1467);
    assert_eq!(add(&host, "giant-steps", 1), Ok(json!({ "cds": 2, "cents": 2933 })));
    assert_eq!(host.requested()[1].json(), "giant-steps");
}

#[test]
fn the_same_title_again_is_the_same_line_at_the_new_price() {
    let host = host();
    add(&host, "blue-train", 1).unwrap();
    host.replies_to("catalog/price", 1000);
    add(&host, "blue-train", 2).unwrap();
    let line = json!([{ "title": "blue-train", "count": 3, "cents": 1000 }]);
    assert_eq!(host.command::<Cart>("show", ()), Ok(line));
}

#[test]
fn checking_out_empties_the_cart_and_places_an_order() {
    let host = host();
    add(&host, "blue-train", 2).unwrap();
    let placed = host.command::<Cart>("checkout", json!({ "day": "1997-01-01" }));
    assert_eq!(placed, Ok(json!({ "number": 1, "total": { "cds": 2, "cents": 2932 } })));
    let line = json!({ "title": "blue-train", "count": 2, "cents": 1466 });
    let place = json!({ "customer": "7", "number": 1, "day": "1997-01-01", "lines": [line] });
    assert_eq!((host.sent()[0].to.as_str(), host.sent()[0].json()), ("orders/place", place));
    assert_eq!(host.command::<Cart>("checkout", ()).unwrap_err().code, "empty-cart");
}

#[test]
fn orders_are_numbered_by_customer() {
    let host = host();
    for (customer, number) in [("7", 1), ("7", 2), ("8", 1)] {
        host.set_key(Some(customer));
        add(&host, "blue-train", 1).unwrap();
        assert_eq!(host.command::<Cart>("checkout", ()).unwrap()["number"], number);
    }
}

#[test]
fn a_cart_left_alone_is_emptied_and_that_is_told() {
    let host = host();
    add(&host, "blue-train", 2).unwrap();
    host.advance(Duration::from_secs(1_799));
    assert_eq!(host.fire_timers::<Cart>(), Ok(0));
    host.advance(Duration::from_secs(1));
    assert_eq!(host.fire_timers::<Cart>(), Ok(1));
    let told = host.published().remove(0);
    assert_eq!((told.to.as_str(), told.key.as_deref()), ("cart.abandoned", Some("7")));
    assert_eq!(told.json(), json!({ "customer": "7", "cents": 2932 }));
    assert_eq!(host.command::<Cart>("show", ()), Ok(json!([])));
}

#[test]
fn a_cart_that_was_bought_is_not_abandoned() {
    let host = host();
    add(&host, "blue-train", 1).unwrap();
    host.command::<Cart>("checkout", ()).unwrap();
    assert!(host.timers().is_empty());
}

#[test]
fn what_has_no_price_cannot_be_added() {
    let host = host();
    host.fails_at("catalog/price", Failure::new("unknown-title", "not on sale"));
    assert_eq!(add(&host, "blue-train", 1).unwrap_err().code, "unknown-title");
    assert!(host.state().is_empty() && host.timers().is_empty());
}

#[test]
fn a_cart_has_limits() {
    let host = host();
    for count in [0, MOST_OF_A_TITLE + 1, u64::MAX] {
        assert_eq!(add(&host, "blue-train", count).unwrap_err().code, "full-cart");
    }
    for title in 0..MOST_LINES {
        add(&host, &title.to_string(), 1).unwrap();
    }
    assert_eq!(add(&host, "one-more", 1).unwrap_err().code, "full-cart");
    assert!(add(&host, "0", 1).is_ok(), "more of a title that is there");
}

#[test]
fn without_a_key_there_is_no_customer() {
    let host = host();
    host.set_key(None);
    assert_eq!(add(&host, "blue-train", 1).unwrap_err().code, "no-key");
}
