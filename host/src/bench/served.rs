//! The HTTP edge before a runtime, in this process, for benches of what goes through it.
//!
//! Knows nothing of what is measured. Fails as the edge fails to start.

use crate::http;
use crate::reload::{ReloadConfig, Reloads};
use crate::runtime::Runtime;
use crate::shutdown::{self, Trigger};
use crate::webhooks::Webhooks;
use crate::words::AllowedNames;
use anyhow::Result;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub struct Served {
    pub address: SocketAddr,
    /// The value of the header.
    pub authorization: String,
    runtime: Runtime,
    trigger: Trigger,
    server: JoinHandle<Result<()>>,
    _folder: TempDir,
}

impl Served {
    pub async fn start(runtime: &Runtime) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let dir = folder.path().join("spaces");
        std::fs::create_dir(&dir)?;
        let (reloads, _task) =
            Reloads::spawn(ReloadConfig { runtime: runtime.clone(), dir, settings: None, development: true })?;
        let token = http::access::load_or_create_token(folder.path())?;
        let authorization = format!("Bearer {}", token.reveal());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (trigger, shutdown) = shutdown::channel();
        let webhooks = Webhooks::start(runtime.clone(), reloads.settings(), None);
        let (names, idempotency_keys) = (AllowedNames::default(), http::IDEMPOTENCY_KEYS);
        let state = http::AppState { runtime: runtime.clone(), reloads, webhooks, token, names, idempotency_keys };
        let server = tokio::spawn(http::serve(listener, state, shutdown));
        Ok(Served { address, authorization, runtime: runtime.clone(), trigger, server, _folder: folder })
    }

    pub async fn end(self) -> Result<()> {
        self.trigger.pull();
        self.server.await??;
        self.runtime.shutdown(Duration::from_secs(1)).await;
        Ok(())
    }
}
