use super::*;

fn paid(host: &MockHost, customer: &str, cds: u64, cents: u64) {
    let paid = json!({ "customer": customer, "number": 1, "day": null, "cds": cds, "cents": cents });
    host.event::<Ledger>("orders.paid", paid).unwrap();
}

fn totals(host: &MockHost) -> Value {
    host.command::<Ledger>("totals", ()).unwrap()
}

#[test]
fn all_is_nothing_at_first() {
    let totals = totals(&MockHost::new());
    assert!(totals.as_object().unwrap().values().all(|sum| *sum == 0), "{totals}");
}

#[test]
fn orders_are_added_up_and_customers_counted_once() {
    let host = MockHost::new();
    paid(&host, "7", 2, 2933);
    paid(&host, "8", 1, 67);
    paid(&host, "7", 0, 0);
    let totals = totals(&host);
    for (name, sum) in [("orders", 3), ("customers", 2), ("cds", 3), ("cents", 3000)] {
        assert_eq!(totals[name], sum, "{name}");
    }
}

#[test]
fn settlements_are_added_up_apart() {
    let host = MockHost::new();
    for partition in 0..2 {
        let settled = json!({ "partition": partition, "payments": 2, "cents": 1500 });
        host.event::<Ledger>("payments.settled", settled).unwrap();
    }
    let totals = totals(&host);
    assert_eq!((&totals["settled_payments"], &totals["settled_cents"]), (&json!(4), &json!(3000)));
    assert_eq!(totals["cents"], 0);
}
