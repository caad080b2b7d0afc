//! What the host tells of itself to those who watch it: its log, and traces.
//!
//! An edge: it takes from the runtime what there is to tell. Must not change what it tells of; whatever fails here is a line
//! in the log at most.

mod export;
mod log;
mod otlp;
mod settings;

pub use export::Exporter;
pub use log::{LogFormat, start};
pub use settings::TraceExport;
