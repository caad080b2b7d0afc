//! The space `attacker`: does what it should not, for the bench of what that costs its neighbours. Deployed under as many
//! names as there are to be attackers. It owns nothing that counts, and how each attack ends is the host's business.

use spacehost_sdk::prelude::*;

/// What one turn may publish.
const EVENTS: u32 = 1_000;
const LINES: u32 = 1_000;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Attack {
    /// Computes without end.
    Spin,
    /// Takes memory until it gets no more.
    Memory,
    /// Calls the host without end.
    Calls,
    /// Publishes as much as a turn may.
    Events,
    /// Writes log lines.
    Logs,
    Trap,
}

#[derive(Cells)]
struct Attacker {
    noise: Item<u64>,
}

/// Attacks as it is told.
#[space]
impl Attacker {
    #[command]
    fn attack(&self, ctx: &Context, attack: Attack) -> Result<()> {
        match attack {
            Attack::Spin => loop {
                std::hint::black_box(0);
            },
            Attack::Memory => {
                let mut taken = Vec::new();
                loop {
                    taken.push(std::hint::black_box(vec![1_u8; 1 << 20]));
                }
            }
            Attack::Calls => loop {
                self.noise.get_or_default()?;
            },
            Attack::Events => {
                let topic = format!("{}.noise", ctx.space());
                (0..EVENTS).try_for_each(|number| ctx.publish(&topic, &number))
            }
            Attack::Logs => {
                (0..LINES).for_each(|number| info!("line {number}"));
                Ok(())
            }
            Attack::Trap => panic!("as it was told"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attacks_that_end_leave_what_they_should_not() {
        let host = MockHost::new();
        host.command_raw::<Attacker>("attack", b"\"events\"").unwrap();
        assert_eq!(host.published().len(), EVENTS as usize);
    }
}
