//! Seals secrets before they rest in the database.
//!
//! AES-256-GCM with a random nonce; what a secret belongs to is authenticated with it, so that a
//! sealed value cannot be moved to another row. The key comes from the environment or from a file
//! that only its owner can read, never from the database.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::clock;

const KEY_BYTES: usize = 32;
const FORMAT: u8 = 1;

/// Seals and opens secrets with one key.
#[derive(Clone)]
pub struct Vault {
    sealing: Arc<RandomizedNonceKey>,
    digesting: hmac::Key,
}

/// Why there is no key, or a sealed value does not open.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Not 32 bytes in base64.
    #[error(
        "the secrets key must be 32 random bytes in base64; `openssl rand -base64 32` makes one"
    )]
    Key,
    /// The file holds something else than a key.
    #[error(
        "{0} holds no secrets key: that is 32 random bytes in base64; restore the file, or put there what `openssl rand -base64 32` prints"
    )]
    KeyFile(PathBuf),
    /// The file is not there.
    #[error(
        "there is no key file {0}; mount or restore it, or make one: `(umask 077; openssl rand -base64 32 > {0})`"
    )]
    Missing(PathBuf),
    /// Others could read the file.
    #[error("{0} can be read by others; run `chmod 600` on it")]
    Permissions(PathBuf),
    /// The file cannot be read or written.
    #[error("the key file {0} cannot be used")]
    File(PathBuf, #[source] io::Error),
    /// Another key sealed it, or it was changed.
    #[error("a stored secret does not open with this key; restore the key it was sealed with")]
    Sealed,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl Vault {
    /// A vault with the key that `text` holds in base64.
    pub fn from_base64(text: &str) -> Result<Self, VaultError> {
        let bytes = BASE64.decode(text.trim()).map_err(|_| VaultError::Key)?;
        if bytes.len() != KEY_BYTES {
            return Err(VaultError::Key);
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| VaultError::Key)?;
        // Another key for another purpose: what digests tell must say nothing about what is sealed.
        let root = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let derived = hmac::sign(&root, b"frontdesk digests");
        let digesting = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        Ok(Self { sealing: Arc::new(key), digesting })
    }

    /// A vault with the key in `path`, which must be there.
    pub fn from_file(path: &Path) -> Result<Self, VaultError> {
        let failed = |error: io::Error| {
            if error.kind() == io::ErrorKind::NotFound {
                return VaultError::Missing(path.to_owned());
            }
            VaultError::File(path.to_owned(), error)
        };
        let text = fs::read_to_string(path).map_err(failed)?;
        if readable_by_others(path).map_err(failed)? {
            return Err(VaultError::Permissions(path.to_owned()));
        }
        Self::from_base64(&text).map_err(|_| VaultError::KeyFile(path.to_owned()))
    }

    /// A vault with the key in `path`, which is made with a new key when it does not exist yet.
    pub fn from_file_or_new(path: &Path) -> Result<Self, VaultError> {
        match Self::from_file(path) {
            Err(VaultError::Missing(_)) => {}
            read => return read,
        }
        let text = BASE64.encode(clock::random_bytes::<KEY_BYTES>());
        match create_private(path, &text) {
            Ok(()) => Self::from_base64(&text),
            // Another process made it first.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::from_file(path),
            Err(error) => Err(VaultError::File(path.to_owned(), error)),
        }
    }

    /// A vault whose key is kept nowhere: for trying something out.
    pub fn passing() -> Result<Self, VaultError> {
        Self::from_base64(&BASE64.encode(clock::random_bytes::<KEY_BYTES>()))
    }

    /// A digest of `parts` that nobody without the key can make, or try guesses on.
    #[must_use]
    pub fn digest(&self, parts: &[&str]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.digesting);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        context.sign().as_ref().to_vec()
    }

    /// Seals `secret` for `owner`.
    ///
    /// # Panics
    ///
    /// When the operating system has no randomness to give.
    #[must_use]
    pub fn seal(&self, owner: &str, secret: &[u8]) -> Vec<u8> {
        let mut sealed = secret.to_vec();
        let nonce = self
            .sealing
            .seal_in_place_append_tag(Aad::from(owner.as_bytes()), &mut sealed)
            .expect("the operating system has randomness");
        [&[FORMAT], nonce.as_ref().as_slice(), &sealed].concat()
    }

    /// Opens what was sealed for `owner`.
    pub fn open(&self, owner: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let Some((&[FORMAT], rest)) = sealed.split_first_chunk::<1>() else {
            return Err(VaultError::Sealed);
        };
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(VaultError::Sealed)?;
        let mut secret = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self
            .sealing
            .open_in_place(nonce, Aad::from(owner.as_bytes()), &mut secret)
            .map_err(|_| VaultError::Sealed)?
            .len();
        secret.truncate(length);
        Ok(secret)
    }
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn readable_by_others(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

fn create_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_for_its_owner_and_unchanged() {
        let vault = Vault::from_base64(&BASE64.encode([7; KEY_BYTES])).expect("a key");
        let mut sealed = vault.seal("support-sms", b"hush");
        assert_eq!(vault.open("support-sms", &sealed).expect("opens"), b"hush");
        assert!(vault.open("other", &sealed).is_err());
        *sealed.last_mut().expect("bytes") ^= 1;
        assert!(vault.open("support-sms", &sealed).is_err());
        assert!(!sealed.windows(4).any(|window| window == b"hush"));
    }

    #[test]
    fn the_key_file_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("frontdesk.key");
        assert!(matches!(Vault::from_file(&path), Err(VaultError::Missing(_))));
        let sealed = Vault::from_file_or_new(&path).expect("a new key").seal("x", b"hush");
        assert_eq!(
            Vault::from_file(&path).expect("the same key").open("x", &sealed).expect("opens"),
            b"hush"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");
            assert!(matches!(Vault::from_file(&path), Err(VaultError::Permissions(_))));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
        }
        fs::write(&path, "short").expect("write");
        assert!(matches!(Vault::from_file_or_new(&path), Err(VaultError::KeyFile(_))));
        assert!(Vault::from_base64("short").is_err());
    }
}
