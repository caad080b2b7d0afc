//! One binary of end-to-end tests: linked once, and the guests are built once. A module is one subject.

mod backlog;
mod commands;
mod compile;
mod crashes;
mod daemon;
mod demo;
mod disk;
mod durable;
mod events;
mod flow;
mod hostile;
mod injection;
mod keeping;
mod lifecycle;
mod load;
mod operation;
mod partitions;
mod power;
mod reload;
mod repetition;
mod replay;
mod requests;
mod retries;
mod timers;
mod turns;
