use super::*;

fn offer(host: &MockHost, title: &str, cents: u64) -> Result<Value> {
    host.command::<Catalog>(
        "offer",
        json!([{ "title": "kind-of-blue", "cents": 999 }, { "title": title, "cents": cents }]),
    )
}

#[test]
fn what_is_on_sale_has_a_price() {
    let host = MockHost::new();
    assert_eq!(offer(&host, "blue-train", 1466), Ok(json!(2)));
    assert_eq!(host.command::<Catalog>("price", "blue-train"), Ok(json!(1466)));
    assert_eq!(host.command::<Catalog>("price", "giant-steps").unwrap_err().code, "unknown-title");
}

#[test]
fn a_price_can_change() {
    let host = MockHost::new();
    offer(&host, "blue-train", 1466).unwrap();
    offer(&host, "blue-train", 1200).unwrap();
    assert_eq!(host.command::<Catalog>("price", "blue-train"), Ok(json!(1200)));
}

#[test]
fn when_one_price_is_refused_no_title_is_on_sale() {
    let host = MockHost::new();
    assert_eq!(offer(&host, "blue-train", HIGHEST_CENTS + 1).unwrap_err().code, "bad-price");
    assert!(host.state().is_empty());
}
