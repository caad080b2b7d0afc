//! Grants: what a space asks for, what the operator allows, and what follows for its calls.
//!
//! Pure. A version may do what it asks for *and* is allowed; one that asks for more is not served, and `Missing` says which
//! lines would change that. Without any grant a space publishes under its own name, hears topics whose first token it
//! names, as far as their owner does not keep them private, and sends no commands. The host's own topics are nobody's.

use super::Failure;
use super::descriptor::Descriptor;
use super::failure::code;
use super::topic::{Address, NameError, Pattern, SpaceName, Topic, is_token};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The first token of what the host publishes itself.
const OF_THE_HOST: &str = "spacehost";

/// `space/command`, or `space/*` for all commands of a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Addresses {
    space: SpaceName,
    /// None: all.
    command: Option<String>,
}

/// What the operator allows one space beyond the default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Grants {
    /// Commands that it may send or request.
    pub commands: Vec<Addresses>,
    /// Topics outside its own name that it may publish.
    pub publish: Vec<Pattern>,
    /// Topics that it may hear although their first token is a wildcard or their owner keeps them private.
    pub subscribe: Vec<Pattern>,
    /// All messaging, asked for or not: for development.
    pub all: bool,
}

/// What a space asks for and is not granted.
#[derive(Debug, PartialEq)]
pub struct Missing {
    space: SpaceName,
    commands: Vec<Addresses>,
    publish: Vec<Pattern>,
    subscribe: Vec<Pattern>,
    granted: Grants,
}

/// What the calls of one version are checked against.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// None: a client, who is not checked here.
    space: Option<SpaceName>,
    commands: Vec<Addresses>,
    publish: Vec<Pattern>,
    all: bool,
}

/// What is to be said of a call that is let through.
#[derive(Debug, PartialEq)]
pub enum Passed {
    Asked,
    /// Only because all messaging is granted. The text says what to ask for.
    Unasked(String),
}

impl Addresses {
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let refused = || NameError::Addresses(text.chars().take(128).collect());
        let (space, command) = text.split_once('/').ok_or_else(refused)?;
        let space = SpaceName::parse(space).map_err(|_| refused())?;
        match command {
            "*" => Ok(Addresses { space, command: None }),
            command if is_token(command) => Ok(Addresses { space, command: Some(command.to_owned()) }),
            _ => Err(refused()),
        }
    }

    fn covers(&self, other: &Addresses) -> bool {
        self.space == other.space && (self.command.is_none() || self.command == other.command)
    }

    fn mean(&self, address: &Address) -> bool {
        self.space == address.space && self.command.as_deref().is_none_or(|command| *command == *address.command)
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.space, self.command.as_deref().unwrap_or("*"))
    }
}

impl TryFrom<String> for Addresses {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Addresses::parse(&text)
    }
}

impl From<Addresses> for String {
    fn from(addresses: Addresses) -> String {
        addresses.to_string()
    }
}

impl Grants {
    /// All messaging.
    pub fn all() -> Self {
        Grants { all: true, ..Grants::default() }
    }

    fn allows_command(&self, asked: &Addresses) -> bool {
        self.all || self.commands.iter().any(|granted| granted.covers(asked))
    }

    fn allows_publish(&self, asked: &Pattern) -> bool {
        self.all || self.publish.iter().any(|granted| granted.covers(asked))
    }

    fn allows_subscribe(&self, asked: &Pattern) -> bool {
        self.all || !asked.is_wide() || self.subscribe.iter().any(|granted| granted.covers(asked))
    }

    /// Whether it may hear a topic that its owner keeps private: only a grant that names the owner says so.
    pub fn let_hear_private(&self, topic: &Topic) -> bool {
        self.all || self.subscribe.iter().any(|granted| !granted.is_wide() && granted.matches(topic.as_str()))
    }

    /// Whether all of a private pattern is granted by name.
    pub fn covers_private(&self, kept: &Pattern) -> bool {
        self.all || self.subscribe.iter().any(|granted| !granted.is_wide() && granted.covers(kept))
    }

