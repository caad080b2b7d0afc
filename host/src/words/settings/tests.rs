//! Golden tests: the exact words of every refusal, and what a good file comes to.

use super::*;
use serde_json::json;

fn name(text: &str) -> SpaceName {
    SpaceName::parse(text).unwrap()
}

fn host_error(text: &str) -> String {
    HostSettings::parse(text).unwrap_err().to_string()
}

fn space_error(text: &str) -> String {
    HostSettings::default().space_with(&name("echo"), text).unwrap_err().to_string()
}

#[test]
fn a_whole_host_file_is_read() {
    let text = r#"
        listen = "0.0.0.0:8080"
        data = "/var/lib/spacehost"
        executors = 4
        memory_bytes = 4_294_967_296
        idempotency_keys = 500_000
        swap_wait_ms = 250
        hosts = ["Spaces.example:7070", "[::1]:9000"]
        origins = ["https://ops.example:443"]

        [journal]
        segment_bytes = 1_048_576
        retention_age_s = 3600

        [telemetry.traces]
        endpoint = "http://127.0.0.1:4318"
        sample = 0.01
        service_name = "shop"
        headers_file = "secret/otlp"

        [spaces.orders.limits]
        memory_bytes = 0x1000_0000
        attempts = 2

        [spaces.orders.config]
        currency = "EUR"
        rates = [1, 2.5, { at = 1979-05-27 }]
    "#;
    let host = HostSettings::parse(text).unwrap();
    assert_eq!(host.listen, Some("0.0.0.0:8080".parse().unwrap()));
    assert_eq!(host.data, Some("/var/lib/spacehost".into()));
    assert_eq!((host.executors, host.swap_wait), (Some(4), Some(Duration::from_millis(250))));
    assert_eq!(host.names.hosts, ["spaces.example:7070", "[::1]:9000"]);
    assert_eq!(host.names.origins, ["https://ops.example"]);
    assert_eq!((host.memory_bytes, host.idempotency_keys), (Some(1 << 32), Some(500_000)));
    let journal = JournalSettings {
        segment_bytes: Some(1 << 20),
        retention_bytes: None,
        retention_age: Some(Duration::from_secs(3600)),
    };
    assert_eq!(host.journal, journal);
    let traces = TracesSettings {
        endpoint: Some("http://127.0.0.1:4318".into()),
        sample: Some(0.01),
        service_name: Some("shop".into()),
        headers_file: Some("secret/otlp".into()),
    };
    assert_eq!(host.traces, traces);
    let orders = host.space(&name("orders"));
    assert_eq!((orders.limits.memory_bytes, orders.limits.attempts), (0x1000_0000, 2));
    assert_eq!(Value::Object(orders.config), json!({"currency": "EUR", "rates": [1, 2.5, {"at": "1979-05-27"}]}));
    assert_eq!(host.space(&name("carts")), SpaceSettings::default());
}

#[test]
fn an_empty_file_leaves_the_defaults() {
    assert_eq!(HostSettings::parse(""), Ok(HostSettings::default()));
    let settings = HostSettings::default().space_with(&name("echo"), "# nothing\n");
    assert_eq!(settings, Ok(SpaceSettings::default()));
}

#[test]
fn the_file_beside_lowers_limits_and_the_operators_config_wins() {
    let host = HostSettings::parse(
        "[spaces.echo]\nlimits.memory_bytes = 100_000_000\nconfig = { tone = \"low\", place = \"hall\" }",
    );
    let text = "[limits]\nmemory_bytes = 90_000_000\n[config]\ntone = \"high\"\ncolour = \"red\"";
    let settings = host.unwrap().space_with(&name("echo"), text).unwrap();
    assert_eq!(settings.limits.memory_bytes, 90_000_000);
    assert_eq!(Value::Object(settings.config), json!({"tone": "low", "place": "hall", "colour": "red"}));
}

