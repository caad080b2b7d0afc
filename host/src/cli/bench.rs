//! `bench`: what can be asked for. The measuring is in `crate::bench`.

/// Which measurement, and how it is printed.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArgs {
    /// What to measure
    #[arg(value_enum)]
    pub which: Which,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// How long each figure of `http`, `http-load`, `durable`, `hostile` and `listeners` is measured
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    /// A folder of relay.wasm, sink.wasm, asker.wasm, link.wasm and attacker.wasm; default: built from plugins/bench
    #[arg(long, value_name = "DIR")]
    pub guests: Option<std::path::PathBuf>,
    /// Of `hostile` only this attack
    #[arg(long, value_enum)]
    pub attack: Option<Attack>,
}

/// What attackers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Attack {
    /// Nothing at all: by how much two equal runs differ here
    Nobody,
    /// An endless loop
    Spin,
    /// Memory without end
    Memory,
    /// A flood of host calls
    Calls,
    /// A flood of events
    Events,
    /// A flood of log lines
    Logs,
    /// A trap at each message
    Trap,
    /// A hundred attackers, of all kinds
    Hundred,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// One space relays to another
    Hop,
    /// Request and reply inside the host, idle
    Request,
    /// The pause of a reload under load
    Swap,
    /// Commands over HTTP, one in flight
    Http,
    /// Commands over HTTP, 32 in flight
    HttpLoad,
    /// Turns whose answer waits for the disk
    Durable,
    /// A command through ten spaces, beside one through one
    Chain,
    /// A start on a journal of 1 GiB
    Recovery,
    /// Bytes written to disk per byte accepted
    Written,
    /// From a file to the first reply: new, known, and a thousand known ones at a restart
    Start,
    /// What attackers cost their neighbours
    Hostile,
    /// The sample systems under their loads
    Systems,
    /// A thousand streams of events over HTTP
    Listeners,
}
