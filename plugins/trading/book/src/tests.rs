use super::*;

/// A host where risk agrees to everything, and the instrument is acme.
fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("acme"));
    host.replies_to("risk/reserve", json!("reserved"));
    host
}

fn order(trader: &str, number: u64, side: &str, price: u64, quantity: u64) -> Value {
    json!({ "trader": trader, "number": number, "side": side, "price": price, "quantity": quantity, "at": 0 })
}

fn place(host: &MockHost, order: Value) -> Value {
    host.command::<Book>("place", order).unwrap()
}

fn cancel(host: &MockHost, trader: &str, number: u64) -> Value {
    host.command::<Book>("cancel", json!({ "trader": trader, "number": number })).unwrap()["quantity"].clone()
}

fn show(host: &MockHost) -> Value {
    host.command::<Book>("show", ()).unwrap()
}

/// Of each fill: whose order of which number, at what price, how many.
fn fills(report: &Value) -> Vec<Value> {
    let fills = report["fills"].as_array().unwrap();
    fills.iter().map(|fill| json!([fill["trader"], fill["number"], fill["price"], fill["quantity"]])).collect()
}

/// What was told to risk since then, by trader.
fn told(host: &MockHost, since: usize) -> Vec<(String, Value)> {
    let sent = host.sent().split_off(since);
    sent.iter().map(|apply| (apply.key.clone().unwrap(), apply.json()["changes"].clone())).collect()
}

fn topics(host: &MockHost, topic: &str) -> Vec<Value> {
    host.published().iter().filter(|event| event.to == topic).map(|event| event.json()).collect()
}

#[test]
fn the_best_price_is_met_first_and_of_one_price_the_oldest() {
    let host = host();
    for (number, price) in [(1, 101), (2, 100), (3, 100), (4, 102)] {
        place(&host, order("ann", number, "sell", price, 10));
    }
    let report = place(&host, order("bob", 1, "buy", 101, 25));
    assert_eq!(fills(&report), [json!(["ann", 2, 100, 10]), json!(["ann", 3, 100, 10]), json!(["ann", 1, 101, 5])]);
    let quote = json!({ "bid": null, "ask": { "price": 101, "quantity": 5 } });
    assert_eq!((&report["resting"], &report["quote"]), (&json!(0), &quote));
}

#[test]
fn sellers_meet_the_highest_bid_first() {
    let host = host();
    for (number, price) in [(1, 99), (2, 101), (3, 100)] {
        place(&host, order("ann", number, "buy", price, 10));
    }
    let report = place(&host, order("bob", 1, "sell", 100, 30));
    assert_eq!(fills(&report), [json!(["ann", 2, 101, 10]), json!(["ann", 3, 100, 10])]);
    let quote = json!({ "bid": { "price": 99, "quantity": 10 }, "ask": { "price": 100, "quantity": 10 } });
    assert_eq!((&report["resting"], &report["quote"]), (&json!(10), &quote));
}

#[test]
fn what_is_left_of_a_resting_order_keeps_its_place() {
    let host = host();
    place(&host, order("ann", 1, "sell", 100, 10));
    place(&host, order("bob", 1, "sell", 100, 10));
    place(&host, order("cyd", 1, "buy", 100, 4));
    let report = place(&host, order("cyd", 2, "buy", 100, 8));
    assert_eq!(fills(&report), [json!(["ann", 1, 100, 6]), json!(["bob", 1, 100, 2])]);
}

#[test]
fn a_trade_is_told_to_all_and_to_risk() {
    let host = host();
    place(&host, order("ann", 1, "sell", 100, 10));
    let before = host.sent().len();
    place(&host, order("bob", 1, "buy", 105, 4));
    let trade = json!({ "instrument": "acme", "number": 1, "buyer": "bob", "seller": "ann", "price": 100, "quantity": 4, "at": 0 });
    assert_eq!(topics(&host, "book.traded"), [trade]);
    let ann = json!([{ "filled": { "side": "sell", "limit": 100, "quantity": 4, "cents": 400 } }]);
    let bob = json!(["entered", { "filled": { "side": "buy", "limit": 105, "quantity": 4, "cents": 400 } }]);
    assert_eq!(told(&host, before), [("ann".to_owned(), ann), ("bob".to_owned(), bob)]);
}

