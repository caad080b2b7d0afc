use super::*;

fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("7"));
    host
}

fn ended(host: &MockHost, outcome: &str, number: u32) -> Result<()> {
    let event = json!({ "outcome": outcome, "customer": "7", "number": number, "day": null, "cds": 2, "cents": 2905,
        "missing": ["blue-train"] });
    host.event::<Notifications>(&format!("orders.{outcome}"), event)
}

fn inbox(host: &MockHost, input: Value) -> Vec<Value> {
    host.command::<Notifications>("inbox", input).unwrap().as_array().unwrap().clone()
}

#[test]
fn each_outcome_is_told_in_words_of_its_own() {
    let host = host();
    for (number, outcome) in [(1, "paid"), (2, "declined"), (3, "out-of-stock")] {
        ended(&host, outcome, number).unwrap();
    }
    let told: Vec<_> =
        inbox(&host, Value::Null).iter().map(|notice| notice["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told[0], "Your order 1 is paid: 2 CDs for $29.05 are on their way.");
    assert_eq!(told[1], "Your card was declined for order 2, 2 CDs for $29.05. Nothing was taken.");
    assert_eq!(told[2], "Your order 3 cannot be filled: out of stock is blue-train.");
    let sent = host.published();
    assert_eq!(sent.iter().map(|event| event.to.as_str()).collect::<Vec<_>>(), ["notifications.sent"; 3]);
    let last = json!({ "customer": "7", "number": 3, "outcome": "out-of-stock", "text": told[2] });
    assert_eq!(sent[2].json(), last);
}

#[test]
fn an_order_is_told_of_once_and_never_after_a_later_one() {
    let host = host();
    ended(&host, "paid", 2).unwrap();
    for number in [2, 1] {
        let failure = ended(&host, "declined", number).unwrap_err();
        assert_eq!((failure.code.as_str(), failure.retryable), ("out-of-order", false));
    }
    assert_eq!((inbox(&host, Value::Null).len(), host.published().len()), (1, 1));
}

#[test]
fn an_inbox_is_read_page_by_page() {
    let host = host();
    for number in 1..=150 {
        ended(&host, "paid", number).unwrap();
    }
    assert_eq!(inbox(&host, Value::Null).len(), READ_AT_ONCE);
    let rest = inbox(&host, json!({ "after": 100 }));
    assert_eq!((rest.len(), &rest[0]["order"]), (50, &json!(101)));
}

#[test]
fn a_customer_sees_only_what_he_was_told_himself() {
    let host = host();
    ended(&host, "paid", 1).unwrap();
    host.set_key(Some("8"));
    assert!(inbox(&host, Value::Null).is_empty());
}
