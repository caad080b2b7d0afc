use super::*;

fn charge(host: &MockHost, customer: &str, cents: u64) {
    host.set_key(Some(customer));
    host.command::<Payments>("charge", json!({ "customer": customer, "number": 1, "cents": cents })).unwrap();
}

fn settlements(host: &MockHost) -> Vec<Value> {
    let settled = host.published().into_iter().filter(|event| event.to == "payments.settled");
    settled.map(|event| event.json()).collect()
}

#[test]
fn a_charge_is_added_up_and_told() {
    let host = MockHost::new();
    charge(&host, "7", 2933);
    charge(&host, "7", 100);
    charge(&host, "8", 5);
    host.set_key(Some("7"));
    assert_eq!(host.command::<Payments>("paid", ()), Ok(json!(3033)));
    let told = json!({ "customer": "7", "number": 1, "cents": 2933 });
    assert_eq!((host.published()[0].to.as_str(), host.published()[0].json()), ("payments.charged", told));
}

#[test]
fn a_card_is_good_for_so_much_in_all() {
    let host = MockHost::new();
    host.set_config(json!({ "card_limit_cents": 3000 }));
    for cents in [2000, 1001, 1000, 1, u64::MAX, 0] {
        charge(&host, "7", cents);
    }
    charge(&host, "8", 3000);
    let told: Vec<_> = host.published().into_iter().map(|event| event.to).collect();
    let (charged, declined) = ("payments.charged", "payments.declined");
    assert_eq!(told, [charged, declined, charged, declined, declined, charged, charged]);
    let declined = json!({ "customer": "7", "number": 1, "cents": 1001 });
    assert_eq!(host.published()[1].json(), declined);
    host.set_key(Some("7"));
    assert_eq!(host.command::<Payments>("paid", ()), Ok(json!(3000)));
}

#[test]
fn what_is_declined_is_not_settled() {
    let host = MockHost::new();
    host.set_config(json!({ "card_limit_cents": 10 }));
    charge(&host, "7", 11);
    assert!(host.timers().is_empty());
    charge(&host, "7", 10);
    host.advance(SETTLE_AFTER);
    host.fire_timers::<Payments>().unwrap();
    assert_eq!(settlements(&host), [json!({ "partition": 0, "payments": 1, "cents": 10 })]);
}

#[test]
fn payments_of_a_second_are_settled_together() {
    let host = MockHost::new();
    host.set_place("payments", 3);
    charge(&host, "7", 2933);
    host.advance(Duration::from_millis(900));
    charge(&host, "8", 67);
    host.advance(Duration::from_millis(100));
    assert_eq!(host.fire_timers::<Payments>(), Ok(1));
    assert_eq!(settlements(&host), [json!({ "partition": 3, "payments": 2, "cents": 3000 })]);
}

#[test]
fn each_payment_is_settled_once() {
    let host = MockHost::new();
    for cents in [10, 20] {
        charge(&host, "7", cents);
        host.advance(SETTLE_AFTER);
        host.fire_timers::<Payments>().unwrap();
    }
    let cents: Vec<_> = settlements(&host).iter().map(|settled| settled["cents"].clone()).collect();
    assert_eq!(cents, [10, 20]);
    assert!(host.timers().is_empty(), "nothing is left to settle");
}

#[test]
fn a_free_cd_is_paid_for_too() {
    let host = MockHost::new();
    charge(&host, "7", 0);
    assert_eq!((host.published().len(), host.timers().len()), (1, 1));
}
