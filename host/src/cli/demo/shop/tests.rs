use super::*;

const FILE: Sums = Sums { purchases: 3, customers: 2, cds: 6, cents: 4429 };

fn counted() -> Totals {
    Totals { orders: 3, customers: 2, cds: 6, cents: 4429, settled_payments: 3, settled_cents: 4429 }
}

#[test]
fn equal_sums_are_shown_side_by_side() {
    let lines = compare(&counted(), &FILE).unwrap();
    assert_eq!(lines[4], "paid              $44.29      $44.29    the same");
}

#[test]
fn one_cent_too_few_is_a_failure_that_shows_both() {
    let error = compare(&Totals { cents: 4428, ..counted() }, &FILE).unwrap_err().to_string();
    assert!(error.contains("paid              $44.28      $44.29    DIFFERENT"), "{error}");
}

#[test]
fn dollars_have_two_decimals() {
    assert_eq!([0, 5, 2933].map(dollars), ["$0.00", "$0.05", "$29.33"]);
}
