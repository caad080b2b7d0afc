use super::*;

#[test]
fn each_command_is_answered_by_an_event() {
    let host = MockHost::new();
    for command in ["A", "B", "C"] {
        assert_eq!(host.command::<Echo>(command, ()), Ok(json!(1)));
    }
    let heard: Vec<_> = host.published().iter().map(|event| (event.to.clone(), event.json()["text"].clone())).collect();
    let expected =
        ["Processed: A", "Processed: B", "Processed: C"].map(|text| ("echo.processed".to_owned(), json!(text)));
    assert_eq!(heard, expected);
}

#[test]
fn commands_are_counted_by_kind() {
    let host = MockHost::new();
    for (command, count) in [("A", 1), ("B", 1), ("A", 2)] {
        assert_eq!(host.command::<Echo>(command, ()), Ok(json!(count)));
        assert_eq!(host.published().last().unwrap().json()["count"], count);
    }
}

#[test]
fn another_command_is_refused_and_nobody_hears_of_it() {
    let host = MockHost::new();
    assert_eq!(host.command::<Echo>("D", ()).unwrap_err().code, "unknown-command");
    assert!(host.published().is_empty());
}
