//! HMAC-SHA256 over the body, in a header of its own: the most usual scheme.
//!
//! No time is signed, so a captured request stays good; deduplication is what stops a replay.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{MISMATCH, Scheme, any_matches, hex, hmac_sha256, same, signing_secret, unhex};
use crate::{Account, AccountError, Refusal, Request, Timestamp};

/// HMAC-SHA256 over the body.
#[derive(Debug)]
pub struct BodyHmac {
    /// The header.
    pub header: &'static str,
    /// What stands before the digest, such as `sha256=`.
    pub prefix: &'static str,
    /// How the digest is written.
    pub encoding: Encoding,
    /// The account's field with the key.
    pub secret: &'static str,
    /// Whether the digest may also be over the body with non-ASCII written as `\uXXXX` (Meta).
    pub also_escaped: bool,
}

/// How a digest is written.
#[derive(Clone, Copy, Debug)]
pub enum Encoding {
    /// Standard alphabet, padded.
    Base64,
    /// Lower-case hexadecimal.
    Hex,
}

impl Encoding {
    pub(super) fn write(self, digest: &[u8]) -> String {
        match self {
            Self::Base64 => BASE64.encode(digest),
            Self::Hex => hex(digest),
        }
    }

    pub(super) fn read(self, text: &str) -> Result<Vec<u8>, Refusal> {
        match self {
            Self::Base64 => BASE64.decode(text).ok(),
            Self::Hex => unhex(text),
        }
        .ok_or(MISMATCH)
    }
}

impl Scheme for BodyHmac {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        self.header
    }

    fn describe(&self) -> String {
        format!("HMAC-SHA256 of the body in {}", self.header)
    }

    fn verify(&self, request: &Request, account: &Account, _now: Timestamp) -> Result<(), Refusal> {
        let given = request.single_header(self.header)?;
        let given = self.encoding.read(given.strip_prefix(self.prefix).ok_or(MISMATCH)?)?;
        let secrets = account.secrets(self.secret);
        let matches = |body: &[u8]| {
            any_matches(secrets, |secret| {
                same(&hmac_sha256(secret.expose().as_bytes(), &[body]), &given)
            })
        };
        let raw = matches(&request.body);
        if raw.is_err() && self.also_escaped && !request.body.is_ascii() {
            return std::str::from_utf8(&request.body)
                .map_err(|_| MISMATCH)
                .and_then(|body| matches(escape_non_ascii(body).as_bytes()));
        }
        raw
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        _now: Timestamp,
    ) -> Result<(), AccountError> {
        let secret = signing_secret(account, self.secret)?;
        let digest = hmac_sha256(secret.expose().as_bytes(), &[&request.body]);
        let digest = self.encoding.write(&digest);
        request.set_header(self.header, format!("{}{digest}", self.prefix));
        Ok(())
    }

    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        hmac_sha256(key, &[&request.body])
    }
}

/// Non-ASCII as `\uXXXX`, lower case, in UTF-16 units: the form Meta says it signs.
fn escape_non_ascii(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if c <= '\u{7e}' {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}
