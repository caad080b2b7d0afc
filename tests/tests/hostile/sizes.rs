//! Memory, tables and handles: of an instance, of a space, of the host.

use super::{Arena, assert_names, outcome_of, refusal_of};
use bytes::Bytes;
use serde_json::json;
use spacehost::runtime::api::Delivery;
use spacehost_tests::hostile::{Hostile, command, forever};
use spacehost_tests::{Host, limits, until};

#[tokio::test]
async fn a_growth_to_4_gib_in_one_step_is_refused_by_name() {
    let reason = outcome_of("(drop (memory.grow (i32.const 65534))) unreachable").await;
    assert_names(&reason, "limit `memory_bytes` reached");
}

#[tokio::test]
async fn a_growth_page_by_page_is_refused_by_name() {
    let grow = "(loop $more (br_if $more (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))) unreachable";
    assert_names(&outcome_of(grow).await, "limit `memory_bytes` reached");
}

#[tokio::test]
async fn a_guest_that_lives_with_its_refused_growth_serves_on() {
    let arena = Arena::with(command("(drop (memory.grow (i32.const 65534)))"), |_| {}).await;
    assert_eq!(arena.ended().await.unwrap(), "1");
    assert!(arena.host.usage("bad").memory_bytes < 1 << 20);
}

#[tokio::test]
async fn memories_beyond_their_number_keep_the_component_out() {
    let five = Hostile::default().with(&"(memory 1)".repeat(5));
    assert_names(&refusal_of(five.component()).await, "limit `memories` reached");
    let fifty = Hostile::default().with(&"(memory 1)".repeat(50));
    let reason = refusal_of(fifty.component()).await;
    assert!(reason.contains("memories"), "{reason}");
}

#[tokio::test]
async fn several_memories_count_together() {
    let hostile = command("(call $grow) unreachable").with(
        "(memory $a 1) (memory $b 1) (func $grow (loop $more
            (drop (memory.grow $a (i32.const 16)))
            (br_if $more (i32.ge_s (memory.grow $b (i32.const 16)) (i32.const 0)))))",
    );
    let arena = Arena::with(hostile, |limits| limits.memory_bytes = 16 << 20).await;
    assert_names(&arena.outcome().await, "limit `memory_bytes` reached");
}

#[tokio::test]
async fn a_memory_that_begins_too_large_keeps_the_component_out() {
    let hostile = Hostile { memory: Some("2000"), ..Hostile::default() };
    assert_names(&refusal_of(hostile.component()).await, "limit `memory_bytes` reached");
}

#[tokio::test]
async fn a_table_growth_of_ten_million_is_refused_by_name() {
    let grow = "(drop (table.grow $t (ref.null func) (i32.const 10000000))) unreachable";
    let hostile = command(grow).with("(table $t 1 funcref)");
    let reason = Arena::with(hostile, |_| {}).await.outcome().await;
    assert_names(&reason, "limit `table_elements` reached");
}

#[tokio::test]
async fn a_table_growth_of_two_to_the_62nd_needs_tables_that_no_guest_may_have() {
    let grow = "(drop (table.grow $t (ref.null func) (i64.const 0x4000000000000000)))";
    let hostile = command(grow).with("(table $t i64 1 funcref)");
    assert_names(&refusal_of(hostile.component()).await, "memory64");
}

#[tokio::test]
async fn a_64_bit_memory_is_none_that_a_guest_may_have() {
    assert_names(&refusal_of(Hostile::default().with("(memory i64 1)").component()).await, "memory64");
}

#[tokio::test]
async fn tables_beyond_their_number_keep_the_component_out() {
    let many = Hostile::default().with(&"(table 1 funcref)".repeat(17));
    assert_names(&refusal_of(many.component()).await, "limit `tables` reached");
}

#[tokio::test]
async fn handles_of_the_hosts_things_that_are_never_dropped_come_to_an_end() {
    let leak = forever("(drop (call $pollable (i64.const 1)))");
    assert_names(&outcome_of(&leak).await, "limit `handles` reached");
}