    /// What `descriptor` asks for in the name of `space` and is not granted; none if it may serve.
    pub fn missing(&self, space: &SpaceName, descriptor: &Descriptor) -> Option<Missing> {
        let own = |pattern: &Pattern| pattern.first_token() == space.as_str();
        let wants = &descriptor.wants;
        let commands = wants.commands.iter().filter(|asked| !self.allows_command(asked));
        let publish = wants.publish.iter().filter(|asked| !own(asked) && !self.allows_publish(asked));
        let heard = descriptor.subscriptions.iter().map(|subscription| &subscription.pattern);
        let subscribe = heard.filter(|asked| !self.allows_subscribe(asked));
        let missing = Missing {
            space: space.clone(),
            commands: commands.cloned().collect(),
            publish: publish.cloned().collect(),
            subscribe: subscribe.cloned().collect(),
            granted: self.clone(),
        };
        let lists = [missing.commands.is_empty(), missing.publish.is_empty(), missing.subscribe.is_empty()];
        lists.contains(&false).then_some(missing)
    }
}

impl Missing {
    /// The lines of spacehost.toml under which it may serve.
    pub fn lines(&self) -> String {
        let Missing { space, granted, .. } = self;
        let mut lines = format!("[spaces.{space}.grants]");
        let mut list = |name: &str, granted: Vec<String>, missing: Vec<String>| {
            let all: Vec<String> = granted.iter().chain(&missing).map(|entry| format!("\"{entry}\"")).collect();
            if !all.is_empty() {
                lines.push_str(&format!("\n{name} = [{}]", all.join(", ")));
            }
        };
        list("commands", texts(&granted.commands), texts(&self.commands));
        list("publish", texts(&granted.publish), texts(&self.publish));
        list("subscribe", texts(&granted.subscribe), texts(&self.subscribe));
        lines
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut asked = Vec::new();
        for (what, list) in [
            ("to send the commands", texts(&self.commands)),
            ("to publish", texts(&self.publish)),
            ("to hear", texts(&self.subscribe)),
        ] {
            if !list.is_empty() {
                asked.push(format!("{what} {}", list.join(", ")));
            }
        }
        write!(
            f,
            "it asks for more than it is granted: {}. To grant it, let spacehost.toml say:\n\n{}",
            asked.join("; "),
            self.lines()
        )
    }
}

impl Access {
    /// What `descriptor` asks for and `grants` allow.
    pub fn of(space: &SpaceName, descriptor: &Descriptor, grants: &Grants) -> Self {
        let wants = &descriptor.wants;
        Access {
            space: Some(space.clone()),
            commands: wants.commands.iter().filter(|asked| grants.allows_command(asked)).cloned().collect(),
            publish: wants.publish.iter().filter(|asked| grants.allows_publish(asked)).cloned().collect(),
            all: grants.all,
        }
    }

    /// A client's: whoever has the token may say anything.
    pub fn of_client() -> Self {
        Access { all: true, ..Access::default() }
    }

    pub fn to_publish(&self, topic: &Topic) -> Result<Passed, Failure> {
        let Some(space) = &self.space else { return Ok(Passed::Asked) };
        let first = topic.first_token();
        if first == OF_THE_HOST {
            return Err(denied(format!("`{topic}` is a topic of the host's own: no space may publish it")));
        }
        if first == space.as_str() || self.publish.iter().any(|granted| granted.matches(topic.as_str())) {
            return Ok(Passed::Asked);
        }
        let message = format!(
            "`{space}` may publish `{space}.>` and what it asks for and is granted, which `{topic}` is not: ask for it by \
             `wants(publish(\"{topic}\"))`"
        );
        self.unasked(message)
    }

    pub fn to_command(&self, address: &Address) -> Result<Passed, Failure> {
        let Some(space) = &self.space else { return Ok(Passed::Asked) };
        if address.space == *space || self.commands.iter().any(|granted| granted.mean(address)) {
            return Ok(Passed::Asked);
        }
        let message = format!(
            "`{space}` may send the commands that it asks for and is granted, which `{address}` is not: ask for it by \
             `wants(commands(\"{address}\"))`"
        );
        self.unasked(message)
    }

    fn unasked(&self, message: String) -> Result<Passed, Failure> {
        if self.all { Ok(Passed::Unasked(message)) } else { Err(denied(message)) }
    }

    pub fn space(&self) -> Option<&SpaceName> {
        self.space.as_ref()
    }
}

fn denied(message: String) -> Failure {
    Failure::last(code::DENIED, message)
}

