//! Every signature scheme, in one place.
//!
//! Adapters only name a scheme. Comparisons take constant time; a secret that is not configured
//! never means "accept"; what is compared never appears in an error. [`Verifier::sign`] is the
//! other direction, for replaying fixtures and for trying a channel without its provider.

mod standard_webhooks;
mod url_and_form;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{Account, AccountError, Method, Refusal, Request, Secret, Timestamp, account};

/// How a request proves who sent it, and under which field of the account the secret lies.
#[derive(Debug)]
pub enum Verifier {
    /// HMAC-SHA1, base64, over the public address and the sorted form parameters (Twilio's family).
    UrlAndForm {
        /// The header with the signature.
        header: &'static str,
        /// The account's field with the key.
        secret: &'static str,
    },
    /// HMAC-SHA256 over the body.
    BodyHmac(BodyHmac),
    /// The secret itself, in a header.
    SharedSecret {
        /// The header.
        header: &'static str,
        /// The account's field with the secret.
        secret: &'static str,
    },
    /// Standard Webhooks 1.0: `v1` (HMAC-SHA256) and `v1a` (Ed25519), with a time window.
    StandardWebhooks {
        /// The account's field with the symmetric secrets.
        secret: &'static str,
        /// The account's field with the public keys; a secret one, since only those hold several.
        public_key: &'static str,
    },
}

/// HMAC-SHA256 over the body, in a header of its own.
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

const NO_SECRET: Refusal = Refusal::BadSignature("no secret is configured for this channel");
const MISMATCH: Refusal = Refusal::BadSignature("the signature does not match");

impl Verifier {
    /// The account's field with the verifying secret.
    pub fn secret_field(&self) -> &'static str {
        match self {
            Self::UrlAndForm { secret, .. }
            | Self::SharedSecret { secret, .. }
            | Self::StandardWebhooks { secret, .. } => secret,
            Self::BodyHmac(scheme) => scheme.secret,
        }
    }

    /// The header that carries the proof.
    pub fn signature_header(&self) -> &'static str {
        match self {
            Self::UrlAndForm { header, .. } | Self::SharedSecret { header, .. } => header,
            Self::BodyHmac(scheme) => scheme.header,
            Self::StandardWebhooks { .. } => standard_webhooks::SIGNATURE,
        }
    }

    /// The header that carries the secret itself, which archives must not keep.
    pub fn secret_header(&self) -> Option<&'static str> {
        match self {
            Self::SharedSecret { header, .. } => Some(header),
            Self::UrlAndForm { .. } | Self::BodyHmac(_) | Self::StandardWebhooks { .. } => None,
        }
    }

    /// Whether a signature is only good for a while: a time is signed with the request.
    pub fn is_timed(&self) -> bool {
        match self {
            Self::StandardWebhooks { .. } => true,
            Self::UrlAndForm { .. } | Self::BodyHmac(_) | Self::SharedSecret { .. } => false,
        }
    }

    /// The scheme in a few words, for people.
    pub fn describe(&self) -> String {
        match self {
            Self::UrlAndForm { header, .. } => format!("HMAC-SHA1 of address and form in {header}"),
            Self::BodyHmac(scheme) => format!("HMAC-SHA256 of the body in {}", scheme.header),
            Self::SharedSecret { header, .. } => format!("shared secret in {header}"),
            Self::StandardWebhooks { .. } => "Standard Webhooks, v1 and v1a".to_owned(),
        }
    }

    /// Checks that an account's keys can be used at all.
    pub(crate) fn check(&self, account: &Account) -> Result<(), AccountError> {
        let Self::StandardWebhooks { secret, public_key } = self else {
            return Ok(());
        };
        for key in account.secrets(secret) {
            if standard_webhooks::symmetric_key(key).is_none() {
                return Err(AccountError::Unusable(
                    secret,
                    "expected whsec_ and base64 of the key",
                ));
            }
        }
        for key in account.secrets(public_key) {
            if standard_webhooks::verifying_key(key).is_none() {
                return Err(AccountError::Unusable(
                    public_key,
                    "expected whpk_ and base64 of 32 bytes",
                ));
            }
        }
        if account.secrets(secret).is_empty() && account.secrets(public_key).is_empty() {
            return Err(AccountError::Missing {
                field: secret,
                help: "a channel needs a secret (whsec_…) or a public key (whpk_…)",
            });
        }
        Ok(())
    }

    /// Checks that `request` was sent by whoever knows the account's secret.
    pub fn verify<T>(
        &self,
        request: &Request<T>,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        match self {
            Self::UrlAndForm { header, secret } => {
                let signature = request.single_header(header)?;
                url_and_form::verify(request, signature, account.secrets(secret))
            }
            Self::BodyHmac(scheme) => scheme.verify(request, account),
            Self::SharedSecret { header, secret } => {
                let given = request.single_header(header)?;
                let secrets = account.secrets(secret);
                any_matches(secrets, |secret| same(secret.expose().as_bytes(), given.as_bytes()))
            }
            Self::StandardWebhooks { secret, public_key } => {
                let secrets = account.secrets(secret);
                let public_keys = account.secrets(public_key);
                standard_webhooks::verify(request, secrets, public_keys, now)
            }
        }
    }

    /// Adds the headers that make `request` verify, as the provider would.
    ///
    /// Fails when the account lacks the secret, or holds only a public key.
    pub fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), account::AccountError> {
        let field = self.secret_field();
        let secret = account
            .secrets(field)
            .first()
            .ok_or(AccountError::Missing { field, help: "signing needs the channel's secret" })?
            .clone();
        match self {
            Self::UrlAndForm { header, .. } => {
                let has_digest = request.query().any(|(name, _)| name == "bodySHA256");
                let is_json = request.media_type() == "application/json";
                // A request that is signed again has its digest already.
                if request.method == Method::Post && is_json && !has_digest {
                    let joint = if request.raw_query().is_empty() { '?' } else { '&' };
                    request.url = format!(
                        "{}{joint}bodySHA256={}",
                        request.url,
                        hex(&Sha256::digest(&request.body))
                    );
                }
                let url = request.url.split('#').next().unwrap_or_default();
                let form = url_and_form::signed_form(request).unwrap_or_default();
                let mac = hmac_sha1(&secret, &[url.as_bytes(), form.as_bytes()]);
                let signature = BASE64.encode(mac);
                request.set_header(header, signature);
            }
            Self::BodyHmac(scheme) => {
                let digest = hmac_sha256(secret.expose().as_bytes(), &[&request.body]);
                let digest = match scheme.encoding {
                    Encoding::Base64 => BASE64.encode(digest),
                    Encoding::Hex => hex(&digest),
                };
                request.set_header(scheme.header, format!("{}{digest}", scheme.prefix));
            }
            Self::SharedSecret { header, .. } => {
                request.set_header(header, secret.expose().to_owned());
            }
            Self::StandardWebhooks { .. } => {
                let key = standard_webhooks::symmetric_key(&secret).ok_or(
                    AccountError::Unusable(field, "expected whsec_ and base64 of the key"),
                )?;
                if request.header(standard_webhooks::ID).is_none() {
                    let id = format!("msg_{}", &hex(&Sha256::digest(&request.body))[..24]);
                    request.set_header(standard_webhooks::ID, id);
                }
                let timestamp = now.as_seconds().to_string();
                let id = request.header(standard_webhooks::ID).unwrap_or_default().to_owned();
                let signature = hmac_sha256(
                    &key,
                    &standard_webhooks::signed_content(&id, &timestamp, &request.body),
                );
                request.set_header(standard_webhooks::TIMESTAMP, timestamp);
                request.set_header(
                    standard_webhooks::SIGNATURE,
                    format!("v1,{}", BASE64.encode(signature)),
                );
            }
        }
        Ok(())
    }
}

