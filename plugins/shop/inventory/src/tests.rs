use super::*;

/// A host of the partition that has so many CDs of the title `rare`.
fn host(count: u64) -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("rare"));
    host.command::<Inventory>("supply", count).unwrap();
    host
}

fn claim(host: &MockHost, what: &str, number: u32, count: u64) -> Result<Value> {
    host.command::<Inventory>(what, json!({ "customer": "7", "number": number, "count": count }))
}

/// What came in, is left, held and sold.
fn stock(host: &MockHost) -> [u64; 4] {
    let stock = host.command::<Inventory>("show", ()).unwrap();
    ["came_in", "left", "held", "sold"].map(|place| stock[place].as_u64().unwrap())
}

fn topics(host: &MockHost) -> Vec<String> {
    host.published().into_iter().map(|event| event.to).collect()
}

#[test]
fn what_is_reserved_is_no_longer_left_and_then_sold() {
    let host = host(3);
    claim(&host, "reserve", 1, 2).unwrap();
    assert_eq!(stock(&host), [3, 1, 2, 0]);
    claim(&host, "sell", 1, 2).unwrap();
    assert_eq!(stock(&host), [3, 1, 0, 2]);
    assert_eq!(topics(&host), ["inventory.stocked", "inventory.reserved", "inventory.sold"]);
}

#[test]
fn more_than_is_left_is_refused_and_changes_nothing() {
    let host = host(3);
    claim(&host, "reserve", 1, 2).unwrap();
    claim(&host, "reserve", 2, 2).unwrap();
    assert_eq!(stock(&host), [3, 1, 2, 0]);
    let told = host.published().pop().unwrap();
    assert_eq!((told.to.as_str(), told.key.as_deref()), ("inventory.refused", Some("7")));
    let stock = json!({ "came_in": 3, "left": 1, "held": 2, "sold": 0 });
    let refused =
        json!({ "step": "refused", "title": "rare", "customer": "7", "number": 2, "count": 2, "stock": stock });
    assert_eq!(told.json(), refused);
}

#[test]
fn what_is_released_can_be_ordered_again() {
    let host = host(1);
    claim(&host, "reserve", 1, 1).unwrap();
    claim(&host, "release", 1, 1).unwrap();
    claim(&host, "reserve", 2, 1).unwrap();
    assert_eq!(stock(&host), [1, 0, 1, 0]);
    assert_eq!(topics(&host)[1..], ["inventory.reserved", "inventory.released", "inventory.reserved"]);
}

#[test]
fn a_title_that_never_came_in_is_out_of_stock() {
    let host = MockHost::new();
    host.set_key(Some("unheard-of"));
    claim(&host, "reserve", 1, 1).unwrap();
    assert_eq!(topics(&host), ["inventory.refused"]);
    assert!(host.state().is_empty());
}

#[test]
fn what_was_not_set_aside_is_neither_released_nor_sold() {
    let host = host(5);
    claim(&host, "reserve", 1, 1).unwrap();
    for what in ["release", "sell"] {
        assert_eq!(claim(&host, what, 2, 2).unwrap_err().code, "not-held", "{what}");
        assert_eq!(claim(&host, what, 2, u64::MAX).unwrap_err().code, "not-held", "{what}");
    }
    assert_eq!(stock(&host), [5, 4, 1, 0]);
}

#[test]
fn stock_that_does_not_add_up_is_never_written() {
    let host = host(5);
    host.set_state("stocks/rare", json!({ "came_in": 5, "left": 6, "held": 0, "sold": 0 }));
    assert_eq!(claim(&host, "reserve", 1, 1).unwrap_err().code, "broken-stock");
    assert_eq!(stock(&host), [5, 6, 0, 0]);
}

#[test]
fn no_supply_is_beyond_all_reason() {
    let host = host(1_000_000_000);
    for count in [1, u64::MAX] {
        assert_eq!(host.command::<Inventory>("supply", count).unwrap_err().code, "too-many");
    }
}

#[test]
fn titles_do_not_know_of_each_other() {
    let host = host(1);
    host.set_key(Some("other"));
    claim(&host, "reserve", 1, 1).unwrap();
    assert_eq!(topics(&host), ["inventory.stocked", "inventory.refused"]);
}
