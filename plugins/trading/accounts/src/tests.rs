use super::*;

fn post(host: &MockHost, trader: &str, instrument: &str, shares: i64, cents: i64) -> Result<Value> {
    host.set_key(Some(trader));
    host.command::<Accounts>("post", json!({ "instrument": instrument, "shares": shares, "cents": cents }))
}

fn show(host: &MockHost, trader: &str) -> Value {
    host.set_key(Some(trader));
    host.command::<Accounts>("show", ()).unwrap()
}

#[test]
fn postings_are_added_up_by_trader_and_instrument() {
    let host = MockHost::new();
    post(&host, "ann", "acme", 7, -700).unwrap();
    post(&host, "ann", "acme", -2, 220).unwrap();
    post(&host, "ann", "ajax", -1, 50).unwrap();
    post(&host, "bob", "acme", -5, 480).unwrap();
    assert_eq!(show(&host, "ann"), json!({ "cash_cents": -430, "shares": { "acme": 5, "ajax": -1 } }));
    assert_eq!(show(&host, "bob"), json!({ "cash_cents": 480, "shares": { "acme": -5 } }));
}

#[test]
fn of_what_was_sold_again_nothing_is_left() {
    let host = MockHost::new();
    post(&host, "ann", "acme", 7, -700).unwrap();
    post(&host, "ann", "acme", -7, 700).unwrap();
    assert_eq!(show(&host, "ann"), json!({ "cash_cents": 0, "shares": {} }));
}

#[test]
fn a_sum_that_no_number_holds_changes_nothing() {
    let host = MockHost::new();
    post(&host, "ann", "acme", 1, i64::MAX).unwrap();
    assert_eq!(post(&host, "ann", "acme", 1, 1).unwrap_err().code, "too-much");
    assert_eq!(show(&host, "ann"), json!({ "cash_cents": i64::MAX, "shares": { "acme": 1 } }));
}
