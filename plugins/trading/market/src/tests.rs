use super::*;

fn traded(host: &MockHost, at: u64, price: u64, quantity: u64) {
    let trade = json!({ "instrument": "acme", "number": 1, "buyer": "ann", "seller": "bob", "price": price, "quantity": quantity, "at": at });
    host.event::<Market>("book.traded", trade).unwrap();
}

fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("acme"));
    host
}

#[test]
fn a_ticker_holds_the_top_of_the_book_and_the_last_trade() {
    let host = host();
    let quote = json!({ "bid": { "price": 99, "quantity": 5 }, "ask": null });
    host.event::<Market>("book.quoted", json!({ "instrument": "acme", "quote": quote })).unwrap();
    traded(&host, 1_000, 100, 7);
    traded(&host, 2_000, 98, 3);
    let ticker = json!({ "quote": quote, "last": 98, "trades": 2, "volume": 10, "minute": 0 });
    assert_eq!(host.command::<Market>("ticker", ()), Ok(ticker));
}

#[test]
fn a_minute_is_a_bar_and_is_told_when_it_is_over() {
    let host = host();
    for (at, price) in [(60_000, 100), (70_000, 105), (80_000, 95), (119_999, 101)] {
        traded(&host, at, price, 2);
    }
    assert!(host.published().is_empty());
    traded(&host, 180_000, 99, 1);
    let bar = json!({ "minute": 1, "open": 100, "high": 105, "low": 95, "close": 101, "volume": 8 });
    assert_eq!((host.published()[0].to.as_str(), &host.published()[0].json()["bar"]), ("market.bar", &bar));
    let next = json!({ "minute": 3, "open": 99, "high": 99, "low": 99, "close": 99, "volume": 1 });
    assert_eq!(host.command::<Market>("bars", ()), Ok(json!([bar, next])));
    assert_eq!(host.command::<Market>("bars", json!({ "after": 1 })), Ok(json!([next])));
}

#[test]
fn nothing_is_known_of_what_was_never_traded() {
    let nothing =
        json!({ "quote": { "bid": null, "ask": null }, "last": null, "trades": 0, "volume": 0, "minute": null });
    assert_eq!(host().command::<Market>("ticker", ()), Ok(nothing));
}