fn texts(list: &[impl fmt::Display]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn name() -> SpaceName {
        SpaceName::parse("orders").unwrap()
    }

    fn descriptor() -> Descriptor {
        let text = json!({"descriptor": 1, "version": "1",
            "wants": {"commands": ["payments/charge", "stock/*"], "publish": ["audit.>", "orders.x"]},
            "subscriptions": [{"pattern": "payments.paid"}, {"pattern": "*.closed"}]});
        Descriptor::parse(&text.to_string()).unwrap()
    }

    fn grants() -> Grants {
        let pattern = |text| vec![Pattern::parse(text).unwrap()];
        let commands = ["payments/*", "stock/*"].map(|text| Addresses::parse(text).unwrap()).to_vec();
        Grants { commands, publish: pattern("audit.>"), subscribe: pattern(">"), all: false }
    }

    #[test]
    fn what_is_asked_and_granted_leaves_nothing_missing() {
        assert_eq!(grants().missing(&name(), &descriptor()), None);
        assert_eq!(Grants::all().missing(&name(), &descriptor()), None);
    }

    #[test]
    fn what_is_missing_is_named_with_the_lines_that_grant_all_of_it() {
        let grants = Grants { commands: vec![Addresses::parse("stock/*").unwrap()], ..Grants::default() };
        let missing = grants.missing(&name(), &descriptor()).unwrap();
        assert_eq!(
            missing.to_string(),
            "it asks for more than it is granted: to send the commands payments/charge; to publish audit.>; to hear *.closed. \
             To grant it, let spacehost.toml say:\n\n[spaces.orders.grants]\ncommands = [\"stock/*\", \"payments/charge\"]\n\
             publish = [\"audit.>\"]\nsubscribe = [\"*.closed\"]"
        );
    }

    #[test]
    fn one_command_does_not_grant_all_of_the_space() {
        let grants = Grants { commands: vec![Addresses::parse("stock/take").unwrap()], ..grants() };
        let missing = grants.missing(&name(), &descriptor()).unwrap();
        assert_eq!(texts(&missing.commands), ["payments/charge", "stock/*"]);
    }

    #[test]
    fn a_call_passes_only_if_it_was_asked_for_and_granted() {
        let access = Access::of(&name(), &descriptor(), &grants());
        let publish = |topic: &str| access.to_publish(&Topic::parse(topic).unwrap()).map_err(|failure| failure.code);
        let command =
            |address: &str| access.to_command(&Address::parse(address).unwrap()).map_err(|failure| failure.code);
        for topic in ["orders.paid", "audit.a.b"] {
            assert_eq!(publish(topic), Ok(Passed::Asked), "{topic}");
        }
        for topic in ["payments.paid", "audit", "ordersx.paid", "spacehost.orders.reloaded"] {
            assert_eq!(publish(topic), Err(code::DENIED.into()), "{topic}");
        }
        for address in ["payments/charge", "stock/anything", "orders/own"] {
            assert_eq!(command(address), Ok(Passed::Asked), "{address}");
        }
        // Granted by `payments/*`, and not asked for.
        assert_eq!(command("payments/refund"), Err(code::DENIED.into()));
        assert_eq!(command("bank/pay"), Err(code::DENIED.into()));
    }

    #[test]
    fn what_is_asked_and_not_granted_is_denied_also_where_such_a_version_serves() {
        let access = Access::of(&name(), &descriptor(), &Grants::default());
        assert!(access.to_command(&Address::parse("payments/charge").unwrap()).is_err());
        assert!(access.to_publish(&Topic::parse("audit.x").unwrap()).is_err());
    }

    #[test]
    fn in_development_what_was_not_asked_for_passes_and_is_told() {
        let access = Access::of(&name(), &descriptor(), &Grants::all());
        let passed = access.to_command(&Address::parse("bank/pay").unwrap());
        assert!(matches!(passed, Ok(Passed::Unasked(told)) if told.contains("wants(commands(\"bank/pay\"))")));
        assert!(access.to_publish(&Topic::parse("spacehost.x").unwrap()).is_err(), "the host's own are nobody's");
        assert_eq!(Access::of_client().to_publish(&Topic::parse("a.b").unwrap()), Ok(Passed::Asked));
    }

    #[test]
    fn a_private_topic_is_heard_only_by_a_grant_that_names_its_owner() {
        let topic = Topic::parse("payments.card.seen").unwrap();
        let with = |text: &str| Grants { subscribe: vec![Pattern::parse(text).unwrap()], ..Grants::default() };
        assert!(with("payments.>").let_hear_private(&topic));
        assert!(with("payments.card.*").let_hear_private(&topic));
        for other in [">", "*.card.seen", "payments.other.>"] {
            assert!(!with(other).let_hear_private(&topic), "{other}");
        }
    }

    #[test]
    fn addresses_are_one_command_or_all_of_a_space() {
        for (text, right) in [("a/b", true), ("a/*", true), ("a", false), ("*/b", false), ("A/b", false), ("a/", false)]
        {
            assert_eq!(Addresses::parse(text).is_ok(), right, "{text}");
        }
    }
}
