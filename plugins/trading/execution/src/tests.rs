use super::*;

fn traded(host: &MockHost, number: u64, buyer: &str, seller: &str, price: u64, quantity: u64) -> Result<()> {
    let trade = json!({ "instrument": "acme", "number": number, "buyer": buyer, "seller": seller, "price": price, "quantity": quantity, "at": 7 });
    host.event::<Execution>("book.traded", trade)
}

fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("acme"));
    host
}

/// Of each posting: the trader, shares and cents.
fn posted(host: &MockHost) -> Vec<Value> {
    let posted = host.sent();
    posted.iter().map(|post| json!([post.key, post.json()["shares"], post.json()["cents"]])).collect()
}

fn settle(host: &MockHost) {
    host.advance(SETTLE_AFTER);
    host.fire_timers::<Execution>().unwrap();
}

#[test]
fn a_trade_gives_one_trader_what_it_takes_from_the_other() {
    let host = host();
    traded(&host, 1, "ann", "bob", 100, 7).unwrap();
    assert!(host.sent().is_empty(), "it is settled later");
    settle(&host);
    assert_eq!(posted(&host), [json!(["ann", 7, -700]), json!(["bob", -7, 700])]);
}

#[test]
fn trades_of_a_second_are_netted_by_trader() {
    let host = host();
    traded(&host, 1, "ann", "bob", 100, 7).unwrap();
    traded(&host, 2, "bob", "ann", 110, 5).unwrap();
    traded(&host, 3, "ann", "cyd", 90, 1).unwrap();
    settle(&host);
    assert_eq!(posted(&host), [json!(["ann", 3, -240]), json!(["bob", -2, 150]), json!(["cyd", -1, 90])]);
}

#[test]
fn each_trade_is_settled_once() {
    let host = host();
    traded(&host, 1, "ann", "bob", 100, 7).unwrap();
    settle(&host);
    traded(&host, 2, "ann", "bob", 100, 1).unwrap();
    settle(&host);
    assert_eq!(posted(&host)[2..], [json!(["ann", 1, -100]), json!(["bob", -1, 100])]);
    assert!(host.timers().is_empty());
    assert_eq!(host.command::<Execution>("progress", ()), Ok(json!({ "trades": 2, "unsettled": 0 })));
}

#[test]
fn more_than_one_turn_can_post_is_posted_by_the_next() {
    let host = host();
    for number in 1..=POSTINGS_AT_ONCE as u64 {
        traded(&host, number, &format!("buyer-{number}"), "bob", 100, 1).unwrap();
    }
    settle(&host);
    assert_eq!(posted(&host).len(), POSTINGS_AT_ONCE);
    assert_eq!(host.fire_timers::<Execution>(), Ok(1));
    assert_eq!(posted(&host).len(), POSTINGS_AT_ONCE + 1);
    assert!(host.timers().is_empty());
}

#[test]
fn a_trade_out_of_turn_is_set_aside() {
    let host = host();
    traded(&host, 1, "ann", "bob", 100, 7).unwrap();
    for number in [1, 3] {
        assert_eq!(traded(&host, number, "ann", "bob", 100, 7).unwrap_err().code, "gap");
    }
}

#[test]
fn trades_are_listed_from_where_one_was() {
    let host = host();
    for number in 1..=3 {
        traded(&host, number, "ann", "bob", 100, number).unwrap();
    }
    let list = |after: Value| host.command::<Execution>("trades", after).unwrap();
    assert_eq!(list(Value::Null).as_array().unwrap().len(), 3);
    let last = json!([{ "number": 3, "buyer": "ann", "seller": "bob", "price": 100, "quantity": 3, "at": 7 }]);
    assert_eq!(list(json!({ "after": 2 })), last);
}
