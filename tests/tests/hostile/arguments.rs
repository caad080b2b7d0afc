//! What guests pass in and answer: too much, from nowhere, and not what its type says.

use super::{Arena, assert_names, outcome_of, refusal_of};
use spacehost_tests::hostile::{Hostile, command};

/// Has 1 GiB, and so can point to it.
async fn outcome_of_large(does: &str) -> String {
    let hostile = Hostile { memory: Some("16400"), ..command(does) };
    let large = |limits: &mut spacehost::words::Limits| {
        (limits.memory_bytes, limits.space_memory_bytes) = (2 << 30, 4 << 30);
    };
    Arena::with(hostile, large).await.outcome().await
}

#[tokio::test]
async fn a_text_of_1_gib_is_too_much_for_one_call() {
    let reason = outcome_of_large("(call $log (i32.const 0) (i32.const 64) (i32.const 0x40000000))").await;
    assert_names(&reason, "limit `hostcall_bytes` reached");
}

#[tokio::test]
async fn a_list_of_1_gib_is_too_much_for_one_call() {
    let publish =
        "(call $publish (i32.const 64) (i32.const 1) (i32.const 64) (i32.const 0x40000000) (i32.const 0x10000))";
    assert_names(&outcome_of_large(publish).await, "limit `hostcall_bytes` reached");
}

fn publish_with_headers(count: u32) -> String {
    format!(
        "(call $publish-with (i32.const 64) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0x20000) (i32.const {count}) (i32.const 0x10000))"
    )
}

#[tokio::test]
async fn a_list_of_sixty_million_texts_is_too_much_for_one_call() {
    let reason = outcome_of_large(&publish_with_headers(60_000_000)).await;
    assert_names(&reason, "limit `hostcall_bytes` reached");
}

#[tokio::test]
async fn lists_of_texts_that_all_lie_in_one_place_count_each_for_itself() {
    // 20,000 headers whose four numbers are 4,096: name and value are the same 4 KiB each time.
    let fill = "(local $at i32) (local.set $at (i32.const 0x20000)) (loop $more
        (i32.store (local.get $at) (i32.const 4096))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br_if $more (i32.lt_u (local.get $at) (i32.const 0x70000))))";
    let fields = format!("(func $fill {fill})");
    let does = format!("(call $fill) {}", publish_with_headers(20_000));
    let hostile = Hostile { memory: Some("20"), ..command(&does) }.with(&fields);
    let reason = Arena::with(hostile, |_| {}).await.outcome().await;
    assert_names(&reason, "limit `hostcall_bytes` reached");
}

#[tokio::test]
async fn headers_without_number_are_refused_to_the_guest_and_cost_nothing() {
    // All empty: they weigh nothing, and yet each takes its place.
    let hostile = Hostile { memory: Some("64"), ..command(&publish_with_headers(200_000)) };
    let arena = Arena::with(hostile, |_| {}).await;
    assert_eq!(arena.ended().await.unwrap(), "1", "the refusal is a value, and this guest does not look at it");
    assert_eq!(arena.host.usage("bad").emitted, 0);
}

#[tokio::test]
async fn texts_and_lists_outside_of_the_memory_are_broken_off() {
    for call in [
        "(call $log (i32.const 0) (i32.const -16) (i32.const 4))",
        "(call $log (i32.const 0) (i32.const 64) (i32.const 0x7fffffff))",
        "(call $log (i32.const 0) (i32.const -1) (i32.const -1))",
        "(call $publish (i32.const 64) (i32.const 1) (i32.const 0x7fffffff) (i32.const 64) (i32.const 0x10000))",
        "(call $get (i32.const -8) (i32.const 64) (i32.const 0x10000))",
    ] {
        let reason = outcome_of(call).await;
        assert!(reason.contains("out of bounds"), "{call}: {reason}");
    }
}

#[tokio::test]
async fn a_list_of_lists_that_point_to_nowhere_is_broken_off() {
    let does = format!(
        "(i32.store (i32.const 0x20000) (i32.const -64)) (i32.store (i32.const 0x20004) (i32.const 128)) {}",
        publish_with_headers(1)
    );
    let hostile = Hostile { memory: Some("4"), ..command(&does) };
    assert_names(&Arena::with(hostile, |_| {}).await.outcome().await, "out of bounds");
}

