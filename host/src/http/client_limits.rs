//! What clients together and each connection may take: the one table, with its defaults.
//!
//! Pure. Must not know who keeps to it. Not settings: a test makes them small so that it need not wait.

use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub struct ClientLimits {
    /// Connections at one time.
    pub connections: usize,
    /// From the connection to the whole head of its first request.
    pub first_head: Duration,
    /// From the end of a request to the whole head of the next one.
    pub idle: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub unread: Duration,
    /// How long a whole body may take.
    pub body: Duration,
    /// Bytes of bodies in memory at one time, beyond what each may always have.
    pub body_bytes: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        ClientLimits {
            connections: 2_048,
            first_head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            unread: Duration::from_secs(30),
            body: Duration::from_secs(30),
            body_bytes: 256 << 20,
        }
    }
}

/// Request line and headers of one request, in bytes.
pub const HEAD_BYTES: usize = 16 << 10;
/// What is read or written at once, and so kept for a connection.
pub const BUFFER_BYTES: usize = 64 << 10;
