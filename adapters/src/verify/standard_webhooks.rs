//! Standard Webhooks 1.0: what is signed, with which keys, and how the list of signatures is read.

use std::ops::RangeInclusive;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::{Signature, VerifyingKey};

use sha2::{Digest, Sha256};

use super::{MISMATCH, NO_SECRET, Scheme, fresh, hex, hmac_sha256, same, signing_secret};
use crate::{Account, AccountError, Refusal, Request, Secret, Timestamp};

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
pub(super) const SIGNATURE: &str = "webhook-signature";

const NOT_A_SECRET: &str = "expected whsec_ and base64 of 24 to 64 random bytes";

/// Bytes of a symmetric key (Standard Webhooks, "Symmetric"). Asked of a key when it is given;
/// one that was stored before keeps working.
const KEY_BYTES: RangeInclusive<usize> = 24..=64;

/// How far a signed time may be from ours, in seconds, either way (Standard Webhooks libraries).
const TOLERANCE_SECONDS: u32 = 300;

/// Standard Webhooks 1.0: `v1` (HMAC-SHA256) and `v1a` (Ed25519), with a time window.
#[derive(Debug)]
pub struct StandardWebhooks {
    /// The account's field with the symmetric secrets.
    pub secret: &'static str,
    /// The account's field with the public keys; a secret one, since only those hold several.
    pub public_key: &'static str,
}

impl Scheme for StandardWebhooks {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        SIGNATURE
    }

    fn describe(&self) -> String {
        "Standard Webhooks, v1 and v1a".to_owned()
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        let secrets = account.secrets(self.secret);
        let public_keys = account.secrets(self.public_key);
        let strong = |key: Vec<u8>| KEY_BYTES.contains(&key.len());
        if !secrets.iter().all(|key| symmetric_key(key).is_some_and(strong)) {
            return Err(AccountError::Unusable(self.secret, NOT_A_SECRET));
        }
        if public_keys.iter().any(|key| verifying_key(key).is_none()) {
            let expected = "expected whpk_ and base64 of 32 bytes";
            return Err(AccountError::Unusable(self.public_key, expected));
        }
        if secrets.is_empty() && public_keys.is_empty() {
            return Err(AccountError::Missing {
                field: self.secret,
                help: "a channel needs a secret (whsec_…) or a public key (whpk_…)",
            });
        }
        Ok(())
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        let secrets = account.secrets(self.secret);
        let public_keys = account.secrets(self.public_key);
        verify(request, secrets, public_keys, now)
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let key = symmetric_key(signing_secret(account, self.secret)?)
            .ok_or(AccountError::Unusable(self.secret, NOT_A_SECRET))?;
        if request.header(ID).is_none() {
            let id = format!("msg_{}", &hex(&Sha256::digest(&request.body))[..24]);
            request.set_header(ID, id);
        }
        let timestamp = now.as_seconds().to_string();
        let id = request.header(ID).unwrap_or_default();
        let signature = hmac_sha256(&key, &signed_content(id, &timestamp, &request.body));
        request.set_header(TIMESTAMP, timestamp);
        request.set_header(SIGNATURE, format!("v1,{}", BASE64.encode(signature)));
        Ok(())
    }

    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        let [id, timestamp] = [ID, TIMESTAMP].map(|name| request.header(name).unwrap_or_default());
        hmac_sha256(key, &signed_content(id, timestamp, &request.body))
    }
}

pub(super) fn verify(
    request: &Request,
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
    fresh(sent, now, TOLERANCE_SECONDS)?;
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

fn signed_content<'a>(id: &'a str, timestamp: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body]
}

/// The bytes of a key, of whatever length its provider makes it.
pub(super) fn symmetric_key(secret: &Secret) -> Option<Vec<u8>> {
    let secret = secret.expose();
    let key = BASE64.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()?;
    (!key.is_empty()).then_some(key)
}

fn verifying_key(key: &Secret) -> Option<VerifyingKey> {
    let key = key.expose();
    let key = BASE64.decode(key.strip_prefix("whpk_").unwrap_or(key)).ok()?;
    VerifyingKey::from_bytes(&key.try_into().ok()?).ok()
}
