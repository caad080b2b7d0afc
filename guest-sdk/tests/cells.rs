//! What cells keep, and how.

use spacehost_sdk::Key;
use spacehost_sdk::prelude::*;

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Line {
    cents: u64,
}

#[derive(Cells)]
struct Shop {
    total: Item<u64>,
    lines: Map<(String, u64), Line>,
    names: Map<String, i64>,
    #[cell(name = "old-name")]
    renamed: Item<bool>,
}

fn shop() -> (MockHost, Shop) {
    let host = MockHost::new();
    let shop = host.space();
    (host, shop)
}

fn keys<K: Key, V: serde::de::DeserializeOwned>(entries: spacehost_sdk::Entries<K, V>) -> Vec<K> {
    entries.keys().collect::<Result<_>>().unwrap()
}

#[test]
fn an_item_is_none_until_it_is_set() {
    let (host, shop) = shop();
    assert_eq!(shop.total.get(), Ok(None));
    assert_eq!(shop.total.get_or_default(), Ok(0));
    shop.total.set(&5).unwrap();
    assert_eq!(shop.total.update(|total| std::mem::replace(total, 6)), Ok(5));
    assert_eq!(host.state()["total"], json!(6));
    shop.total.delete().unwrap();
    assert!(host.state().is_empty());
}

#[test]
fn a_cell_may_be_stored_under_another_name() {
    let (host, shop) = shop();
    shop.renamed.set(&true).unwrap();
    assert_eq!(host.state()["old-name"], json!(true));
}

#[test]
fn state_keys_are_readable() {
    let (host, shop) = shop();
    shop.lines.set(&("eu west".to_owned(), 7), &Line { cents: 1 }).unwrap();
    shop.names.set("ann", &-1).unwrap();
    let state = host.state();
    let keys: Vec<_> = state.keys().map(String::as_str).collect();
    assert_eq!(keys, ["lines/eu%20west#00000000000000000007", "names/ann"]);
}

#[test]
fn a_map_gets_sets_takes_and_deletes() {
    let (_host, shop) = shop();
    shop.names.set("ann", &1).unwrap();
    assert_eq!(shop.names.update("ann", |count| *count += 1), Ok(()));
    assert!(shop.names.contains("ann"));
    assert_eq!(shop.names.take("ann"), Ok(Some(2)));
    assert_eq!(shop.names.take("ann"), Ok(None));
    shop.names.set("bob", &1).unwrap();
    shop.names.delete("bob").unwrap();
    assert_eq!(shop.names.get("bob"), Ok(None));
}

#[test]
fn a_walk_sees_every_entry_in_order_over_many_pages() {
    let (_host, shop) = shop();
    let mut names: Vec<String> = (0..1000).map(|n| format!("n{n}")).collect();
    for name in &names {
        shop.names.set(name, &1).unwrap();
    }
    names.sort();
    assert_eq!(keys(shop.names.iter()), names);
    assert_eq!(shop.names.iter().values().count(), 1000);
    names.reverse();
    assert_eq!(keys(shop.names.iter().backwards()), names);
}

#[test]
fn a_walk_can_be_narrowed_and_taken_up_again() {
    let (_host, shop) = shop();
    for name in ["ann", "anna", "bob", "a%b"] {
        shop.names.set(name, &1).unwrap();
    }
    assert_eq!(keys(shop.names.starting_with("an")), ["ann", "anna"]);
    assert_eq!(keys(shop.names.starting_with("a%")), ["a%b"]);
    assert_eq!(keys(shop.names.iter().after("ann")), ["anna", "bob"]);
    assert_eq!(keys(shop.names.iter().after("annb")), ["bob"]);
    assert_eq!(keys(shop.names.starting_with("an").backwards()), ["anna", "ann"]);
    assert_eq!(keys(shop.names.iter().backwards().after("anna")), ["ann", "a%b"]);
    assert_eq!(keys(shop.names.starting_with("an").backwards().after("bob")), ["anna", "ann"]);
}

#[test]
fn a_tuple_groups_by_its_first_member() {
    let (_host, shop) = shop();
    for (region, line) in [("eu", 10), ("eu", 9), ("eu!", 1), ("us", 1)] {
        shop.lines.set(&(region.to_owned(), line), &Line::default()).unwrap();
    }
    let of_eu = keys(shop.lines.under("eu"));
    assert_eq!(of_eu, [("eu".to_owned(), 9), ("eu".to_owned(), 10)]);
}

#[test]
fn a_tuple_is_looked_up_by_borrowed_members() {
    let (_host, shop) = shop();
    let owned = ("eu".to_owned(), 10);
    shop.lines.set(&("eu", 10), &Line { cents: 1 }).unwrap();
    assert_eq!(shop.lines.get(&owned), shop.lines.get(&("eu", 10)));
    assert_eq!(keys(shop.lines.iter().after(&("eu", 9))), [owned]);
    shop.lines.delete(&("eu", 10)).unwrap();
    assert!(!shop.lines.contains(&("eu", 10)));
}

#[test]
fn what_cannot_be_read_is_named_and_the_walk_goes_on() {
    let (host, shop) = shop();
    host.set_state("names/ann", "not a number");
    host.set_state("names/bob", 1);
    host.set_state("lines/no-tuple", json!({ "cents": 1 }));
    let failure = shop.names.get("ann").unwrap_err();
    assert_eq!(failure.code, "bad-state");
    assert!(failure.message.starts_with("names/ann: invalid type"), "{failure}");
    let mut walk = shop.names.iter();
    assert!(walk.next().unwrap().is_err());
    assert_eq!(walk.next(), Some(Ok(("bob".to_owned(), 1))));
    assert_eq!(shop.lines.iter().next().unwrap().unwrap_err().code, "bad-state");
}

#[test]
fn a_space_without_state_is_a_struct_without_fields() {
    #[derive(Cells)]
    struct Stateless;
    let _: Stateless = MockHost::new().space();
}