#[tokio::test]
async fn handles_of_the_guests_own_things_that_are_never_dropped_come_to_an_end() {
    let leak = forever("(drop (call $new-thing (i32.const 1)))");
    assert_names(&outcome_of(&leak).await, "limit `handles` reached");
}

#[tokio::test]
async fn a_poll_of_very_many_handles_comes_to_an_end_too() {
    let poll = "(call $poll (i32.const 0x20000) (i32.const 100000) (i32.const 0x10000))";
    let hostile = Hostile { memory: Some("100"), ..command(poll) };
    let reason = Arena::with(hostile, |_| {}).await.outcome().await;
    assert!(reason.contains("handle"), "{reason}");
}

#[tokio::test]
async fn random_bytes_are_given_in_small_portions_only() {
    let reason = outcome_of("(call $random-bytes (i64.const 0x40000000) (i32.const 0x10000))").await;
    assert_names(&reason, "exceeds limit 65536");
}

/// Takes what it can get, and keeps it.
fn hoarder() -> Hostile {
    command("(loop $more (br_if $more (i32.ge_s (memory.grow (i32.const 64)) (i32.const 0))))")
}

#[tokio::test]
async fn the_partitions_of_a_space_have_their_memory_together() {
    let descriptor = r#"{"descriptor":1,"version":"1","partitions":8,"commands":[{"name":"run"}]}"#;
    let hostile = Hostile { descriptor: Some(descriptor.to_owned()), ..hoarder() };
    let arena = Arena::with(hostile.clone(), |limits| limits.space_memory_bytes = 100 << 20).await;
    for key in 0..32 {
        let delivery = Delivery { key: Some(key.to_string().into()), ..Delivery::default() };
        arena.host.runtime.call("bad", "run", Bytes::new(), delivery).await.unwrap();
    }
    let all = arena.host.status("bad").used["space_memory_bytes"];
    assert!(all > 90 << 20 && all <= 100 << 20, "{all}");
    let shown = async || Some(arena.host.status("bad").used["memory_bytes"]).filter(|most| *most > 32 << 20);
    let most = until("the largest partition is shown", shown).await;
    assert!(most <= 64 << 20, "{most}");
    // A new version beside it counts, too: there is no room for one that begins with more than is left.
    let large = Hostile { memory: Some("300"), descriptor: hostile.descriptor, ..Hostile::default() };
    let refused = arena.deploy(large.component(), |limits| limits.space_memory_bytes = 100 << 20).await.unwrap_err();
    assert_names(&refused, "limit `space_memory_bytes` reached");
    arena.neighbour_is_served().await;
    arena.host.runtime.remove(&"bad".parse().unwrap(), std::time::Duration::ZERO).await;
    assert_eq!(arena.host.status("bad").used["space_memory_bytes"], 0, "all of it is back");
}

#[tokio::test]
async fn all_spaces_have_the_hosts_memory_together() {
    let host = Host::with(|config| (config.executors, config.engine.memory_bytes) = (1, 100 << 20));
    host.deploy("good", "probe").await;
    let component = hoarder().component();
    for name in ["a", "b", "c"] {
        host.deploy_bytes(name, component.clone(), limits(|_| {})).await.unwrap();
        host.runtime.call(name, "run", Bytes::new(), Delivery::default()).await.unwrap();
    }
    let all: u64 = ["a", "b", "c", "good"].iter().map(|name| host.status(name).used["space_memory_bytes"]).sum();
    assert!(all > 90 << 20 && all <= 100 << 20, "{all}");
    let large = Hostile { memory: Some("200"), ..Hostile::default() };
    let refused = host.deploy_bytes("late", large.component(), limits(|_| {})).await.unwrap_err();
    assert_names(&refused, "limit `memory_bytes of spacehost.toml` reached");
    assert_eq!(host.run("good", json!([{ "add": 1 }])).await, 1);
}
