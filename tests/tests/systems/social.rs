//! The social network. The numbers follow from the graph alone: 77 persons, 254 ties that are worth 820 together, told four
//! times over. In the end everybody follows one person less, and has written a last post and deleted the first one.

use super::{agrees, demo, killed_after, were_reloaded};

#[tokio::test(flavor = "multi_thread")]
async fn feeds_conversations_and_searches_are_what_the_graph_says_though_spaces_are_reloaded_and_the_host_is_killed() {
    let said = demo("social").await;
    // Each tie is followed both ways, and each person drops one.
    agrees(&said, "persons followed", "431");
    agrees(&said, "followers", "431");
    agrees(&said, "posts put into feeds", "45225");
    agrees(&said, "posts taken back", "431");
    agrees(&said, "posts in feeds", "4844");
    agrees(&said, "feeds, post by post", "77");
    agrees(&said, "messages", "3280");
    agrees(&said, "conversations in order", "254");
    agrees(&said, "messages not read", "3280");
    agrees(&said, "posts found", "7171");
    agrees(&said, "queries, post by post", "14");
    agrees(&said, "messages set aside", "0");
    assert_eq!(said.matches("the same").count(), 12, "{said}");
    were_reloaded(&said, &["feed", "index", "messaging", "posts", "profiles", "search"]);
    assert!((1_640..3_280).contains(&killed_after(&said)), "{said}");
}
