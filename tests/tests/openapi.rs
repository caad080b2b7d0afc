//! The OpenAPI document follows the spaces: what serves is in it, and what does not is not. That it is valid, and that answers are
//! what it says, is for others to judge: `tests/standards`.

use reqwest::Method;
use serde_json::{Value, json};
use spacehost_tests::{Daemon, guest, json_of, raw, until};
use std::fs;

const TRANSFER: &str = "/paths/~1v1~1spaces~1bank~1commands~1transfer/post";

async fn document(daemon: &Daemon) -> Value {
    let answer = daemon.request(Method::GET, "/openapi.json").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    json_of(answer).await
}

/// What the document says of the other bank's name in a transfer.
fn note(document: &Value) -> Option<&Value> {
    document.pointer("/components/schemas/bank.transfer.input/properties/bank/description")
}

#[tokio::test]
async fn a_space_that_comes_brings_its_commands_and_takes_them_with_it_when_it_goes() {
    let daemon = Daemon::start().await;
    assert_eq!(document(&daemon).await.pointer(TRANSFER), None);
    daemon.install("bank", "bank").await;
    let there = document(&daemon).await;
    let transfer = there.pointer(TRANSFER).expect("the command is there");
    let schema = &transfer["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(schema["$ref"], "#/components/schemas/bank.transfer.input");
    let by = &there["components"]["schemas"]["bank.transfer.input"]["properties"]["by"]["$ref"];
    assert_eq!(by, "#/components/schemas/bank.transfer.input.By");
    assert!(there["components"]["schemas"]["bank.transfer.input.By"].is_object());
    fs::remove_file(daemon.file("bank.wasm")).unwrap();
    until("its commands are gone", async || document(&daemon).await.pointer(TRANSFER).is_none().then_some(())).await;
    assert!(document(&daemon).await["components"]["schemas"].get("bank.transfer.input").is_none());
}

#[tokio::test]
async fn a_space_that_is_stopped_is_not_in_it_until_it_serves_again() {
    let daemon = Daemon::start().await;
    daemon.install("bank", "bank").await;
    daemon.order("bank", "stop").await;
    assert_eq!(document(&daemon).await.pointer(TRANSFER), None);
    daemon.order("bank", "start").await;
    assert!(document(&daemon).await.pointer(TRANSFER).is_some());
}

#[tokio::test]
async fn a_reload_changes_a_schema() {
    let daemon = Daemon::start().await;
    daemon.install("bank", "bank").await;
    assert_eq!(note(&document(&daemon).await), Some(&json!("The other bank, and the account there.")));
    let other = raw::renamed(guest("bank"), "The other bank, and", "Any other bank, and");
    fs::write(daemon.file("bank.wasm"), other).unwrap();
    let changed = async || (note(&document(&daemon).await)? == "Any other bank, and the account there.").then_some(());
    until("the schema is the new one", changed).await;
}

#[tokio::test]
async fn the_document_needs_the_token_and_the_pages_of_problems_do_not() {
    let daemon = Daemon::start().await;
    let open = async |path: &str| daemon.anonymous(Method::GET, path).send().await.unwrap();
    let refused = json_of(open("/openapi.json").await).await;
    let name = refused["type"].as_str().unwrap().strip_prefix("urn:spacehost:").unwrap();
    let page = open(&format!("/problems/{name}")).await;
    assert_eq!((name, page.status().as_u16()), ("unauthorized", 200));
    assert!(page.text().await.unwrap().contains("urn:spacehost:unauthorized"));
    assert_eq!(open("/problems/none").await.status().as_u16(), 401);
    let none = daemon.request(Method::GET, "/problems/none").send().await.unwrap();
    assert_eq!(none.status().as_u16(), 404);
}