#[tokio::test]
async fn places_for_results_that_are_nowhere_or_crooked_are_broken_off() {
    assert_names(&outcome_of("(call $config-all (i32.const -4))").await, "out of bounds");
    assert_names(&outcome_of("(call $config-all (i32.const 0x10001))").await, "aligned");
}

#[tokio::test]
async fn a_text_that_is_no_utf_8_is_broken_off() {
    let hostile = command("(call $log (i32.const 0) (i32.const 0x10000) (i32.const 4))")
        .with(r#"(data (i32.const 0x10000) "a\ff\fe\80")"#);
    assert_names(&Arena::with(hostile, |_| {}).await.outcome().await, "utf-8");
}

#[tokio::test]
async fn a_choice_that_its_type_does_not_have_is_broken_off() {
    for (call, what) in [
        ("(call $log (i32.const 99) (i32.const 64) (i32.const 1))", "an enum"),
        (
            "(call $scan (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 0x10000))",
            "an option",
        ),
    ] {
        let reason = outcome_of(call).await;
        assert!(reason.contains("discriminant"), "{what}: {reason}");
    }
}

/// Answers with what lies at `SCRATCH`: six numbers.
fn answering(numbers: [u32; 6]) -> Hostile {
    let stores = numbers.iter().zip((0x1_0000_u32..).step_by(4));
    let stores: String =
        stores.map(|(number, at)| format!("(i32.store (i32.const {at}) (i32.const {number}))")).collect();
    command(&format!("{stores} (return (i32.const 0x10000))"))
}

#[tokio::test]
async fn an_answer_from_nowhere_is_broken_off() {
    for answer in [[0, 0xffff_fff0, 64, 0, 0, 0], [0, 64, 0x7fff_ffff, 0, 0, 0], [1, 0xffff_0000, 8, 64, 1, 0]] {
        let reason = Arena::with(answering(answer), |_| {}).await.outcome().await;
        assert!(reason.contains("out of bounds"), "{answer:?}: {reason}");
    }
    for (place, says) in [("-8", "out of bounds"), ("0x10002", "aligned")] {
        assert_names(&outcome_of(&format!("(return (i32.const {place}))")).await, says);
    }
}

#[tokio::test]
async fn an_answer_that_is_neither_ok_nor_failure_is_broken_off() {
    let reason = Arena::with(answering([7, 64, 1, 64, 1, 0]), |_| {}).await.outcome().await;
    assert_names(&reason, "discriminant");
}

#[tokio::test]
async fn a_failure_whose_text_is_no_utf_8_is_broken_off() {
    let hostile = answering([1, 0x1_0100, 4, 64, 1, 0]).with(r#"(data (i32.const 0x10100) "\c0\80\ff\ff")"#);
    assert_names(&Arena::with(hostile, |_| {}).await.outcome().await, "utf-8");
}

#[tokio::test]
async fn a_failure_that_says_much_is_cut_and_its_dead_letter_is_small() {
    let megabytes = 8 << 20;
    let fill = format!("(memory.fill (i32.const 0x20000) (i32.const 120) (i32.const {megabytes}))");
    let answer = answering([1, 64, 1, 0x2_0000, megabytes, 0]);
    let hostile = Hostile { event: format!("{fill} {}", answer.command), memory: Some("200"), ..Hostile::default() };
    let arena = Arena::with(hostile, |_| {}).await;
    let message = arena.event(1).await;
    assert!(message.starts_with("xxx") && message.len() < 5_000, "{} bytes", message.len());
}

#[tokio::test]
async fn a_description_that_is_no_text_or_from_nowhere_keeps_the_component_out() {
    let describing = |place: u32, length: u32| Hostile {
        describe: format!(
            "(i32.store (i32.const 0x10000) (i32.const {place})) (i32.store (i32.const 0x10004) (i32.const {length}))
             (return (i32.const 0x10000))"
        ),
        ..Hostile::default()
    };
    assert_names(&refusal_of(describing(0xffff_fff0, 64).component()).await, "out of bounds");
    let no_text = describing(0x1_0100, 4).with(r#"(data (i32.const 0x10100) "\ff\ff\ff\ff")"#);
    assert_names(&refusal_of(no_text.component()).await, "utf-8");
    let large = Hostile { memory: Some("700"), ..describing(0x2_0000, 40 << 20) };
    assert_names(&refusal_of(large.component()).await, "limit `hostcall_bytes` reached");
}
