//! How a client on the same machine finds the host and proves that it may ask: the files `token`, `address` and `folder`
//! (the drop folder) in the data folder.
//!
//! Owns these files. Must not know HTTP. Fails when the folder cannot be written or the token file was damaged; a token
//! is never printed and never part of an error.

use anyhow::{Context, Result, bail};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const TOKEN_BYTES: usize = 32;

/// The bearer token. Kept with its hash, which compares in constant time whatever is given.
#[derive(Clone)]
pub struct Token {
    text: Arc<str>,
    hash: blake3::Hash,
}

impl Token {
    /// At least 32 visible characters.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let good = text.len() >= TOKEN_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
        good.then(|| Token { text: text.into(), hash: blake3::hash(text.as_bytes()) })
    }

    pub fn matches(&self, given: &[u8]) -> bool {
        blake3::hash(given) == self.hash
    }

    /// The secret itself, for the client's header.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    fn random() -> Result<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        let mut source = fs::File::open("/dev/urandom").context("no source of random numbers")?;
        source.read_exact(&mut bytes).context("no source of random numbers")?;
        Token::parse(&blake3::Hash::from_bytes(bytes).to_hex()).context("a random token is too short")
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

pub fn token_file(data: &Path) -> PathBuf {
    data.join("token")
}

fn address_file(data: &Path) -> PathBuf {
    data.join("address")
}

fn folder_file(data: &Path) -> PathBuf {
    data.join("folder")
}

/// The token of this data folder; made on the first run, readable by its owner only.
pub fn load_or_create_token(data: &Path) -> Result<Token> {
    let mut folder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(folder.recursive(true), 0o700);
    folder.create(data).with_context(|| format!("could not create the data folder {}", data.display()))?;
    let path = token_file(data);
    if path.try_exists().with_context(|| format!("could not look at {}", path.display()))? {
        return read_token(data);
    }
    let token = Token::random()?;
    make_token(data, &path, &token).with_context(|| format!("could not make {}", path.display()))?;
    // Another host may have been quicker: what lies there is the token.
    read_token(data)
}

/// Whole and on disk before it has its name, so that no power cut leaves half a token; and never in place of another.
fn make_token(data: &Path, path: &Path, token: &Token) -> std::io::Result<()> {
    let unfinished = data.join(format!("token.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    writeln!(file, "{}", token.reveal())?;
    file.sync_all()?;
    let named = match fs::hard_link(&unfinished, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        named => named,
    };
    fs::remove_file(&unfinished)?;
    named?;
    fs::File::open(data)?.sync_all()
}

pub fn read_token(data: &Path) -> Result<Token> {
    let path = token_file(data);
    let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    match Token::parse(&text) {
        Some(token) => Ok(token),
        None => bail!("{} holds no token: delete it, and the host makes a new one when it starts", path.display()),
    }
}

/// The address while the host serves; dropping it takes the file away.
#[derive(Debug)]
pub struct Announcement {
    path: PathBuf,
    text: String,
}

impl Announcement {
    pub fn write(data: &Path, address: SocketAddr, spaces: &Path) -> Result<Self> {
        let spaces = std::path::absolute(spaces)?;
        write(&folder_file(data), spaces.as_os_str().as_encoded_bytes())?;
        let (path, text) = (address_file(data), format!("{address}\n"));
        write(&path, text.as_bytes())?;
        Ok(Announcement { path, text })
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // Another host may have been started on the same folder since; its address stays.
        if fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("could not write {}", path.display()))
}

/// Where the host of this data folder listens; None when none has said so.
pub fn read_address(data: &Path) -> Option<SocketAddr> {
    fs::read_to_string(address_file(data)).ok()?.trim().parse().ok()
}

/// The drop folder of the host of this data folder.
pub fn read_folder(data: &Path) -> Option<PathBuf> {
    fs::read_to_string(folder_file(data)).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_token_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = load_or_create_token(&data).unwrap();
        assert_eq!(load_or_create_token(&data).unwrap().reveal(), first.reveal());
        let mode = fs::metadata(token_file(&data)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(first.matches(first.reveal().as_bytes()));
        assert!(!first.matches(b"") && !first.matches(&first.reveal().as_bytes()[1..]));
    }

    #[test]
    fn a_damaged_token_is_an_error_that_does_not_show_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(token_file(folder.path()), "secret").unwrap();
        let error = load_or_create_token(folder.path()).unwrap_err().to_string();
        assert!(error.contains("delete it") && !error.contains("secret"), "{error}");
        assert_eq!(format!("{:?}", Token::parse(&"a".repeat(64)).unwrap()), "Token(…)");
    }

    #[test]
    fn the_address_is_there_while_the_host_serves() {
        let folder = tempfile::tempdir().unwrap();
        let address: SocketAddr = "127.0.0.1:7070".parse().unwrap();
        let announcement = Announcement::write(folder.path(), address, Path::new("/spaces")).unwrap();
        assert_eq!(read_address(folder.path()), Some(address));
        assert_eq!(read_folder(folder.path()), Some("/spaces".into()));
        drop(announcement);
        assert_eq!(read_address(folder.path()), None);
    }
}
