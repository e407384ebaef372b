//! Standard Webhooks 1.0: what is signed, with which keys, and how the list of signatures is read.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::{Signature, VerifyingKey};

use super::{MISMATCH, NO_SECRET, hmac_sha256, same};
use crate::{Refusal, Request, Secret, Timestamp};

pub(super) const ID: &str = "webhook-id";
pub(super) const TIMESTAMP: &str = "webhook-timestamp";
pub(super) const SIGNATURE: &str = "webhook-signature";

/// How far a signed time may be from ours, in seconds, either way (Standard Webhooks libraries).
const TOLERANCE_SECONDS: u32 = 300;

pub(super) fn verify<T>(
    request: &Request<T>,
    secrets: &[Secret],
    public_keys: &[Secret],
    now: Timestamp,
) -> Result<(), Refusal> {
    let id = request.single_header(ID)?;
    let timestamp = request.single_header(TIMESTAMP)?;
    let signatures = request.single_header(SIGNATURE)?;
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
    let content = signed_content(id, timestamp, &request.body);
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

pub(super) fn signed_content<'a>(id: &'a str, timestamp: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body]
}

pub(super) fn symmetric_key(secret: &Secret) -> Option<Vec<u8>> {
    let secret = secret.expose();
    let key = BASE64.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()?;
    (!key.is_empty()).then_some(key)
}

pub(super) fn verifying_key(key: &Secret) -> Option<VerifyingKey> {
    let key = key.expose();
    let key = BASE64.decode(key.strip_prefix("whpk_").unwrap_or(key)).ok()?;
    VerifyingKey::from_bytes(&key.try_into().ok()?).ok()
}
