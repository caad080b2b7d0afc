//! A bank whose money moves to accounts of other banks by commands, events and requests. Whatever happens to the host, the
//! sum over all banks stays the same once nothing is on its way, and each transfer has been made once.

use spacehost_sdk::prelude::*;

#[derive(Cells)]
struct Bank {
    accounts: Map<String, i64>,
    /// How often each transfer has left and arrived here.
    left: Map<String, u32>,
    arrived: Map<String, u32>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Opening {
    account: String,
    cents: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Transfer {
    id: String,
    from: String,
    /// The other bank, and the account there.
    bank: String,
    to: String,
    cents: i64,
    by: By,
}

#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum By {
    Command,
    Event,
    Request,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Deposit {
    id: String,
    bank: String,
    account: String,
    cents: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Audit {
    cents: i64,
    left: Vec<String>,
    arrived: Vec<String>,
    /// Transfers that have been made more than once.
    repeated: Vec<String>,
}

#[space(version = "1")]
impl Bank {
    #[command]
    fn open(&self, opening: Opening) -> Result<()> {
        self.accounts.set(&opening.account, &opening.cents)
    }

    #[command]
    fn transfer(&self, ctx: &Context, transfer: Transfer) -> Result<()> {
        let Transfer { id, from, bank, to, cents, by } = transfer;
        self.accounts.update(&from, |account| *account -= cents)?;
        self.left.update(&id, |times| *times += 1)?;
        let address = format!("{bank}/deposit");
        let deposit = Deposit { id, bank, account: to, cents };
        match by {
            By::Command => ctx.send(&address, &deposit),
            By::Event => ctx.publish("bank.moved", &deposit),
            By::Request => ctx.request(&address, &deposit),
        }
    }

    #[command]
    fn deposit(&self, deposit: Deposit) -> Result<()> {
        self.accounts.update(&deposit.account, |account| *account += deposit.cents)?;
        self.arrived.update(&deposit.id, |times| *times += 1)
    }

    #[event("bank.moved")]
    fn moved(&self, ctx: &Context, deposit: Deposit) -> Result<()> {
        if deposit.bank == ctx.space() { self.deposit(deposit) } else { Ok(()) }
    }

    #[command]
    fn audit(&self) -> Result<Audit> {
        let mut audit = Audit { cents: 0, left: Vec::new(), arrived: Vec::new(), repeated: Vec::new() };
        for account in self.accounts.iter() {
            audit.cents += account?.1;
        }
        for (seen, list) in [(&self.left, &mut audit.left), (&self.arrived, &mut audit.arrived)] {
            for entry in seen.iter() {
                let (id, times) = entry?;
                if times > 1 {
                    audit.repeated.push(id.clone());
                }
                list.push(id);
            }
        }
        Ok(audit)
    }
}
