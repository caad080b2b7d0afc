use super::*;

fn ended(host: &MockHost, outcome: &str, customer: &str, cds: u64, cents: u64) {
    let ended =
        json!({ "outcome": outcome, "customer": customer, "number": 1, "day": null, "cds": cds, "cents": cents });
    host.event::<Ledger>(&format!("orders.{outcome}"), ended).unwrap();
}

fn totals(host: &MockHost) -> Value {
    host.command::<Ledger>("totals", ()).unwrap()
}

#[test]
fn all_is_nothing_at_first() {
    let nothing = json!({ "orders": 0, "cds": 0, "cents": 0 });
    let totals = totals(&MockHost::new());
    assert!(totals.as_object().unwrap().values().all(|sum| *sum == 0 || *sum == nothing), "{totals}");
}

#[test]
fn orders_are_added_up_by_their_outcome_and_customers_counted_once() {
    let host = MockHost::new();
    ended(&host, "paid", "7", 2, 2933);
    ended(&host, "paid", "8", 1, 67);
    ended(&host, "declined", "7", 4, 9000);
    ended(&host, "out-of-stock", "9", 1, 1);
    ended(&host, "paid", "7", 0, 0);
    let totals = totals(&host);
    assert_eq!(totals["customers"], 3);
    assert_eq!(totals["paid"], json!({ "orders": 3, "cds": 3, "cents": 3000 }));
    assert_eq!(totals["declined"], json!({ "orders": 1, "cds": 4, "cents": 9000 }));
    assert_eq!(totals["out_of_stock"], json!({ "orders": 1, "cds": 1, "cents": 1 }));
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
    assert_eq!(totals["paid"]["cents"], 0);
}
