use super::*;

fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("7"));
    host
}

fn place(host: &MockHost, number: u32) {
    let lines = json!([{ "title": "a", "count": 1, "cents": 1466 }, { "title": "b", "count": 1, "cents": 1467 }]);
    let order = json!({ "customer": "7", "number": number, "day": "1997-01-01", "lines": lines });
    host.command::<Orders>("place", order).unwrap();
}

fn charged(host: &MockHost, number: u32) -> Result<()> {
    host.event::<Orders>("payments.charged", json!({ "customer": "7", "number": number, "cents": 2933 }))
}

fn progress(host: &MockHost) -> Vec<Value> {
    let list = host.command::<Orders>("list", ()).unwrap();
    list.as_array().unwrap().iter().map(|order| order["progress"].clone()).collect()
}

#[test]
fn an_order_sends_for_its_money() {
    let host = host();
    place(&host, 1);
    let charge = json!({ "customer": "7", "number": 1, "cents": 2933 });
    assert_eq!((host.sent()[0].to.as_str(), host.sent()[0].json()), ("payments/charge", charge));
    assert_eq!(progress(&host), ["placed"]);
}

#[test]
fn an_order_that_was_paid_for_is_complete_and_that_is_told() {
    let host = host();
    place(&host, 1);
    place(&host, 2);
    charged(&host, 1).unwrap();
    assert_eq!(progress(&host), ["paid", "placed"]);
    let paid = json!({ "customer": "7", "number": 1, "day": "1997-01-01", "cds": 2, "cents": 2933 });
    assert_eq!((host.published()[0].to.as_str(), host.published()[0].json()), ("orders.paid", paid));
}

#[test]
fn money_for_no_order_is_set_aside() {
    let host = host();
    let failure = charged(&host, 1).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("unknown-order", false));
    assert!(host.published().is_empty());
}

#[test]
fn a_customer_sees_only_his_own_orders() {
    let host = host();
    place(&host, 1);
    host.set_key(Some("8"));
    assert_eq!(host.command::<Orders>("list", ()), Ok(json!([])));
}
