//! Events that a receiver does not take: retried, set aside, posted again by the operator, dropped.

use super::*;

async fn letters(daemon: &Daemon) -> Vec<Value> {
    let (status, letters) = get(daemon, "/v1/webhooks/billing/dead-letters").await;
    assert_eq!(status, 200, "{letters}");
    letters["dead_letters"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_failure_is_retried_under_the_same_id_and_the_next_event_waits() {
    let receiver = Receiver::start().await;
    let daemon = host(&billing(&receiver, "")).await;
    receiver.answer_once(500, "");
    receiver.answer_once(302, "");
    publish_all(&daemon, 0..2).await;
    let posted = receiver.got(4).await;
    let data: Vec<_> = posted.iter().map(Posted::data).collect();
    assert_eq!(data, [json!(0), json!(0), json!(0), json!(1)]);
    assert_eq!((posted[0].id(), posted[1].id()), (posted[2].id(), posted[2].id()));
    assert!(posted.iter().all(|one| one.is_signed_with(SECRET)), "each attempt has a signature of its time");
    let hook = until_hook(&daemon, "billing", "delivered", json!(2)).await;
    assert_eq!((&hook["failed_attempts"], &hook["dead_letters"]), (&json!(2), &json!(0)));
    let why = hook["last_failure"]["why"].as_str().expect("why");
    assert!(why.starts_with("answered 302: redirects are not followed"), "{why}");
}

#[tokio::test]
async fn after_the_last_attempt_an_event_is_set_aside_survives_a_kill_and_is_posted_again() {
    let receiver = Receiver::start().await;
    let daemon = host(&billing(&receiver, "attempts = 3")).await;
    receiver.answer(500);
    publish_all(&daemon, 0..2).await;
    until_hook(&daemon, "billing", "dead_letters", json!(2)).await;
    receiver.answer(204);
    publish(&daemon, "orders.paid", &json!(2)).await;
    assert_eq!(receiver.got(7).await[6].data(), 2, "the next event goes on");
    let daemon = daemon.killed().await;
    daemon.ready().await;
    let kept = letters(&daemon).await;
    assert_eq!(kept.len(), 2);
    assert_eq!((&kept[0]["attempts"], &kept[0]["failure"]), (&json!(3), &json!("answered 500")));
    let id = kept[0]["id"].as_str().expect("an id");
    let (_, whole) = get(&daemon, &format!("/v1/webhooks/billing/dead-letters/{id}")).await;
    assert_eq!((&whole["event"]["data"], &whole["webhook_id"]), (&json!(0), &json!(receiver.posted()[0].id())));
    let listed = said(&daemon.command(&["webhooks", "dead-letters", "billing"]).await);
    assert!(listed.contains(id) && listed.contains("orders.paid") && listed.contains("answered 500"), "{listed}");
    let before = receiver.posted().len();
    let retried = daemon.command(&["webhooks", "retry", "billing", id]).await;
    assert!(retried.status.success() && said(&retried).contains("is posted again"), "{}", said(&retried));
    let posted = receiver.got(before + 1).await;
    assert_eq!((posted[before].data(), posted[before].id()), (json!(0), posted[0].id()), "under its id");
    until_hook(&daemon, "billing", "dead_letters", json!(1)).await;
    assert!(
        said(&daemon.command(&["webhooks", "retry", "billing", "--all"]).await)
            .contains("1 dead letters are posted again")
    );
    until_hook(&daemon, "billing", "dead_letters", json!(0)).await;
    let daemon = daemon.killed().await;
    daemon.ready().await;
    assert_eq!(letters(&daemon).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_dead_letter_that_fails_again_stays_and_one_that_is_dropped_is_gone() {
    let receiver = Receiver::start().await;
    let daemon = host(&billing(&receiver, "attempts = 1")).await;
    receiver.answer(500);
    publish_all(&daemon, 0..2).await;
    until_hook(&daemon, "billing", "dead_letters", json!(2)).await;
    let order = async |method: Method, path: &str| {
        let path = format!("/v1/webhooks/billing/dead-letters{path}");
        let answer = daemon.request(method, &path).send().await.expect("an answer");
        (answer.status().as_u16(), json_of(answer).await)
    };
    assert_eq!(order(Method::POST, "/retry").await, (202, json!({ "dead_letters": 2 })));
    let tried = async || {
        let letters = letters(&daemon).await;
        let tried = |letter: &Value| letter["attempts"] == 2 && letter["retried"] == false;
        (letters.len() == 2 && letters.iter().all(tried)).then_some(letters)
    };
    let kept = until("both were tried once more", tried).await;
    let id = kept[0]["id"].as_str().expect("an id");
    assert_eq!(order(Method::DELETE, &format!("/{id}")).await, (200, json!({ "dead_letters": 1 })));
    assert_eq!(order(Method::DELETE, &format!("/{id}")).await.0, 404);
    assert_eq!(order(Method::POST, "/7-7/retry").await.1["type"], "urn:spacehost:unknown-message");
    assert_eq!(order(Method::GET, "/x").await.0, 404);
    assert!(
        said(&daemon.command(&["webhooks", "drop", "billing", "--all"]).await).contains("1 dead letters are dropped")
    );
    assert_eq!(letters(&daemon).await, Vec::<Value>::new());
    assert_eq!(get(&daemon, "/v1/webhooks/none/dead-letters").await.1["type"], "urn:spacehost:unknown-webhook");
    let log = daemon.log();
    let audited =
        |line: &&str| line.contains("audit") && line.contains("webhook-dead-letter") && line.contains("billing");
    assert!(log.lines().any(|line| audited(&line)), "{log}");
}

#[tokio::test]
async fn a_webhook_whose_dead_letters_are_full_stops_and_goes_on_when_they_are_delivered() {
    let receiver = Receiver::start().await;
    let daemon = host(&billing(&receiver, "attempts = 1")).await;
    daemon.install("a", "probe").await;
    receiver.answer(500);
    // Of a million bytes each: 68 are more than a webhook may set aside, and one more waits for room.
    for _ in 0..7 {
        let steps = json!([{ "publish": { "to": "orders.large", "bytes": 1_000_000, "times": 10 } }]);
        assert_eq!(daemon.run("a", &steps).await.0, 200);
    }
    let blocked = until_hook(&daemon, "billing", "state", json!("blocked")).await;
    assert_eq!(blocked["dead_letters"], 68, "{blocked}");
    assert!(blocked["reason"].as_str().expect("why").contains("have them posted again, or drop them"), "{blocked}");
    receiver.answer(204);
    assert!(daemon.command(&["webhooks", "retry", "billing", "--all"]).await.status.success());
    // The one that waited had had its last attempt.
    let settled = until_hook(&daemon, "billing", "dead_letters", json!(1)).await;
    assert_eq!(until_hook(&daemon, "billing", "delivered", json!(69)).await["gaps"], 0, "{settled}");
}

#[tokio::test]
async fn a_backup_has_where_a_webhook_was_and_its_dead_letters() {
    let receiver = Receiver::start().await;
    let daemon = host(&billing(&receiver, "attempts = 1")).await;
    receiver.answer_once(500, "");
    publish_all(&daemon, 0..2).await;
    until_hook(&daemon, "billing", "delivered", json!(1)).await;
    assert!(daemon.command(&["backup", "now.backup"]).await.status.success());
    daemon.kill();
    fs::remove_dir_all(daemon.folder().join("data")).expect("a data folder");
    let restored = daemon.command(&["restore", "now.backup", "--data", "data"]).await;
    assert!(restored.status.success(), "{}", said(&restored));
    let daemon = daemon.again(&[]).await;
    daemon.ready().await;
    let kept = letters(&daemon).await;
    assert_eq!((kept.len(), kept[0]["webhook_id"].as_str()), (1, Some(receiver.posted()[0].id())));
    // What the lost host may have published after the backup, nobody can know.
    until_hook(&daemon, "billing", "gaps", json!(1)).await;
    publish(&daemon, "orders.paid", &json!("after")).await;
    assert_eq!(receiver.got(3).await[2].data(), "after", "and nothing comes twice");
}
