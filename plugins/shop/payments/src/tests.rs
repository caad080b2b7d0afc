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
