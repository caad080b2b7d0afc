use super::*;

/// A host where ann may owe 10,000 cents and hold 100 shares of each instrument.
fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("ann"));
    host.command::<Risk>("set-limits", json!({ "credit_cents": 10_000, "position": 100 })).unwrap();
    host
}

fn reserve(host: &MockHost, instrument: &str, side: &str, price: u64, quantity: u64) -> Value {
    let order = json!({ "instrument": instrument, "side": side, "price": price, "quantity": quantity });
    host.command::<Risk>("reserve", order).unwrap()
}

fn apply(host: &MockHost, instrument: &str, changes: Value) -> Result<Value> {
    host.command::<Risk>("apply", json!({ "instrument": instrument, "changes": changes }))
}

/// Reserves, and tells that the order is in the book.
fn enter(host: &MockHost, instrument: &str, side: &str, price: u64, quantity: u64) {
    assert_eq!(reserve(host, instrument, side, price, quantity), "reserved");
    apply(host, instrument, json!(["entered"])).unwrap();
}

fn filled(side: &str, limit: u64, quantity: u64, cents: u64) -> Value {
    json!([{ "filled": { "side": side, "limit": limit, "quantity": quantity, "cents": cents } }])
}

fn closed(side: &str, limit: u64, quantity: u64) -> Value {
    json!([{ "closed": { "side": side, "limit": limit, "quantity": quantity } }])
}

fn account(host: &MockHost) -> Value {
    host.command::<Risk>("show", ()).unwrap()["account"].clone()
}

fn holding(host: &MockHost, instrument: &str) -> Value {
    host.command::<Risk>("show", ()).unwrap()["holdings"][instrument].clone()
}

fn refused(reason: &str) -> Value {
    json!({ "refused": reason })
}

#[test]
fn whoever_has_no_limits_is_refused() {
    let host = host();
    host.set_key(Some("dan"));
    assert_eq!(reserve(&host, "acme", "buy", 1, 1), refused("unknown-trader"));
    assert_eq!(host.command::<Risk>("show", ()).unwrap_err().code, "unknown-trader");
}

#[test]
fn credit_is_one_for_all_instruments() {
    let host = host();
    enter(&host, "acme", "buy", 100, 60);
    assert_eq!(reserve(&host, "ajax", "buy", 100, 41), refused("credit"));
    enter(&host, "ajax", "buy", 100, 40);
    assert_eq!(account(&host), json!({ "cash_cents": 0, "reserved_cents": 10_000, "most_owed_cents": 10_000 }));
}

#[test]
fn a_refusal_sets_nothing_aside() {
    let host = host();
    enter(&host, "acme", "buy", 100, 60);
    let before = host.command::<Risk>("show", ());
    assert_eq!(reserve(&host, "acme", "buy", 1, 41), refused("position"));
    assert_eq!(host.command::<Risk>("show", ()), before);
}

#[test]
fn a_position_counts_the_worse_side_of_what_is_open() {
    let host = host();
    enter(&host, "acme", "buy", 1, 30);
    apply(&host, "acme", filled("buy", 1, 30, 30)).unwrap();
    assert_eq!(reserve(&host, "acme", "buy", 1, 71), refused("position"));
    assert_eq!(reserve(&host, "acme", "sell", 1, 131), refused("position"));
    enter(&host, "acme", "sell", 1, 130);
    enter(&host, "acme", "buy", 1, 70);
}

#[test]
fn what_is_bought_cheaper_than_its_limit_gives_the_rest_back() {
    let host = host();
    enter(&host, "acme", "buy", 100, 50);
    apply(&host, "acme", filled("buy", 100, 20, 1_800)).unwrap();
    assert_eq!(account(&host), json!({ "cash_cents": -1_800, "reserved_cents": 3_000, "most_owed_cents": 5_000 }));
    let held = json!({ "position": 20, "buying": 30, "selling": 0, "most_position": 50, "pending": null });
    assert_eq!(holding(&host, "acme"), held);
}

#[test]
fn what_is_sold_brings_cash_that_can_be_spent() {
    let host = host();
    enter(&host, "acme", "sell", 200, 50);
    apply(&host, "acme", filled("sell", 200, 50, 10_000)).unwrap();
    enter(&host, "ajax", "buy", 200, 100);
    assert_eq!(account(&host), json!({ "cash_cents": 10_000, "reserved_cents": 20_000, "most_owed_cents": 10_000 }));
}

#[test]
fn what_is_closed_is_set_aside_no_more_but_the_most_stays_known() {
    let host = host();
    enter(&host, "acme", "buy", 100, 100);
    apply(&host, "acme", closed("buy", 100, 100)).unwrap();
    assert_eq!(account(&host), json!({ "cash_cents": 0, "reserved_cents": 0, "most_owed_cents": 10_000 }));
    assert_eq!(holding(&host, "acme")["most_position"], 100);
}

#[test]
fn an_order_that_is_asked_for_again_is_set_aside_once() {
    let host = host();
    // The host was killed after the first answer, and the client has sent its command again.
    assert_eq!(reserve(&host, "acme", "buy", 100, 100), "reserved");
    assert_eq!(reserve(&host, "acme", "buy", 100, 100), "reserved");
    assert_eq!(account(&host)["reserved_cents"], 10_000);
    apply(&host, "acme", json!(["entered"])).unwrap();
    assert_eq!(reserve(&host, "acme", "buy", 100, 1), refused("credit"));
}

#[test]
fn an_order_that_never_went_in_is_forgotten_at_the_next_one_of_its_instrument() {
    let host = host();
    assert_eq!(reserve(&host, "acme", "buy", 100, 100), "reserved");
    assert_eq!(reserve(&host, "ajax", "buy", 1, 1), refused("credit"));
    assert_eq!(reserve(&host, "acme", "sell", 100, 1), "reserved");
    assert_eq!(account(&host)["reserved_cents"], 0);
}

#[test]
fn no_more_is_released_than_was_set_aside() {
    let host = host();
    enter(&host, "acme", "buy", 100, 10);
    enter(&host, "acme", "sell", 200, 10);
    let before = host.state();
    for changes in [closed("buy", 100, 11), closed("buy", 101, 10), filled("sell", 200, 11, 2_200)] {
        assert_eq!(apply(&host, "acme", changes).unwrap_err().code, "bad-release");
    }
    assert_eq!(host.state(), before);
}

#[test]
fn other_limits_are_for_orders_to_come() {
    let host = host();
    enter(&host, "acme", "buy", 100, 100);
    host.command::<Risk>("set-limits", json!({ "credit_cents": 0, "position": 100 })).unwrap();
    assert_eq!(reserve(&host, "ajax", "buy", 1, 1), refused("credit"));
    apply(&host, "acme", filled("buy", 100, 100, 10_000)).unwrap();
    assert_eq!(holding(&host, "acme")["position"], 100);
}