impl Request {
    fn set_header(&mut self, name: &str, value: String) {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value));
    }
}

impl BodyHmac {
    fn verify<T>(&self, request: &Request<T>, account: &Account) -> Result<(), Refusal> {
        let given = request.single_header(self.header)?;
        let given = given.strip_prefix(self.prefix).ok_or(MISMATCH)?;
        let given = match self.encoding {
            Encoding::Base64 => BASE64.decode(given).map_err(|_| MISMATCH)?,
            Encoding::Hex => unhex(given).ok_or(MISMATCH)?,
        };
        let secrets = account.secrets(self.secret);
        let matches = |body: &[u8]| {
            any_matches(secrets, |secret| {
                hmac_sha256_matches(secret.expose().as_bytes(), &[body], &given)
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
}

/// Tries every secret, also after one has matched, so that time tells nothing about which.
fn any_matches(secrets: &[Secret], matches: impl Fn(&Secret) -> bool) -> Result<(), Refusal> {
    if secrets.is_empty() {
        return Err(NO_SECRET);
    }
    let mut matched = false;
    for secret in secrets {
        matched |= matches(secret);
    }
    if matched { Ok(()) } else { Err(MISMATCH) }
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

fn hmac_sha1(secret: &Secret, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn hmac_sha256_matches(key: &[u8], parts: &[&[u8]], given: &[u8]) -> bool {
    same(&hmac_sha256(key, parts), given)
}

/// Compares in constant time; only the length may show.
fn same(expected: &[u8], given: &[u8]) -> bool {
    expected.ct_eq(given).into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lower case only, as the providers write it.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
