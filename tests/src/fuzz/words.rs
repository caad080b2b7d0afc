//! Texts: topics and patterns, settings, descriptors. They are parsed or refused, and what was parsed obeys its own rules.

use spacehost::words::grants::Grants;
use spacehost::words::interface::broken;
use spacehost::words::{Descriptor, HostSettings, Pattern, SpaceName, Topic};

/// Two patterns and a topic, a line each.
pub fn topics(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let one = lines.next().and_then(|line| Pattern::parse(line).ok());
    let two = lines.next().and_then(|line| Pattern::parse(line).ok());
    let topic = lines.next().and_then(|line| Topic::parse(line).ok());
    let (Some(one), Some(two), Some(topic)) = (one, two, topic) else { return };
    let both = one.matches(topic.as_str()) && two.matches(topic.as_str());
    assert!(one.covers(&one) && one.overlaps(&one), "{one}");
    assert!(!both || one.overlaps(&two), "{one} and {two} both mean {topic}");
    assert_eq!(one.overlaps(&two), two.overlaps(&one), "{one} {two}");
    assert!(!(one.covers(&two) && two.matches(topic.as_str())) || one.matches(topic.as_str()), "{one} {two} {topic}");
    assert!(!one.covers(&two) || one.overlaps(&two), "{one} {two}");
}

pub fn topic_seeds() -> Vec<Vec<u8>> {
    ["a.b\na.*\na.b", ">\n*.b.>\na.b.c", "orders.*.paid\norders.>\norders.1.paid"].map(|text| text.into()).into()
}

/// As `spacehost.toml`, and as the file beside a component.
pub fn settings(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let name = SpaceName::parse("a").expect("a legal name");
    let within =
        |line: usize| assert!((1..=text.lines().count().max(1) + 1).contains(&line), "line {line} of {text:?}");
    let host = match HostSettings::parse(&text) {
        Ok(host) => host,
        Err(error) => {
            within(error.line);
            HostSettings::default()
        }
    };
    let operators = host.space(&name);
    match host.space_with(&name, &text) {
        Err(error) => within(error.line),
        Ok(settings) => {
            assert_eq!(settings.grants, operators.grants, "a file beside a component grants nothing");
            for row in spacehost::words::limits::TABLE {
                let (lowered, allowed) = (settings.limits.get(row.name), operators.limits.get(row.name));
                assert!(lowered <= allowed, "`{}` is raised", row.name);
            }
        }
    }
}

pub fn settings_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "listen = \"127.0.0.1:7070\"\nexecutors = 2\n[journal]\nretention_age_s = 5\n",
        "[spaces.a.limits]\nattempts = 3\n[spaces.a.reload]\nreplay = \"reject\"\n",
        "[spaces.a.grants]\ncommands = [\"b/*\"]\npublish = [\"x.>\"]\n[spaces.a.config]\nx = [1, { y = 2.5 }]\n",
        "[limits]\nmemory_bytes = 0x10000\n[config]\nwhen = 2026-01-01\n",
    ];
    texts.map(|text| text.into()).into()
}

/// What a guest answers to `describe`.
pub fn descriptor(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(descriptor) = Descriptor::parse(&text) else { return };
    assert_eq!(broken(&descriptor, &descriptor), Vec::<String>::new(), "it breaks nothing of itself: {text}");
    let name = SpaceName::parse("a").expect("a legal name");
    if let Some(missing) = Grants::default().missing(&name, &descriptor) {
        let granted = HostSettings::parse(&missing.lines()).expect("the lines to add can be added").space(&name);
        assert_eq!(granted.grants.missing(&name, &descriptor), None, "and are enough: {}", missing.lines());
    }
}

pub fn descriptor_seeds() -> Vec<Vec<u8>> {
    let texts = [
        r##"{"descriptor":1,"version":"1"}"##,
        r##"{"descriptor":1,"version":"2","commands":[{"name":"run","input":{"type":"object","required":["a"],
            "properties":{"a":{"type":["integer","null"],"minimum":0}},"additionalProperties":false},"output":{"$ref":"#/$defs/x",
            "$defs":{"x":{"oneOf":[{"const":1},{"type":"string","pattern":"^a"}]}}}}],"partitions":3}"##,
        r##"{"descriptor":1,"version":"1","events":[{"topic":"a.*.x","private":true,"schema":true}],
            "subscriptions":[{"pattern":"*.closed","schema":{"allOf":[{"enum":["a"]},{}]}}],"timers":[{"name":"t"}],
            "wants":{"commands":["b/*","c/d"],"publish":["x.>"]}}"##,
    ];
    texts.map(|text| text.into()).into()
}
