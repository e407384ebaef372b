//! What proves that an event is ours, and what lets us in.

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

use super::{Signature, SinkError};
use crate::clock;

/// How long a secret still signs after it was replaced.
const OVERLAP_MS: i64 = 24 * 60 * 60 * 1000;
/// How many replaced ones sign at most: each makes a header longer.
const OVERLAPPING: usize = 4;

/// The secrets of a sink, as they are sealed. They have no `Debug` form.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// Signs webhooks.
    pub signing: Option<SigningKey>,
    /// Signed them before, and still does until a time in Unix milliseconds.
    previous: Option<(SigningKey, i64)>,
    /// Signed them before that one, the latest first. Apart from it, since versions that know of one
    /// alone may still be running.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<(SigningKey, i64)>,
    /// Lets us in at a broker.
    pub login: Option<Login>,
}

/// A key that signs, in its scheme.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    signature: Signature,
    /// Base64 of the shared secret, or of the seed of the key pair.
    key: String,
}

/// What lets us in.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SinkLogin)]
pub struct Login {
    /// A name, with a password.
    #[serde(default)]
    pub user: Option<String>,
    /// The password.
    #[serde(default)]
    pub password: Option<String>,
    /// Or a token.
    #[serde(default)]
    pub token: Option<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(…)")
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl SigningKey {
    /// A new key.
    #[must_use]
    pub fn generate(signature: Signature) -> Self {
        Self { signature, key: BASE64.encode(clock::random_bytes::<32>()) }
    }

    /// A shared secret that somebody chose: `whsec_…`.
    pub fn parse(text: &str) -> Result<Self, SinkError> {
        let key = text.trim().strip_prefix("whsec_").ok_or(SinkError::Secret)?;
        let bytes = BASE64.decode(key).map_err(|_| SinkError::Secret)?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(SinkError::Secret);
        }
        Ok(Self { signature: Signature::V1, key: key.to_owned() })
    }

    /// Its scheme.
    #[must_use]
    pub fn signature(&self) -> Signature {
        self.signature
    }

    /// What the receiver is given, once: the shared secret `whsec_…`, or the public key `whpk_…`.
    ///
    /// # Panics
    ///
    /// When the stored seed is not one of ours.
    #[must_use]
    pub fn for_receiver(&self) -> String {
        match self.signature {
            Signature::V1 => format!("whsec_{}", self.key),
            Signature::V1a => {
                format!("whpk_{}", BASE64.encode(self.key_pair().public_key().as_ref()))
            }
        }
    }

    /// One signature of Standard Webhooks over what `content` says.
    fn sign(&self, content: &[u8]) -> String {
        match self.signature {
            Signature::V1 => {
                let key = BASE64.decode(&self.key).unwrap_or_default();
                let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
                format!("v1,{}", BASE64.encode(hmac::sign(&key, content).as_ref()))
            }
            Signature::V1a => {
                format!("v1a,{}", BASE64.encode(self.key_pair().sign(content).as_ref()))
            }
        }
    }

    fn key_pair(&self) -> Ed25519KeyPair {
        let seed = BASE64.decode(&self.key).unwrap_or_default();
        Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes of our own making")
    }
}

impl Secrets {
    /// The secrets of a new sink.
    #[must_use]
    pub fn new(signing: Option<SigningKey>, login: Option<Login>) -> Self {
        Self { signing, previous: None, earlier: Vec::new(), login }
    }

    /// Signs with `key` from `now` on; what signed before still does for a day.
    pub fn rotate(&mut self, key: SigningKey, now: i64) {
        let replaced = self.signing.take().map(|key| (key, now.saturating_add(OVERLAP_MS)));
        let known = replaced.into_iter().chain(self.previous.take()).chain(self.earlier.drain(..));
        let mut known = known.filter(|(known, until)| now < *until && *known != key);
        let previous = known.next();
        let earlier = known.take(OVERLAPPING - 1).collect();
        (self.signing, self.previous, self.earlier) = (Some(key), previous, earlier);
    }

    /// The header `webhook-signature` for an event: `v1,…`, once for every secret that overlaps.
    ///
    /// `seconds` is the header `webhook-timestamp`, `now` is in Unix milliseconds.
    #[must_use]
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8], now: i64) -> String {
        let mut content = format!("{id}.{seconds}.").into_bytes();
        content.extend_from_slice(body);
        let replaced = self.previous.iter().chain(&self.earlier);
        let replaced = replaced.filter(|(_, until)| now < *until).map(|(key, _)| key);
        let keys = self.signing.iter().chain(replaced);
        let signatures: Vec<_> = keys.map(|key| key.sign(&content)).collect();
        signatures.join(" ")
    }
}
