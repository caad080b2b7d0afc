//! What happens to a message on its way to a handler and back.

use spacehost_sdk::prelude::*;

#[derive(Deserialize, Serialize, JsonSchema)]
struct Charge {
    order: u64,
    cents: u64,
}

#[derive(Deserialize, JsonSchema)]
struct OrderPaid {
    order: u64,
}

#[derive(Event, Serialize, JsonSchema)]
#[event(topic = "payments.{order}.charged")]
struct Charged {
    order: u64,
    cents: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    limit: u64,
}

#[derive(Cells)]
struct Payments {
    balance: Item<u64>,
    seen: Map<String, u32>,
    settings: Config<Settings>,
}

#[space(version = "2.0.0", publishes(Charged), wants(commands("orders/mark-paid", "bank/transfer")))]
impl Payments {
    #[command]
    fn charge(&self, ctx: &Context, input: Charge) -> Result<u64> {
        let balance = self.balance.update(|balance| {
            *balance += input.cents;
            *balance
        })?;
        ctx.with_key(input.order).emit(&Charged { order: input.order, cents: input.cents })?;
        ctx.send("orders/mark-paid", &input)?;
        let limit = self.settings.get()?.limit;
        if balance > limit {
            return Err(Failure::new("over-limit", format!("the limit is {limit}")));
        }
        Ok(balance)
    }

    #[command]
    fn bank_transfer(&self, ctx: &Context, cents: u64) -> Result<String> {
        let bank = ctx.with_timeout(Duration::from_secs(2)).with_header("currency", "EUR");
        bank.request("bank/transfer", &cents)
    }

    #[command(name = "ECHO")]
    fn echo(&self, input: Bytes) -> Bytes {
        input
    }

    #[command]
    fn balance(&self) -> Result<u64> {
        self.balance.get_or_default()
    }

    #[event("orders.*.paid")]
    #[event("orders.*.settled")]
    fn paid(&self, ctx: &Context, event: OrderPaid) -> Result<()> {
        ctx.timers().set(&format!("remind/{}", event.order), Duration::from_secs(60), &event.order)
    }

    #[event("orders.>")]
    fn count(&self, ctx: &Context) -> Result<()> {
        self.seen.update(ctx.topic(), |count| *count += 1)
    }

    #[timer]
    fn remind(&self, ctx: &Context, order: u64) -> Result<()> {
        info!("remind of {order} by {:?} at {}", ctx.timer_key(), ctx.now());
        self.balance.get()?.map(drop).or_fail("no-balance", "nothing was charged")
    }

    #[start]
    fn start(&self) -> Result<()> {
        self.balance.set(&0)
    }

    #[migrate]
    fn migrate(&self, ctx: &Context, from: Option<&str>) -> Result<()> {
        match from {
            None => ctx.timers().every("remind/all", Duration::from_secs(10), &0),
            Some("1.0.0") => self.balance.set(&1),
            Some(other) => Err(Failure::new("unknown-version", other)),
        }
    }
}

fn host() -> MockHost {
    let host = MockHost::new();
    host.set_config(json!({ "limit": 1000 }));
    host
}

fn charge(host: &MockHost, cents: u64) -> Result<Value> {
    host.command::<Payments>("charge", json!({ "order": 7, "cents": cents }))
}

#[test]
fn a_command_answers_and_its_effects_are_kept() {
    let host = host();
    assert_eq!(charge(&host, 300), Ok(json!(300)));
    assert_eq!(charge(&host, 300), Ok(json!(600)));
    assert_eq!(host.state()["balance"], json!(600));
    let published = &host.published()[0];
    assert_eq!((published.to.as_str(), published.key.as_deref()), ("payments.7.charged", Some("7")));
    assert_eq!(published.json(), json!({ "order": 7, "cents": 300 }));
    assert_eq!(host.sent()[1].to, "orders/mark-paid");
    assert_eq!(host.sent()[1].key, None);
}

#[test]
fn a_failure_discards_everything_the_turn_did() {
    let host = host();
    let failure = charge(&host, 2000).unwrap_err();
    assert_eq!(failure, Failure::new("over-limit", "the limit is 1000"));
    assert!(host.state().is_empty() && host.published().is_empty() && host.sent().is_empty());
}

#[test]
fn a_handler_can_be_called_directly() {
    let host = host();
    let space: Payments = host.space();
    assert_eq!(space.charge(&host.context(), Charge { order: 1, cents: 5 }), Ok(5));
    let discarded = host.turn(|ctx| {
        space.charge(ctx, Charge { order: 1, cents: 5 })?;
        Err::<(), _>(Failure::retry("later", "not now"))
    });
    assert!(discarded.unwrap_err().retryable);
    assert_eq!(space.balance(), Ok(5));
}

