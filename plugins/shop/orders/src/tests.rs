use super::*;

fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("7"));
    host
}

/// An order of one CD of `a` for 14.66 and one of `b` for 14.67.
fn place(host: &MockHost, number: u32) {
    let lines = json!([{ "title": "a", "count": 1, "cents": 1466 }, { "title": "b", "count": 1, "cents": 1467 }]);
    let order = json!({ "customer": "7", "number": number, "day": "1997-01-01", "lines": lines });
    host.command::<Orders>("place", order).unwrap();
}

fn answered(host: &MockHost, step: &str, title: &str, number: u32) -> Result<()> {
    let stock = json!({ "came_in": 0, "left": 0, "held": 0, "sold": 0 });
    let claim = json!({ "step": step, "title": title, "customer": "7", "number": number, "count": 1, "stock": stock });
    host.event::<Orders>(&format!("inventory.{step}"), claim)
}

fn paid(host: &MockHost, what: &str, number: u32) -> Result<()> {
    host.event::<Orders>(&format!("payments.{what}"), json!({ "customer": "7", "number": number, "cents": 2933 }))
}

/// An order of which inventory has everything and payments says this.
fn through(host: &MockHost, number: u32, what: &str) {
    answered(host, "reserved", "a", number).unwrap();
    answered(host, "reserved", "b", number).unwrap();
    paid(host, what, number).unwrap();
}

fn progress(host: &MockHost) -> Vec<Value> {
    let list = host.command::<Orders>("list", ()).unwrap();
    list.as_array().unwrap().iter().map(|order| order["progress"].clone()).collect()
}

/// What was sent, and under which key, from this message on.
fn sent(host: &MockHost, from: usize) -> Vec<(String, String)> {
    let sent = host.sent().into_iter().skip(from);
    sent.map(|message| (message.to, message.key.unwrap_or_default())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(to, key)| ((*to).to_owned(), (*key).to_owned())).collect()
}

#[test]
fn an_order_claims_each_of_its_titles() {
    let host = host();
    place(&host, 1);
    assert_eq!(sent(&host, 0), pairs(&[("inventory/reserve", "a"), ("inventory/reserve", "b")]));
    assert_eq!(host.sent()[0].json(), json!({ "customer": "7", "number": 1, "count": 1 }));
    assert_eq!(progress(&host), ["reserving"]);
}

#[test]
fn the_money_is_asked_for_when_all_titles_are_set_aside() {
    let host = host();
    place(&host, 1);
    answered(&host, "reserved", "b", 1).unwrap();
    assert_eq!((host.sent().len(), progress(&host)), (2, vec![json!("reserving")]));
    answered(&host, "reserved", "a", 1).unwrap();
    let charge = json!({ "customer": "7", "number": 1, "cents": 2933 });
    assert_eq!((host.sent()[2].to.as_str(), host.sent()[2].json()), ("payments/charge", charge));
    assert_eq!(progress(&host), ["charging"]);
}

#[test]
fn an_order_that_was_paid_for_is_sold_and_that_is_told() {
    let host = host();
    place(&host, 1);
    through(&host, 1, "charged");
    assert_eq!(sent(&host, 3), pairs(&[("inventory/sell", "a"), ("inventory/sell", "b")]));
    let ended = json!({ "outcome": "paid", "customer": "7", "number": 1, "day": "1997-01-01", "cds": 2, "cents": 2933,
        "missing": [] });
    assert_eq!((host.published()[0].to.as_str(), host.published()[0].json()), ("orders.paid", ended));
    assert_eq!(progress(&host), ["paid"]);
}

#[test]
fn when_the_card_is_declined_all_that_was_set_aside_is_released() {
    let host = host();
    place(&host, 1);
    through(&host, 1, "declined");
    assert_eq!(sent(&host, 3), pairs(&[("inventory/release", "a"), ("inventory/release", "b")]));
    assert_eq!(host.published()[0].to, "orders.declined");
    assert_eq!(progress(&host), ["declined"]);
}