#[test]
fn a_raised_limit_is_refused_with_the_lines_to_write() {
    assert_eq!(
        space_error("[config]\nx = 1\n\n[limits]\nattempts = 3\nmemory_bytes = 200_000_000\n"),
        "line 6: `memory_bytes = 200000000` raises a limit that stands at 67108864 bytes: a file beside a component may \
         only lower limits. To raise it, put these lines into spacehost.toml:\n\n\
         [spaces.echo.limits]\nmemory_bytes = 200000000"
    );
    let lowered = HostSettings::parse("[spaces.echo.limits]\nattempts = 2").unwrap();
    let error = lowered.space_with(&name("echo"), "limits.attempts = 3").unwrap_err().to_string();
    assert!(error.starts_with("line 1: `attempts = 3` raises a limit that stands at 2 attempts:"), "{error}");
}

#[test]
fn unknown_fields_are_refused_with_the_nearest_name() {
    let golden = [
        (host_error("lisen = 1"), "line 1: `lisen` is no field of spacehost.toml; did you mean `listen`?"),
        (
            host_error("\ncolour = 1"),
            "line 2: `colour` is no field of spacehost.toml; there are `data`, `executors`, `hosts`, \
             `idempotency_keys`, `journal`, `listen`, `memory_bytes`, `origins`, `spaces`, `swap_wait_ms`, `telemetry`, \
             `webhooks`",
        ),
        (
            host_error("[spaces.a]\nlimit = 1"),
            "line 2: `limit` is no field of a space in spacehost.toml; did you mean `limits`?",
        ),
        (
            host_error("[spaces.a.limits]\nvelocity = 1\n"),
            "line 2: `velocity` is no limit; the limits and their units are in the table of limits in the README",
        ),
        (
            host_error("[journal]\nbytes = 1"),
            "line 2: `bytes` is no field of [journal]; there are `retention_age_s`, `retention_bytes`, `segment_bytes`",
        ),
        (space_error("[limits]\nmemry_bytes = 1"), "line 2: `memry_bytes` is no limit; did you mean `memory_bytes`?"),
        (space_error("[conf]\n"), "line 1: `conf` is no field of a space's own file; did you mean `config`?"),
    ];
    for (error, expected) in golden {
        assert_eq!(error, expected);
    }
}

#[test]
fn wrong_values_are_refused_in_the_same_words_every_time() {
    let golden = [
        (host_error("listen = 7070"), "line 1: `listen` must be an address such as \"127.0.0.1:7070\", not 7070"),
        (
            host_error("listen = \"localhost\""),
            "line 1: `listen` must be an address such as \"127.0.0.1:7070\", not \"localhost\"",
        ),
        (host_error("executors = 0"), "line 1: `executors = 0` is out of range: 1 to 1024 is allowed"),
        (
            host_error("[journal]\nsegment_bytes = 100"),
            "line 2: `segment_bytes = 100` is out of range: 8192 to 1073741824 is allowed",
        ),
        (
            host_error("hosts = \"spaces.example\""),
            "line 1: `hosts` must be a list of names such as [\"spaces.example:7070\"], not \"spaces.example\"",
        ),
        (
            host_error("hosts = [\n  \"a.example\",\n  \"*.example\",\n]"),
            "line 3: `hosts` must be a list of names such as [\"spaces.example:7070\"], not \"*.example\"",
        ),
        (
            host_error("origins = [\"ops.example\"]"),
            "line 1: `origins` must be a list of origins such as [\"https://ops.example\"], not \"ops.example\"",
        ),
        (host_error("executors = -3"), "line 1: `executors = -3` is out of range: 1 to 1024 is allowed"),
        (host_error("executors = true"), "line 1: `executors` must be a whole number, not true"),
        (host_error("spaces = []"), "line 1: `spaces` must be tables such as [spaces.orders], not a list"),
        (
            host_error("[spaces.Orders]"),
            "line 1: `Orders` is no space name: use 1 to 63 of a-z, 0-9 and -, such as `order-book`",
        ),
        (
            host_error("[spaces.a.grants]\nfiles = [\"/\"]"),
            "line 2: `files` is no grant; there are `commands`, `publish`, `subscribe`",
        ),
        (
            host_error("[spaces.a.grants]\ncommands = [\n\"b/c\",\n\"b\"]"),
            "line 4: `b` is no command to ask for: use `space/command`, or `space/*` for all, such as `payments/charge`",
        ),
        (
            host_error("[spaces.a.grants]\npublish = \"audit.>\""),
            "line 2: `publish` must be a list such as [\"audit.>\"], not \"audit.>\"",
        ),
        (
            host_error("[spaces.a.limits]\nattempts = 1_000_000"),
            "line 2: `attempts = 1000000` is out of range: 0 to 1000 is allowed",
        ),
        (
            space_error("grants = {}"),
            "line 1: `grants` can stand in spacehost.toml only: a file beside a component cannot grant itself anything",
        ),
        (space_error("[config]\nx = [1, nan]"), "line 2: `x` must be a number that JSON can write, not a list"),
        (space_error("\n\nlimits = 3"), "line 3: `limits` must be a table of limits, not 3"),
    ];
    for (error, expected) in golden {
        assert_eq!(error, expected);
    }
}

