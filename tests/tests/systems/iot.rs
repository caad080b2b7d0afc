//! The sensor network. The numbers follow from the files and from what the driver does to the readings on their way; they
//! were also computed by a script that shares nothing with either.

use super::{agrees, demo, killed_after, were_reloaded};

#[tokio::test(flavor = "multi_thread")]
async fn windows_and_alerts_are_what_the_files_say_and_the_long_job_goes_on_though_its_host_is_killed() {
    let said = demo("iot").await;
    // 9,289 sendings of 7,551 readings.
    agrees(&said, "readings taken in, once", "7447");
    agrees(&said, "duplicates", "1420");
    agrees(&said, "older than ids are remembered", "344");
    agrees(&said, "refused as impossible", "78");
    agrees(&said, "readings of devices", "7447");
    agrees(&said, "of these, overtaken by newer", "1385");
    agrees(&said, "devices alike in all that is known", "16");
    agrees(&said, "in their window on time", "6430");
    agrees(&said, "in their window late", "617");
    agrees(&said, "too late for their window", "400");
    agrees(&said, "windows", "1085");
    agrees(&said, "windows alike in count, sum, extremes", "1085");
    agrees(&said, "windows told, again for late readings", "1645");
    agrees(&said, "alerts", "152");
    agrees(&said, "alerts alike in rule and cause", "152");
    agrees(&said, "alerts heard, each once", "152");
    agrees(&said, "earthquakes compared", "1707");
    agrees(&said, "pairs linked in space and time", "2661");
    agrees(&said, "clusters", "165");
    agrees(&said, "earthquakes of the largest", "166");
    agrees(&said, "rounds of chance", "1000");
    agrees(&said, "rounds with as many links", "0");
    agrees(&said, "links in all rounds", "2086522");
    agrees(&said, "slices of the long job", "101");
    assert_eq!(said.matches("the same").count(), 24, "{said}");
    were_reloaded(&said, &["alerts", "analytics", "clusters", "devices", "ingestion"]);
    assert!((4_645..9_289).contains(&killed_after(&said)), "{said}");
    let (before, after) = slices(&said);
    assert!((1..101).contains(&before) && (before..=101).contains(&after), "{said}");
}

/// At which slice the long job was seen last before the host was killed, and first after that.
fn slices(said: &str) -> (u64, u64) {
    let line = said.lines().find(|line| line.contains("the long job took 101 slices")).expect("the long job");
    let mut at = line.split("at slice ").skip(1).map(|rest| rest.split(' ').next()?.parse().ok());
    (at.next().flatten().expect("one before"), at.next().flatten().expect("one after"))
}