#[test]
fn a_bad_input_names_the_field() {
    let failure = host().command::<Payments>("charge", json!({ "order": 7, "cents": "x" })).unwrap_err();
    assert_eq!(failure.code, "bad-input");
    assert!(failure.message.starts_with("at `cents`: invalid type: string \"x\""), "{failure}");
    assert!(!failure.retryable);
}

#[test]
fn what_nobody_handles_is_refused_by_name() {
    let host = host();
    let code = |result: Result<()>| result.unwrap_err().code;
    assert_eq!(code(host.command::<Payments>("chrage", ()).map(drop)), "unknown-command");
    assert_eq!(code(host.event::<Payments>("users.new", ())), "unknown-topic");
    assert_eq!(code(host.timer::<Payments>("sweep", ())), "unknown-timer");
}

#[test]
fn bytes_pass_as_they_are() {
    assert_eq!(host().command_raw::<Payments>("ECHO", &[0, 159, 255]), Ok(vec![0, 159, 255]));
}

#[test]
fn a_request_gets_the_reply_or_the_failure_of_the_other_space() {
    let host = host();
    host.replies_to("bank/transfer", "done");
    assert_eq!(host.command::<Payments>("bank-transfer", 5), Ok(json!("done")));
    assert_eq!(host.requested()[0].headers, [("currency".to_owned(), "EUR".to_owned())]);
    host.replies_to("bank/transfer", 5);
    assert_eq!(host.command::<Payments>("bank-transfer", 5).unwrap_err().code, "bad-reply");
    let busy = Failure::retry("overloaded", "its backlog is full");
    host.fails_at("bank/transfer", busy.clone());
    assert_eq!(host.command::<Payments>("bank-transfer", 5), Err(busy));
}

#[test]
fn every_handler_whose_pattern_matches_an_event_runs() {
    let host = host();
    assert_eq!(host.event::<Payments>("orders.7.settled", json!({ "order": 7 })), Ok(()));
    assert_eq!(host.state()["seen/orders.7.settled"], json!(1));
    assert_eq!(host.timers()[0].name, "remind/7");
    assert_eq!(host.event::<Payments>("orders.7.shipped", json!({})), Ok(()));
    assert_eq!(host.timers().len(), 1);
}

#[test]
fn a_key_that_must_be_there_is_asked_for_by_what_it_names() {
    let host = host();
    host.set_key(Some("7"));
    assert_eq!(host.context().required_key("order"), Ok("7".to_owned()));
    host.set_key(None);
    let failure = host.context().required_key("order").unwrap_err();
    let why = "the key of the message says which order: send the header Spacehost-Key";
    assert_eq!(failure, Failure::new("no-key", why));
}

#[test]
fn timers_fire_when_they_are_due_and_their_family_handles_them() {
    let host = host();
    host.set_state("balance", 1);
    host.event::<Payments>("orders.7.paid", json!({ "order": 7 })).unwrap();
    host.advance(Duration::from_secs(59));
    assert_eq!(host.fire_timers::<Payments>(), Ok(0));
    host.advance(Duration::from_secs(1));
    assert_eq!(host.fire_timers::<Payments>(), Ok(1));
    assert!(host.timers().is_empty());
    assert!(host.logs()[0].1.starts_with("remind of 7 by Some(\"7\")"));
}

#[test]
fn a_timer_that_fails_stays_set() {
    let host = host();
    host.event::<Payments>("orders.7.paid", json!({ "order": 7 })).unwrap();
    host.advance(Duration::from_secs(60));
    assert_eq!(host.fire_timers::<Payments>().unwrap_err().code, "no-balance");
    assert_eq!(host.timers().len(), 1);
}

#[test]
fn missed_firings_of_an_interval_collapse_into_one() {
    let host = host();
    host.set_state("balance", 1);
    host.migrate::<Payments>(None).unwrap();
    let first = host.timers()[0].due;
    host.advance(Duration::from_secs(35));
    assert_eq!(host.fire_timers::<Payments>(), Ok(1));
    assert_eq!(host.timers()[0].due, first + 30_000);
}

#[test]
fn start_may_not_write_and_migrate_may() {
    let host = host();
    assert_eq!(host.start::<Payments>().unwrap_err().code, "not-in-turn");
    assert_eq!(host.migrate::<Payments>(Some("1.0.0")), Ok(()));
    assert_eq!(host.state()["balance"], json!(1));
    assert_eq!(host.migrate::<Payments>(Some("0.1.0")).unwrap_err().code, "unknown-version");
}

#[test]
fn settings_that_do_not_fit_are_named() {
    let host = host();
    host.set_config(json!({ "limit": -1 }));
    let failure = charge(&host, 1).unwrap_err();
    assert_eq!(failure.code, "bad-config");
    assert!(failure.message.contains("`limit`"), "{failure}");
}
