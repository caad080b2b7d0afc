//! The exchange. Every number follows from the seed alone, whatever becomes of the host in between: it is compared with a
//! reference that shares no code with the spaces, and with a run in which nothing happened.

use super::{agrees, demo, demo_with, killed_after, were_reloaded};

/// The word for all that there is at the end.
fn all(said: &str) -> &str {
    let line = said.lines().find(|line| line.contains("exposures together: ")).expect("a word for all");
    line.rsplit(' ').next().expect("a word")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exchange_ends_as_its_reference_and_as_an_undisturbed_run_though_it_is_reloaded_and_killed() {
    let said = demo("trading").await;
    agrees(&said, "answers as they should be", "6000");
    agrees(&said, "answers with a crossed book", "0");
    agrees(&said, "cash of all traders together", "0");
    agrees(&said, "instruments with shares too many or too few", "0");
    agrees(&said, "traders ever beyond a limit", "0");
    agrees(&said, "messages set aside", "0");
    assert_eq!(said.lines().filter(|line| line.ends_with("  the same")).count(), 21, "{said}");
    for space in ["book", "risk"] {
        assert!(said.contains(&format!("of the last turns of `{space}`, tried again: all the same")), "{said}");
    }
    were_reloaded(&said, &["accounts", "book", "execution", "market", "risk"]);
    assert!((3_000..6_000).contains(&killed_after(&said)), "{said}");
    let undisturbed = demo_with("trading", &["--no-kill", "--no-reload"]).await;
    assert_eq!(all(&said), all(&undisturbed), "{said}{undisturbed}");
}
