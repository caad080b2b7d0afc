use super::*;

fn hear(host: &MockHost, text: &str) -> Result<()> {
    host.event::<Listener>("echo.processed", json!({ "text": text, "count": 1 }))
}

#[test]
fn nothing_was_heard_at_first() {
    assert_eq!(MockHost::new().command::<Listener>("heard", ()), Ok(json!({ "count": 0, "last": [] })));
}

#[test]
fn what_is_heard_is_kept_in_order() {
    let host = MockHost::new();
    hear(&host, "Processed: A").unwrap();
    hear(&host, "Processed: B").unwrap();
    let heard = json!({ "count": 2, "last": ["Processed: A", "Processed: B"] });
    assert_eq!(host.command::<Listener>("heard", ()), Ok(heard));
}

#[test]
fn the_oldest_is_forgotten_but_still_counted() {
    let host = MockHost::new();
    for number in 0..12 {
        hear(&host, &number.to_string()).unwrap();
    }
    let heard = host.command::<Listener>("heard", ()).unwrap();
    assert_eq!(heard["count"], 12);
    assert_eq!((&heard["last"][0], heard["last"].as_array().unwrap().len()), (&json!("2"), KEPT));
}

#[test]
fn an_event_without_a_text_is_set_aside() {
    let host = MockHost::new();
    let failure = host.event::<Listener>("echo.processed", json!({})).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("bad-input", false));
}
