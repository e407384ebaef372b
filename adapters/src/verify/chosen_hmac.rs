//! An HMAC over the body whose header and hash the account chooses, where the provider lets its
//! customers configure them or does not document them.
//!
//! Hexadecimal and base64 are told apart by length, and a label such as `sha256=` may stand before
//! either. Without the header, what the address knows may be the proof, if the account allows it.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{
    Endpoint, Hash, MISMATCH, Scheme, any_matches, hex, hmac_sha256, same, signing_secret, unhex,
};
use crate::{Account, AccountError, Refusal, Request, Timestamp};

/// An HMAC over the body, as the account says.
#[derive(Debug)]
pub struct ChosenHmac {
    /// The account's field with the keys.
    pub secret: &'static str,
    /// The account's field with the name of the header.
    pub header: &'static str,
    /// The header's usual name, where the provider says.
    pub usual_header: Option<&'static str>,
    /// The account's field with the name of the hash; SHA-256 without it.
    pub hash: &'static str,
    /// What is asked of requests without the header.
    pub endpoint: Endpoint,
}

const SHOWN: &str = "with the signature";

impl Hash {
    /// Reads a name such as `HMAC_SHA_256` or `sha256`.
    pub(super) fn read(name: &str) -> Option<Self> {
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let name = name.to_ascii_lowercase();
        Some(match name.strip_prefix("hmac").unwrap_or(&name) {
            "md5" => Self::Md5,
            "sha1" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }
}

impl Scheme for ChosenHmac {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        self.endpoint.signature_header()
    }

    fn secret_header(&self) -> Option<&'static str> {
        self.endpoint.secret_header()
    }

    fn secret_in_address(&self) -> bool {
        true
    }

    /// The header's name is the account's to know; those in use all say what they are.
    fn is_signed(&self, request: &Request) -> bool {
        let names = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
        names.into_iter().any(|name| name.contains("signature")) || self.endpoint.is_signed(request)
    }

    fn describe(&self) -> String {
        "HMAC of the body in a chosen header; else a secret address or Basic".to_owned()
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        if account.get(self.hash).is_some_and(|name| Hash::read(name).is_none()) {
            let expected = "expected a hash such as HMAC_SHA_256";
            return Err(AccountError::Unusable(self.hash, expected));
        }
        if account.secrets(self.secret).is_empty() {
            return self.endpoint.check(account);
        }
        if self.header_in(account).is_none() {
            return Err(AccountError::Missing {
                field: self.header,
                help: "a signature needs the name of the header that carries it",
            });
        }
        match self.endpoint.is_configured(account) {
            true => self.endpoint.check(account),
            false => Ok(()),
        }
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        let is_signing = !account.secrets(self.secret).is_empty();
        let header = self.header_in(account).filter(|_| is_signing);
        let is_present = |header: &str| {
            request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header))
        };
        let Some(header) =
            header.filter(|header| is_present(header) || !self.endpoint.is_configured(account))
        else {
            return self.endpoint.verify(request, account, now);
        };
        let hash = account.get(self.hash).map_or(Some(Hash::Sha256), Hash::read);
        let hash = hash.ok_or(Refusal::BadSignature("the configured hash is unknown"))?;
        let given = read(request.single_header_called(header, SHOWN)?).ok_or(MISMATCH)?;
        any_matches(account.secrets(self.secret), |secret| {
            same(&hash.hmac(secret.expose().as_bytes(), &[&request.body]), &given)
        })
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        self.check(account)?;
        let is_signing = !account.secrets(self.secret).is_empty();
        let Some(header) = self.header_in(account).filter(|_| is_signing) else {
            return self.endpoint.sign(request, account, now);
        };
        let key = signing_secret(account, self.secret)?.expose().as_bytes();
        let hash = account.get(self.hash).and_then(Hash::read).unwrap_or(Hash::Sha256);
        request.set_header(header, hex(&hash.hmac(key, &[&request.body])));
        Ok(())
    }

    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        hmac_sha256(key, &[&request.body])
    }
}

impl ChosenHmac {
    fn header_in<'a>(&'a self, account: &'a Account) -> Option<&'a str> {
        account.get(self.header).or(self.usual_header)
    }
}

pub(super) fn read(signature: &str) -> Option<Vec<u8>> {
    let labelled = signature.split_once('=').filter(|(label, _)| Hash::read(label).is_some());
    let digest = labelled.map_or(signature, |(_, digest)| digest).trim();
    unhex(&digest.to_ascii_lowercase()).or_else(|| BASE64.decode(digest).ok())
}
