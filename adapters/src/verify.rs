//! Every signature scheme, in one file.
//!
//! Adapters only name a scheme. Comparisons take constant time; a secret that is not configured
//! never means "accept"; what is compared never appears in an error. [`Verifier::sign`] is the
//! other direction, for replaying fixtures and for trying a channel without its provider.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::{Signature, VerifyingKey};
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

/// How far a signed time may be from ours, in seconds, either way (Standard Webhooks libraries).
const TOLERANCE_SECONDS: u32 = 300;

const WEBHOOK_ID: &str = "webhook-id";
const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";
const WEBHOOK_SIGNATURE: &str = "webhook-signature";

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
            Self::StandardWebhooks { .. } => WEBHOOK_SIGNATURE,
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
            if symmetric_key(key).is_none() {
                return Err(AccountError::Unusable(
                    secret,
                    "expected whsec_ and base64 of the key",
                ));
            }
        }
        for key in account.secrets(public_key) {
            if verifying_key(key).is_none() {
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
                verify_url_and_form(request, signature, account.secrets(secret))
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
                verify_standard_webhook(request, secrets, public_keys, now)
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
                let form = signed_form(request).unwrap_or_default();
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
                let key = symmetric_key(&secret).ok_or(AccountError::Unusable(
                    field,
                    "expected whsec_ and base64 of the key",
                ))?;
                if request.header(WEBHOOK_ID).is_none() {
                    let id = format!("msg_{}", &hex(&Sha256::digest(&request.body))[..24]);
                    request.set_header(WEBHOOK_ID, id);
                }
                let timestamp = now.as_seconds().to_string();
                let id = request.header(WEBHOOK_ID).unwrap_or_default().to_owned();
                let signature =
                    hmac_sha256(&key, &standard_webhook_content(&id, &timestamp, &request.body));
                request.set_header(WEBHOOK_TIMESTAMP, timestamp);
                request.set_header(WEBHOOK_SIGNATURE, format!("v1,{}", BASE64.encode(signature)));
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

fn verify_url_and_form<T>(
    request: &Request<T>,
    signature: &str,
    secrets: &[Secret],
) -> Result<(), Refusal> {
    let given = BASE64.decode(signature).map_err(|_| MISMATCH)?;
    let url = request.url.split('#').next().unwrap_or_default();
    let body_digest = request
        .query()
        .find(|(name, _)| name == "bodySHA256")
        .map(|(_, digest)| digest.into_owned());
    let form = match &body_digest {
        Some(digest) => {
            let expected = hex(&Sha256::digest(&request.body));
            if !same(expected.as_bytes(), digest.to_ascii_lowercase().as_bytes()) {
                return Err(MISMATCH);
            }
            String::new()
        }
        None => signed_form(request).ok_or(Refusal::BadSignature(
            "the body is not covered: it is no form and the address has no bodySHA256",
        ))?,
    };
    let matches = |url: &str| {
        any_matches(secrets, |secret| {
            same(&hmac_sha1(secret, &[url.as_bytes(), form.as_bytes()]), &given)
        })
    };
    let as_configured = matches(url);
    if as_configured.is_ok() || secrets.is_empty() {
        return as_configured;
    }
    let mut otherwise = other_spellings(url).into_iter();
    otherwise.find_map(|url| matches(&url).ok()).ok_or(MISMATCH)
}

/// The parameters of a form as they are signed: sorted, each pair once, nothing in between.
///
/// By key and only then by value: sorting joined pairs puts `ReasonConferenceEnded` wrong. A query
/// is part of the address, and any other body is not signed at all: `None`.
fn signed_form<T>(request: &Request<T>) -> Option<String> {
    if request.method == Method::Get || request.body.is_empty() {
        return Some(String::new());
    }
    if request.media_type() != "application/x-www-form-urlencoded" {
        return None;
    }
    let mut pairs: Vec<_> = request.form().collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut signed = String::with_capacity(request.body.len());
    for (name, value) in &pairs {
        signed.push_str(name);
        signed.push_str(value);
    }
    Some(signed)
}

/// The address without its port, or with the usual one: Twilio signs either.
///
/// A quote in the query is also tried as `%27`, which one of Twilio's signers writes.
fn other_spellings(url: &str) -> Vec<String> {
    let mut spellings = Vec::new();
    if let Some((scheme, rest)) = url.split_once("://") {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        // The colon inside an IPv6 address or before a password is not a port's.
        let host = authority.rfind(['@', ']']).map_or(0, |end| end + 1);
        spellings.push(match authority[host..].rfind(':') {
            Some(colon) => format!("{scheme}://{}{path}", &authority[..host + colon]),
            None => {
                let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
                format!("{scheme}://{authority}:{port}{path}")
            }
        });
    }
    if url.contains('\'') {
        let quoted: Vec<_> = std::iter::once(url)
            .chain(spellings.iter().map(String::as_str))
            .map(|url| url.replace('\'', "%27"))
            .collect();
        spellings.extend(quoted);
    }
    spellings
}

fn verify_standard_webhook<T>(
    request: &Request<T>,
    secrets: &[Secret],
    public_keys: &[Secret],
    now: Timestamp,
) -> Result<(), Refusal> {
    let id = request.single_header(WEBHOOK_ID)?;
    let timestamp = request.single_header(WEBHOOK_TIMESTAMP)?;
    let signatures = request.single_header(WEBHOOK_SIGNATURE)?;
    if id.contains('.') {
        return Err(Refusal::BadSignature("webhook-id must not contain a full stop"));
    }
    let sent: i64 = timestamp
        .parse()
        .map_err(|_| Refusal::BadSignature("webhook-timestamp must be whole Unix seconds"))?;
    if sent.abs_diff(now.as_seconds()) > u64::from(TOLERANCE_SECONDS) {
        return Err(Refusal::Stale(TOLERANCE_SECONDS));
    }
    if secrets.is_empty() && public_keys.is_empty() {
        return Err(NO_SECRET);
    }
    let symmetric: Option<Vec<_>> = secrets.iter().map(symmetric_key).collect();
    let public: Option<Vec<_>> = public_keys.iter().map(verifying_key).collect();
    let (symmetric, public) = symmetric.zip(public).ok_or(NO_SECRET)?;
    let content = standard_webhook_content(id, timestamp, &request.body);
    // Once a key, not once an item: a list of made-up signatures must not cost a MAC each.
    let expected: Vec<_> = symmetric.iter().map(|key| hmac_sha256(key, &content)).collect();
    let whole = if public.is_empty() { Vec::new() } else { content.concat() };
    let mut matched = false;
    // Only U+0020 separates: a tab-joined value is one, invalid, item. The version is part of the
    // item, so a right digest under the wrong label fails, and nobody but us chooses the scheme.
    for item in signatures.split(' ') {
        let Some((version, given)) = item.split_once(',') else {
            continue;
        };
        let Ok(given) = BASE64.decode(given) else {
            continue;
        };
        match version {
            "v1" => {
                for digest in &expected {
                    matched |= same(digest, &given);
                }
            }
            "v1a" => {
                let Ok(given) = Signature::from_slice(&given) else {
                    continue;
                };
                for key in &public {
                    matched |= key.verify_strict(&whole, &given).is_ok();
                }
            }
            _ => {}
        }
    }
    if matched { Ok(()) } else { Err(MISMATCH) }
}

fn standard_webhook_content<'a>(id: &'a str, timestamp: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body]
}

fn symmetric_key(secret: &Secret) -> Option<Vec<u8>> {
    let secret = secret.expose();
    let key = BASE64.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()?;
    (!key.is_empty()).then_some(key)
}

fn verifying_key(key: &Secret) -> Option<VerifyingKey> {
    let key = key.expose();
    let key = BASE64.decode(key.strip_prefix("whpk_").unwrap_or(key)).ok()?;
    VerifyingKey::from_bytes(&key.try_into().ok()?).ok()
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
