//! Ed25519 over a signed time and the body: the provider keeps the private key.
//!
//! So nobody but the provider can sign, unless the account also has a key pair of its own, for
//! trying a channel without its provider.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::{Encoding, MISMATCH, Scheme, any_matches, fresh};
use crate::{Account, AccountError, Refusal, Request, Secret, Timestamp};

/// Ed25519 over time, separator and body.
#[derive(Debug)]
pub struct Ed25519 {
    /// The header with the signature.
    pub header: &'static str,
    /// The header with the time, in Unix seconds.
    pub timestamp: &'static str,
    /// What stands between time and body.
    pub separator: &'static str,
    /// How keys and signatures are written.
    pub encoding: Encoding,
    /// How far the signed time may be from ours, in seconds, either way.
    pub tolerance_seconds: u32,
    /// The account's field with the public keys; a secret one, since only those hold several.
    pub public_key: &'static str,
    /// The account's field with the private key for trying the channel.
    pub private_key: &'static str,
}

const NOT_A_KEY: &str = "expected an Ed25519 key of 32 bytes, as the provider writes it";

impl Scheme for Ed25519 {
    fn secret_field(&self) -> &'static str {
        self.public_key
    }

    fn signature_header(&self) -> &'static str {
        self.header
    }

    fn describe(&self) -> String {
        format!("Ed25519 of time and body in {}", self.header)
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        for field in [self.public_key, self.private_key] {
            if account.secrets(field).iter().any(|key| self.key(key).is_none()) {
                return Err(AccountError::Unusable(field, NOT_A_KEY));
            }
        }
        Ok(())
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        let signature = request.single_header(self.header)?;
        let timestamp = request.single_header(self.timestamp)?;
        let sent = timestamp
            .parse()
            .map_err(|_| Refusal::BadSignature("the signed time must be whole Unix seconds"))?;
        fresh(sent, now, self.tolerance_seconds)?;
        let signature = Signature::from_slice(&self.encoding.read(signature)?);
        let signature = signature.map_err(|_| MISMATCH)?;
        let signed = self.signed(timestamp, &request.body);
        any_matches(account.secrets(self.public_key), |key| {
            let key = self.key(key).and_then(|key| VerifyingKey::from_bytes(&key).ok());
            key.is_some_and(|key| key.verify_strict(&signed, &signature).is_ok())
        })
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let key = account.secrets(self.private_key).first().ok_or(AccountError::Missing {
            field: self.private_key,
            help: "only the provider can sign for its public key; to try the channel, add a key \
                   pair of your own",
        })?;
        let key = self.key(key).ok_or(AccountError::Unusable(self.private_key, NOT_A_KEY))?;
        let timestamp = now.as_seconds().to_string();
        let signature = SigningKey::from_bytes(&key).sign(&self.signed(&timestamp, &request.body));
        request.set_header(self.timestamp, timestamp);
        request.set_header(self.header, self.encoding.write(&signature.to_bytes()));
        Ok(())
    }

    /// Checking the signature the request carries: a receiver makes none.
    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        let read = |text: &str| self.encoding.read(text).ok();
        let header = |name| request.header(name).unwrap_or_default();
        let checked = || {
            let key: [u8; 32] = read(std::str::from_utf8(key).ok()?)?.try_into().ok()?;
            let key = VerifyingKey::from_bytes(&key).ok()?;
            let signature = Signature::from_slice(&read(header(self.header))?).ok()?;
            let signed = self.signed(header(self.timestamp), &request.body);
            key.verify_strict(&signed, &signature).ok()
        };
        vec![u8::from(checked().is_some())]
    }
}

impl Ed25519 {
    fn key(&self, key: &Secret) -> Option<[u8; 32]> {
        self.encoding.read(key.expose().trim()).ok()?.try_into().ok()
    }

    fn signed(&self, timestamp: &str, body: &[u8]) -> Vec<u8> {
        [timestamp.as_bytes(), self.separator.as_bytes(), body].concat()
    }
}