#[test]
fn when_one_title_is_missing_the_others_are_released_and_no_money_is_asked_for() {
    let host = host();
    place(&host, 1);
    answered(&host, "refused", "a", 1).unwrap();
    assert!(host.published().is_empty(), "the other title has not been answered");
    answered(&host, "reserved", "b", 1).unwrap();
    assert_eq!(sent(&host, 2), pairs(&[("inventory/release", "b")]));
    let told = host.published().remove(0);
    assert_eq!((told.to.as_str(), told.json()["missing"].clone()), ("orders.out-of-stock", json!(["a"])));
    assert_eq!(progress(&host), ["out-of-stock"]);
}

#[test]
fn a_customers_orders_come_one_after_the_other() {
    let host = host();
    for number in [1, 2, 4] {
        place(&host, number);
    }
    assert_eq!((progress(&host), host.sent().len()), (vec![json!("reserving"), json!("waiting"), json!("waiting")], 2));
    for (number, outcome) in [(1, "declined"), (2, "charged"), (4, "charged")] {
        through(&host, number, outcome);
        let due = host.fire_timers::<Orders>().unwrap();
        assert_eq!(due, usize::from(number < 4), "{number}");
    }
    assert_eq!(progress(&host), ["declined", "paid", "paid"]);
    let numbers: Vec<_> = host.published().iter().map(|ended| ended.json()["number"].clone()).collect();
    assert_eq!(numbers, [1, 2, 4]);
}

#[test]
fn a_customer_does_not_wait_for_another() {
    let host = host();
    place(&host, 1);
    let lines = json!([{ "title": "c", "count": 1, "cents": 5 }]);
    let order = json!({ "customer": "8", "number": 1, "day": null, "lines": lines });
    host.command::<Orders>("place", order).unwrap();
    assert_eq!(sent(&host, 2), pairs(&[("inventory/reserve", "c")]));
}

#[test]
fn an_order_without_lines_or_with_a_number_of_before_is_refused() {
    let host = host();
    place(&host, 2);
    let order = |number: u32, lines: Value| json!({ "customer": "7", "number": number, "day": null, "lines": lines });
    let code = |order: Value| host.command::<Orders>("place", order).unwrap_err().code;
    assert_eq!(code(order(3, json!([]))), "empty-order");
    for number in [1, 2] {
        assert_eq!(code(order(number, json!([{ "title": "a", "count": 1, "cents": 1 }]))), "old-number");
    }
}

#[test]
fn an_answer_about_no_order_is_set_aside() {
    let host = host();
    for failure in [answered(&host, "reserved", "a", 1), paid(&host, "charged", 1), paid(&host, "declined", 1)] {
        let failure = failure.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.retryable), ("unknown-order", false));
    }
    assert!(host.published().is_empty() && host.sent().is_empty());
}

#[test]
fn an_answer_that_nobody_waits_for_is_set_aside() {
    let host = host();
    place(&host, 1);
    let code = |answer: Result<()>| answer.unwrap_err().code;
    assert_eq!(code(paid(&host, "charged", 1)), "not-asked", "before all is set aside");
    assert_eq!(code(answered(&host, "reserved", "c", 1)), "not-asked", "a title of no line");
    answered(&host, "reserved", "a", 1).unwrap();
    assert_eq!(code(answered(&host, "refused", "a", 1)), "not-asked", "twice");
    answered(&host, "reserved", "b", 1).unwrap();
    paid(&host, "charged", 1).unwrap();
    for answer in [paid(&host, "charged", 1), paid(&host, "declined", 1), answered(&host, "reserved", "a", 1)] {
        assert_eq!(code(answer), "not-asked", "after the end");
    }
    assert_eq!((host.published().len(), host.sent().len()), (1, 5));
}

#[test]
fn a_customer_sees_only_his_own_orders() {
    let host = host();
    place(&host, 1);
    host.set_key(Some("8"));
    assert_eq!(host.command::<Orders>("list", ()), Ok(json!([])));
}
