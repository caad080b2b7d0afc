//! The descriptor of a space that uses every feature, against the published schema.

use std::collections::BTreeMap;

use jsonschema::Validator;
use spacehost_sdk::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Charge {
    order: u64,
    /// In cents.
    amount: Amount,
    #[serde(default)]
    notes: BTreeMap<String, String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "currency")]
enum Amount {
    Eur { cents: u64 },
    Usd { cents: u64 },
}

#[derive(Serialize, JsonSchema)]
struct Receipt {
    balance: Option<i64>,
}

/// Money came in.
#[derive(Event, Serialize, JsonSchema)]
#[event(topic = "payments.{order}.charged", private)]
struct Charged {
    order: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    _limit: Option<u32>,
}

#[derive(Cells)]
struct Payments {
    _balance: Item<i64>,
    _settings: Config<Settings>,
}

/// Takes payments.
///
/// Only in cents.
#[space(
    version = "1.4.0-rc.1",
    partitions = 4,
    publishes(Charged, "payments.audit.*"),
    wants(commands("orders/mark-paid", "bank/*"), publish("audit.>"))
)]
impl Payments {
    /// Takes money.
    #[command]
    fn charge(&self, input: Charge) -> Result<Receipt> {
        let (Amount::Eur { cents } | Amount::Usd { cents }) = input.amount;
        let balance = i64::try_from(cents + input.order + input.notes.len() as u64).ok();
        Ok(Receipt { balance })
    }

    #[command]
    fn raw(&self, input: Bytes) -> Bytes {
        input
    }

    /// An order was paid.
    #[event("orders.*.paid")]
    #[event("legacy.>")]
    fn paid(&self, order: u64) -> Result<()> {
        (order > 0).then_some(()).or_fail("no-order", "zero")
    }

    #[timer]
    fn sweep(&self) {}

    #[start]
    fn start(&self) {}

    #[migrate]
    fn migrate(&self) {}
}

fn descriptor() -> Value {
    MockHost::new().describe::<Payments>()
}

fn schema() -> Validator {
    let schema = serde_json::from_str(include_str!("../../wit/descriptor.schema.json"));
    jsonschema::validator_for(&schema.expect("the schema is JSON")).expect("the schema is a schema")
}

use spacehost_sdk::serde_json;

#[test]
fn the_descriptor_of_a_space_with_every_feature_is_valid() {
    let (schema, descriptor) = (schema(), descriptor());
    let errors: Vec<_> = schema.iter_errors(&descriptor).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{descriptor:#}");
}

#[test]
fn it_says_what_the_author_wrote() {
    let descriptor = descriptor();
    assert_eq!(descriptor["version"], "1.4.0-rc.1");
    assert_eq!(descriptor["doc"], "Takes payments.\n\nOnly in cents.");
    assert_eq!(descriptor["partitions"], 4);
    assert_eq!(descriptor["commands"][0]["name"], "charge");
    assert_eq!(descriptor["commands"][0]["doc"], "Takes money.");
    assert_eq!(descriptor["commands"][0]["input"]["required"], json!(["order", "amount"]));
    assert_eq!(descriptor["commands"][0]["output"]["title"], "Receipt");
    assert_eq!(descriptor["commands"][1], json!({ "name": "raw" }));
    assert_eq!(descriptor["events"][0]["topic"], "payments.*.charged");
    assert_eq!(descriptor["events"][0]["private"], true);
    assert_eq!(descriptor["events"][0]["doc"], "Money came in.");
    assert_eq!(descriptor["events"][1], json!({ "topic": "payments.audit.*" }));
    assert_eq!(descriptor["subscriptions"][0]["pattern"], "orders.*.paid");
    assert_eq!(descriptor["subscriptions"][1]["pattern"], "legacy.>");
    assert_eq!(descriptor["timers"], json!([{ "name": "sweep" }]));
    assert_eq!(descriptor["config"]["title"], "Settings");
    assert_eq!(descriptor["wants"]["commands"], json!(["orders/mark-paid", "bank/*"]));
    assert_eq!(descriptor["wants"]["publish"], json!(["audit.>"]));
}

#[test]
fn it_is_the_same_text_each_time_with_its_fields_in_order() {
    assert_eq!(descriptor().to_string(), descriptor().to_string());
    let fields: Vec<_> = descriptor().as_object().unwrap().keys().cloned().collect();
    assert!(fields.is_sorted(), "{fields:?}");
}

#[test]
fn without_a_version_it_has_that_of_the_crate() {
    #[derive(Cells)]
    struct Echo;
    #[space]
    impl Echo {
        #[command]
        fn echo(&self, input: Value) -> Value {
            input
        }
    }
    let descriptor = MockHost::new().describe::<Echo>();
    assert_eq!(descriptor["version"], env!("CARGO_PKG_VERSION"));
    assert!(schema().is_valid(&descriptor));
}

#[test]
fn the_schema_refuses_a_broken_descriptor() {
    let breaks: [(&str, Value); 7] = [
        ("/version", json!("")),
        ("/descriptor", json!(2)),
        ("/partitions", json!(0)),
        ("/commands/0/name", json!("mark paid")),
        ("/events/0/topic", json!("a..b")),
        ("/subscriptions/0/pattern", json!(">.a")),
        ("/wants/commands/0", json!("orders")),
    ];
    for (place, value) in breaks {
        let mut broken = descriptor();
        *broken.pointer_mut(place).expect(place) = value;
        assert!(!schema().is_valid(&broken), "{place}");
    }
}