#[test]
fn trades_are_numbered_without_a_gap() {
    let host = host();
    for number in 1..=3 {
        place(&host, order("ann", number, "sell", 100, 10));
    }
    place(&host, order("bob", 1, "buy", 100, 15));
    place(&host, order("bob", 2, "buy", 100, 15));
    let numbers: Vec<_> = topics(&host, "book.traded").iter().map(|trade| trade["number"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[test]
fn an_order_that_would_meet_its_own_trader_closes_the_older_one() {
    let host = host();
    place(&host, order("bob", 1, "sell", 100, 10));
    place(&host, order("ann", 1, "sell", 100, 10));
    let before = host.sent().len();
    let report = place(&host, order("bob", 2, "buy", 100, 5));
    assert_eq!(fills(&report), [json!(["ann", 1, 100, 5])]);
    let closed = json!({ "closed": { "side": "sell", "limit": 100, "quantity": 10 } });
    assert_eq!(told(&host, before)[1].1[2], closed);
    let tally = &show(&host)["tally"];
    assert_eq!((&tally["self_cancelled"], &tally["closed_shares"]), (&json!(1), &json!(10)));
    assert_eq!(cancel(&host, "bob", 1), 0);
}

#[test]
fn an_immediate_order_never_rests() {
    let host = host();
    place(&host, order("ann", 1, "sell", 100, 10));
    let before = host.sent().len();
    let mut immediate = order("bob", 1, "buy", 100, 25);
    immediate["immediate"] = json!(true);
    assert_eq!(place(&host, immediate)["resting"], 0);
    let closed = json!({ "closed": { "side": "buy", "limit": 100, "quantity": 15 } });
    assert_eq!(told(&host, before)[1].1[2], closed);
    assert_eq!(show(&host)["bids"], json!([]));
}

#[test]
fn a_cancel_takes_out_what_is_left_once() {
    let host = host();
    place(&host, order("ann", 1, "sell", 100, 10));
    place(&host, order("bob", 1, "buy", 100, 4));
    let before = host.sent().len();
    assert_eq!(cancel(&host, "bob", 1), 0, "it was filled");
    assert_eq!(cancel(&host, "ann", 1), 6);
    assert_eq!(cancel(&host, "ann", 1), 0);
    let closed = json!([{ "closed": { "side": "sell", "limit": 100, "quantity": 6 } }]);
    assert_eq!(told(&host, before), [("ann".to_owned(), closed)]);
    assert_eq!(show(&host)["asks"], json!([]));
}

#[test]
fn nobody_cancels_the_order_of_another() {
    let host = host();
    place(&host, order("ann", 1, "sell", 100, 10));
    assert_eq!(cancel(&host, "bob", 1), 0);
    assert_eq!(show(&host)["asks"][0]["quantity"], 10);
}

#[test]
fn risk_is_asked_for_the_worst_case_and_its_no_is_an_answer() {
    let host = host();
    host.replies_to("risk/reserve", json!({ "refused": "credit" }));
    let report = place(&host, order("ann", 1, "buy", 100, 10));
    assert_eq!(report["outcome"], json!({ "rejected": "credit" }));
    let asked = &host.requested()[0];
    let worst = json!({ "instrument": "acme", "side": "buy", "price": 100, "quantity": 10 });
    assert_eq!((asked.key.as_deref(), asked.json()), (Some("ann"), worst));
    assert_eq!(
        (host.sent().len(), &show(&host)["bids"], &show(&host)["tally"]["rejected"]),
        (0, &json!([]), &json!(1))
    );
}

#[test]
fn when_risk_does_not_answer_nothing_has_happened() {
    let host = host();
    host.fails_at("risk/reserve", Failure::retry("overloaded", "later"));
    assert!(host.command::<Book>("place", order("ann", 1, "buy", 100, 10)).unwrap_err().retryable);
    assert!(host.state().is_empty());
}

#[test]
fn a_number_is_used_once_by_each_trader_for_each_instrument() {
    let host = host();
    place(&host, order("ann", 2, "buy", 100, 1));
    for number in [1, 2] {
        let again = host.command::<Book>("place", order("ann", number, "buy", 100, 1));
        assert_eq!(again.unwrap_err().code, "old-number");
    }
    place(&host, order("bob", 1, "buy", 100, 1));
    host.set_key(Some("ajax"));
    place(&host, order("ann", 1, "buy", 100, 1));
}

#[test]
fn books_of_one_partition_do_not_meet() {
    let host = host();
    place(&host, order("ann", 1, "sell", 100, 10));
    host.set_key(Some("acme-2"));
    assert_eq!(place(&host, order("bob", 1, "buy", 100, 10))["resting"], 10);
}

#[test]
fn the_top_is_told_when_it_changes_and_only_then() {
    let host = host();
    place(&host, order("ann", 1, "buy", 100, 10));
    place(&host, order("ann", 2, "buy", 100, 5));
    place(&host, order("ann", 3, "buy", 99, 5));
    cancel(&host, "ann", 3);
    cancel(&host, "ann", 1);
    let bids: Vec<_> =
        topics(&host, "book.quoted").iter().map(|told| told["quote"]["bid"]["quantity"].clone()).collect();
    assert_eq!(bids, [10, 15, 5]);
}

#[test]
fn an_order_that_has_met_as_many_as_it_may_is_closed() {
    let host = host();
    for number in 0..=matching::MOST_MET as u64 {
        place(&host, order("ann", number + 1, "sell", 100, 1));
    }
    let report = place(&host, order("bob", 1, "buy", 100, 1_000));
    assert_eq!((fills(&report).len(), &report["resting"]), (matching::MOST_MET, &json!(0)));
    assert_eq!(show(&host)["asks"].as_array().unwrap().len(), 1);
}

#[test]
fn an_order_that_makes_no_sense_is_refused_before_risk_is_asked() {
    let host = host();
    for (price, quantity) in [(0, 1), (1, 0), (100_000_001, 1), (1, 1_000_001)] {
        let refused = host.command::<Book>("place", order("ann", 1, "buy", price, quantity));
        assert_eq!(refused.unwrap_err().code, "bad-order");
    }
    assert_eq!(host.command::<Book>("place", order("", 1, "buy", 1, 1)).unwrap_err().code, "bad-order");
    assert_eq!(host.command::<Book>("place", order("ann", 0, "buy", 1, 1)).unwrap_err().code, "bad-order");
    host.set_key(None);
    assert_eq!(host.command::<Book>("place", order("ann", 1, "buy", 1, 1)).unwrap_err().code, "no-key");
    assert!(host.requested().is_empty());
}
