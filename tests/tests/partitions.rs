//! Keys choose partitions; a partition keeps the order of each sender.

use serde_json::{Value, json};
use spacehost::runtime::api::{Delivery, DeployError};
use spacehost::words::SpaceSettings;
use spacehost_tests::{Host, until};
use std::collections::HashSet;

fn key(key: &str) -> Delivery {
    Delivery { key: Some(key.into()), ..Delivery::default() }
}

async fn partition(host: &Host, delivery: Delivery) -> u64 {
    let context = host.try_run_with("s", json!(["context"]), delivery).await.unwrap();
    context["partition"].as_u64().unwrap()
}

#[tokio::test]
async fn a_key_always_meets_the_same_partition_and_no_key_the_first() {
    let host = Host::start();
    host.deploy("s", "shards").await;
    let mut seen = HashSet::new();
    for n in 0..40 {
        let name = format!("customer-{n}");
        let first = partition(&host, key(&name)).await;
        assert_eq!(partition(&host, key(&name)).await, first);
        seen.insert(first);
    }
    assert_eq!(seen.len(), 4, "forty keys reach all four");
    assert_eq!(partition(&host, Delivery::default()).await, 0);
}

#[tokio::test]
async fn more_partitions_than_the_limit_allows_are_refused_and_as_many_are_not() {
    let host = Host::start();
    let allowing = |partitions| {
        let mut settings = SpaceSettings::default();
        settings.limits.partitions = partitions;
        settings
    };
    let error = host.deploy_with("s", "shards", allowing(3)).await.unwrap_err();
    assert!(matches!(error, DeployError::TooManyPartitions { wanted: 4, allowed: 3 }), "{error}");
    host.deploy_with("s", "shards", allowing(4)).await.unwrap();
}

#[tokio::test]
async fn each_partition_has_a_state_of_its_own() {
    let host = Host::start();
    host.deploy("s", "shards").await;
    let mut total = 0;
    let mut last = std::collections::HashMap::new();
    for n in 0..40 {
        let delivery = key(&format!("customer-{n}"));
        let at = partition(&host, delivery.clone()).await;
        let after = host.try_run_with("s", json!([{ "add": 1 }]), delivery).await.unwrap();
        last.insert(at, after.as_i64().unwrap());
        total += 1;
    }
    assert_eq!(last.values().sum::<i64>(), total);
    assert_eq!(last.len(), 4);
}

#[tokio::test]
async fn what_one_turn_sends_to_a_partition_arrives_in_that_order() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.deploy("s", "shards").await;
    let step = |n: u64| json!({ "send": { "to": "s/run", "key": format!("k{}", n % 8), "body": [{ "note": n }] } });
    host.run("a", Value::Array((0..200).map(step).collect())).await;
    until("all are handled", async || (host.usage("s").backlog_messages == 0).then_some(())).await;
    let mut seen = HashSet::new();
    for n in 0..8 {
        let notes = host.try_run_with("s", json!(["notes"]), key(&format!("k{n}"))).await.unwrap();
        let numbers: Vec<u64> = notes.as_array().unwrap().iter().filter_map(Value::as_u64).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        seen.extend(numbers);
    }
    assert_eq!(seen.len(), 200);
}

#[tokio::test]
async fn one_connections_commands_are_handled_in_the_order_sent() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    for n in 0..300 {
        host.send_as(1, "a", json!([{ "note": n }])).unwrap();
    }
    let notes = host.noted("a", 300).await;
    assert_eq!(notes, (0..300).map(|n| json!(n)).collect::<Vec<_>>());
}
