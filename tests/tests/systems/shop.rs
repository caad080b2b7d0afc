//! The shop. The numbers follow from the file, from what a card is good for (300 dollars) and from what there is of each title;
//! they were also computed by a script that shares nothing with the spaces or the driver.

use super::{agrees, demo, killed_after, were_reloaded};

#[tokio::test(flavor = "multi_thread")]
async fn each_order_ends_once_as_the_file_says_to_the_cent_and_no_stock_is_ever_below_zero_though_the_host_is_killed() {
    let said = demo("shop").await;
    // The file says 6,919 purchases of 2,357 customers: 16,479 CDs for $244,091.94. Each ends in one of three ways.
    agrees(&said, "customers  ", "2357");
    agrees(&said, "orders  ", "6919");
    agrees(&said, "CDs  ", "16479");
    agrees(&said, "dollars  ", "$244091.94");
    agrees(&said, "orders paid", "5685");
    agrees(&said, "CDs paid", "12368");
    agrees(&said, "dollars paid", "$180482.01");
    agrees(&said, "orders declined", "1033");
    agrees(&said, "CDs declined", "3879");
    agrees(&said, "dollars declined", "$60363.86");
    agrees(&said, "orders out of stock", "201");
    agrees(&said, "CDs out of stock", "232");
    agrees(&said, "dollars out of stock", "$3246.07");
    agrees(&said, "payments settled", "5685");
    agrees(&said, "dollars settled", "$180482.01");
    // From the events, from the first CD that came in to the last message.
    agrees(&said, "orders outside the sale, one by one", "5717");
    agrees(&said, "orders that ended twice", "0");
    agrees(&said, "CDs that came in", "16278");
    agrees(&said, "CDs sold", "12368");
    agrees(&said, "CDs left", "3910");
    agrees(&said, "CDs still set aside", "0");
    agrees(&said, "titles of which as many are left", "1951");
    agrees(&said, "steps of stock", "19958");
    agrees(&said, "steps to below zero, or that do not add up", "0");
    agrees(&said, "orders refused a title, for want of it", "201");
    agrees(&said, "refused though enough was left", "0");
    agrees(&said, "customers told of an order paid", "5685");
    agrees(&said, "customers told of an order declined", "1033");
    agrees(&said, "customers told of an order out of stock", "201");
    agrees(&said, "told twice, too early, or something else", "0");
    agrees(&said, "messages set aside", "0");
    assert_eq!(said.matches("the same").count(), 31, "{said}");
    were_reloaded(&said, &["cart", "catalog", "inventory", "ledger", "notifications", "orders", "payments"]);
    assert!((3_460..6_919).contains(&killed_after(&said)), "{said}");
}
