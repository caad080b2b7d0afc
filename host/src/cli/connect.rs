//! Finds the host: its address and token, from arguments, the environment, or its data folder.
//!
//! Must not know HTTP. Fails with "not reachable" when nothing says where a host is, and with what to do when its token
//! cannot be read.

use super::failure::Failure;
use crate::http::access::{self, Token};
use anyhow::{Context, Result};
use std::path::PathBuf;

/// How to reach the host; part of every command that talks to one.
#[derive(Debug, Clone, clap::Args)]
pub struct HostArgs {
    /// Address of the host, such as http://127.0.0.1:7070
    #[arg(long, env = "SPACEHOST_URL")]
    pub url: Option<String>,
    /// The host's data folder, where its address and token are
    #[arg(long, env = "SPACEHOST_DATA", default_value = "spacehost-data", value_name = "DIR")]
    pub data: PathBuf,
}

/// Where the host is, and the proof that we may ask it.
#[derive(Debug)]
pub struct Found {
    pub url: String,
    pub token: Token,
}

impl HostArgs {
    pub fn find(&self) -> Result<Found> {
        let url = self.address()?;
        let token = match std::env::var("SPACEHOST_TOKEN") {
            Ok(text) => Token::parse(&text).ok_or_else(|| Failure::usage("SPACEHOST_TOKEN holds no token"))?,
            Err(_) => access::read_token(&self.data)
                .context("the host's token was not found: set SPACEHOST_TOKEN, or name its data folder with --data")?,
        };
        Ok(Found { url, token })
    }

    fn address(&self) -> Result<String> {
        match &self.url {
            Some(url) if url.starts_with("http://") => Ok(url.trim_end_matches('/').to_owned()),
            Some(url) => Err(Failure::usage(format!("`{url}` is no address of a host: it begins with http://"))),
            None => match access::read_address(&self.data) {
                Some(address) => Ok(format!("http://{address}")),
                None => Err(self.nobody()),
            },
        }
    }

    fn nobody(&self) -> anyhow::Error {
        let why = "no host has written its address there".to_owned();
        Failure::Unreachable { url: self.data.display().to_string(), why }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(url: Option<&str>, data: PathBuf) -> HostArgs {
        HostArgs { url: url.map(str::to_owned), data }
    }

    #[test]
    fn the_argument_goes_before_the_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_owned();
        let address = "127.0.0.1:7171".parse().unwrap();
        let _announcement = access::Announcement::write(&data, address, &data).unwrap();
        assert_eq!(args(None, data.clone()).address().unwrap(), "http://127.0.0.1:7171");
        assert_eq!(args(Some("http://localhost:1/"), data.clone()).address().unwrap(), "http://localhost:1");
        assert!(args(Some("localhost:1"), data).address().is_err());
    }

    #[test]
    fn without_a_host_the_failure_says_so() {
        let error = args(None, "/no/such/folder".into()).address().unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Failure::Unreachable { .. })));
    }
}
