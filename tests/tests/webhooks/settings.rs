//! What operators say and change while the host runs, and what they are told.

use super::*;
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn webhooks_come_change_and_go_while_the_host_runs_and_a_name_keeps_its_place() {
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let daemon = host(&billing(&receiver, "")).await;
    let audit = section("audit", &other.url(), ">", "");
    settle(&daemon, &(billing(&receiver, "") + &audit));
    until_hook(&daemon, "audit", "state", json!("idle")).await;
    publish(&daemon, "orders.paid", &json!(0)).await;
    receiver.got(1).await;
    let heard = async || other.posted().iter().any(|one| one.json()["type"] == "orders.paid").then_some(());
    until("the other webhook has it, too", heard).await;
    // The same name at another address.
    settle(&daemon, &(billing(&other, "") + &section("audit", &receiver.url(), "none", "")));
    let moved = async || {
        let shown = hook(&daemon, "audit").await;
        (shown["topics"] == json!(["none"])).then_some(())
    };
    until("the settings are taken up", moved).await;
    publish(&daemon, "orders.paid", &json!(1)).await;
    let there = async || other.posted().iter().any(|one| one.json()["data"] == 1).then_some(());
    until("it comes at the new address", there).await;
    settle(&daemon, &section("audit", &receiver.url(), "none", ""));
    until_hook(&daemon, "billing", "state", json!("removed")).await;
    publish(&daemon, "orders.paid", &json!(2)).await;
    settle(&daemon, &billing(&receiver, ""));
    let back = async || receiver.posted().iter().any(|one| one.json()["data"] == 2).then_some(());
    until("what happened meanwhile comes when it is back", back).await;
}

#[tokio::test]
async fn a_mistake_changes_nothing_and_is_shown_with_its_line() {
    let receiver = Receiver::start().await;
    let daemon = host(&billing(&receiver, "")).await;
    settle(&daemon, "[webhooks.billing]\nurl = \"http://me:s3cret@example.org\"\n");
    let told = async || {
        let listed = said(&daemon.command(&["ps"]).await);
        (listed.contains("spacehost.toml") && listed.contains("line 2")).then_some(listed)
    };
    let listed = until("ps shows the mistake", told).await;
    assert!(!listed.contains("s3cret"), "{listed}");
    publish(&daemon, "orders.paid", &json!(1)).await;
    receiver.got(1).await;
    assert!(!daemon.log().contains("s3cret"), "neither the address nor its query is in the log");
    let shown = hook(&daemon, "billing").await.to_string();
    assert!(shown.contains("127.0.0.1") && !shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn a_secret_that_others_may_read_stops_its_webhook_alone_until_it_is_mended() {
    let receiver = Receiver::start().await;
    let other = section("other", &receiver.url(), "other", "").replace("hook.secret", "open.secret");
    let daemon = host(&billing(&receiver, "")).await;
    let path = daemon.folder().join("open.secret");
    write_secret(&path, SECRET);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is ours");
    settle(&daemon, &(billing(&receiver, "") + &other));
    let refused = until_hook(&daemon, "other", "state", json!("refused")).await;
    let reason = refused["reason"].as_str().expect("why");
    assert!(reason.contains("spacehost.toml: line 11") && reason.contains("chmod 600"), "{reason}");
    let tested = daemon.command(&["webhooks", "test", "other"]).await;
    assert!(tested.status.code() == Some(1) && said(&tested).contains("chmod 600"), "{}", said(&tested));
    publish(&daemon, "other", &json!("kept")).await;
    publish(&daemon, "orders.paid", &json!("good")).await;
    assert_eq!(receiver.got(1).await[0].data(), "good");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    assert_eq!(receiver.got(2).await[1].data(), "kept");
}

#[tokio::test]
async fn while_secrets_change_over_both_of_them_sign() {
    let receiver = Receiver::start().await;
    let new = "whsec_c29tZSBvdGhlciBzZWNyZXQgdGhhdCBpcyBsb25n";
    let daemon = host(&billing(&receiver, "")).await;
    write_secret(&daemon.folder().join("hook.secret"), &format!("{new}\n{SECRET}\n"));
    let tested = daemon.command(&["webhooks", "test", "billing"]).await;
    assert!(tested.status.success() && said(&tested).contains("billing: answered 204"), "{}", said(&tested));
    let posted = &receiver.got(1).await[0];
    assert!(posted.is_signed_with(SECRET) && posted.is_signed_with(new), "{posted:?}");
    assert_eq!(
        (posted.json()["type"].as_str(), &posted.data()["webhook"]),
        (Some("spacehost.webhook.test"), &json!("billing"))
    );
}

#[tokio::test]
async fn what_is_known_of_a_webhook_is_forgotten_when_it_is_out_of_the_settings() {
    let receiver = Receiver::start().await;
    let daemon = host(&billing(&receiver, "attempts = 1")).await;
    receiver.answer_once(500, "");
    publish(&daemon, "orders.paid", &json!(0)).await;
    until_hook(&daemon, "billing", "dead_letters", json!(1)).await;
    let refused = daemon.command(&["webhooks", "forget", "billing"]).await;
    assert!(said(&refused).contains("it is not forgotten as long as it is there"), "{}", said(&refused));
    settle(&daemon, "");
    until_hook(&daemon, "billing", "state", json!("removed")).await;
    let listed = said(&daemon.command(&["webhooks"]).await);
    assert!(listed.contains("billing") && listed.contains("removed"), "{listed}");
    let forgotten = daemon.command(&["webhooks", "forget", "billing"]).await;
    assert!(forgotten.status.success(), "{}", said(&forgotten));
    let daemon = daemon.killed().await;
    daemon.ready().await;
    assert_eq!(get(&daemon, "/v1/webhooks").await, (200, json!({ "webhooks": [] })));
    assert!(said(&daemon.command(&["webhooks"]).await).contains("there are no webhooks"));
    publish(&daemon, "orders.paid", &json!(1)).await;
    settle(&daemon, &billing(&receiver, ""));
    until_hook(&daemon, "billing", "state", json!("idle")).await;
    publish(&daemon, "orders.paid", &json!(2)).await;
    assert_eq!(receiver.got(2).await[1].data(), 2, "it begins anew");
}