#[test]
fn text_that_is_no_toml_is_refused_with_the_line() {
    let error = host_error("listen = \"a\"\nlisten = ");
    assert!(error.starts_with("line 2: this is not TOML: "), "{error}");
    assert!(space_error(&"[".repeat(10_000)).starts_with("line 1: this is not TOML: "));
    assert!(space_error(&format!("config.x = {}", "[".repeat(10_000))).starts_with("line 1: this is not TOML: "));
}

#[test]
fn the_file_beside_tightens_a_policy_and_cannot_loosen_it() {
    let host = HostSettings::parse("[spaces.echo.reload]\ninterface = \"reject\"").unwrap();
    let settings = host.space_with(&name("echo"), "[reload]\nreplay = \"reject\"").unwrap();
    assert_eq!(settings.reload, ReloadSettings { interface: Policy::Reject, replay: Policy::Reject });
    assert_eq!(HostSettings::default().space(&name("echo")).reload, ReloadSettings::default());
    assert_eq!(
        host.space_with(&name("echo"), "[reload]\ninterface = \"warn\"").unwrap_err().to_string(),
        "line 2: `interface = \"warn\"` loosens what spacehost.toml wants: a file beside a component may only turn `warn` \
         into `reject`. To loosen it, put these lines into spacehost.toml:\n\n\
         [spaces.echo.reload]\ninterface = \"warn\""
    );
}

#[test]
fn the_file_beside_cannot_switch_the_replay_gate_off() {
    let host = HostSettings::parse("[spaces.echo.limits]\nreplay_messages = 100").unwrap();
    let beside = |text: &str| host.space_with(&name("echo"), text).map(|settings| settings.limits.replay_messages);
    assert_eq!(beside("[limits]\nreplay_messages = 100"), Ok(100));
    assert_eq!(
        beside("[limits]\nreplay_messages = 0").unwrap_err().to_string(),
        "line 2: `replay_messages = 0` has new versions tried on fewer messages than the 100 that spacehost.toml wants: a \
         file beside a component may not lower this limit. To lower it, put these lines into spacehost.toml:\n\n\
         [spaces.echo.limits]\nreplay_messages = 0"
    );
}

#[test]
fn a_policy_that_is_none_is_refused_with_those_there_are() {
    assert_eq!(space_error("[reload]\nreplay = true"), "line 2: `replay` must be \"warn\" or \"reject\", not true");
    assert_eq!(
        space_error("[reload]\nfoo = \"warn\""),
        "line 2: `foo` is no check of a new version; there are `interface`, `replay`"
    );
}

#[test]
fn what_is_wrong_about_traces_is_said_with_its_line() {
    let wrong = |text: &str| host_error(&format!("[telemetry.traces]\n{text}"));
    let share = "line 2: `sample` must be a share from 0 to 1, such as 0.01, not";
    for (given, shown) in [("1.5", "1.5"), ("-1", "-1"), ("nan", "nan"), ("\"1%\"", "\"1%\"")] {
        assert_eq!(wrong(&format!("sample = {given}")), format!("{share} {shown}"));
    }
    assert_eq!(wrong("sampel = 1"), "line 2: `sampel` is no field of [telemetry.traces]; did you mean `sample`?");
    let endpoint = "line 2: `endpoint` must be an address such as \"http://127.0.0.1:4318\", not 4318";
    assert_eq!(wrong("endpoint = 4318"), endpoint);
    assert_eq!(host_error("[telemetry.trace]"), "line 1: `trace` is no field of [telemetry]; did you mean `traces`?");
    let whole = HostSettings::parse("[telemetry.traces]\nsample = 1").unwrap();
    assert_eq!(whole.traces.sample, Some(1.0));
}
