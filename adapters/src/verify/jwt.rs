//! JSON Web Tokens, as some providers put beside a request.
//!
//! Reading a token believes nothing: the signature, and whatever the claims must say, are the
//! scheme's to check. A scheme reads either tokens signed with a shared secret or tokens signed with
//! a key their issuer publishes: one with `none`, or of the other family, is none at all.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use serde_json::{Value, json};

use super::{Hash, rsa, same};

/// A token nobody has checked yet.
pub(super) struct Token<'a> {
    hash: Hash,
    key_id: Option<String>,
    signed: &'a str,
    signature: Vec<u8>,
    claims: Value,
}

impl<'a> Token<'a> {
    /// Reads a token signed with a shared secret, its algorithm one of `allowed`.
    pub fn read(token: &'a str, allowed: &[Hash]) -> Option<Self> {
        let token = Self::of_family(token, "HS")?;
        allowed.contains(&token.hash).then_some(token)
    }

    /// Reads a token signed with an RSA key.
    pub fn read_published(token: &'a str) -> Option<Self> {
        Self::of_family(token, "RS")
    }

    fn of_family(token: &'a str, family: &str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part: &str| serde_json::from_slice::<Value>(&BASE64URL.decode(part).ok()?).ok();
        let header = json(header)?;
        let hash = match header.get("alg")?.as_str()?.strip_prefix(family)? {
            "256" => Hash::Sha256,
            "384" => Hash::Sha384,
            "512" => Hash::Sha512,
            _ => return None,
        };
        let key_id = header.get("kid").and_then(Value::as_str).map(str::to_owned);
        let signature = BASE64URL.decode(signature).ok()?;
        let token = Self { hash, key_id, signed, signature, claims: json(claims)? };
        token.claims.is_object().then_some(token)
    }

    pub fn is_signed_with(&self, key: &[u8]) -> bool {
        same(&self.hash.hmac(key, &[self.signed.as_bytes()]), &self.signature)
    }

    pub fn is_signed_by(&self, key: &rsa::PublicKey) -> bool {
        key.verifies(self.hash, self.signed.as_bytes(), &self.signature)
    }

    /// What its issuer calls the key it is signed with.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Whether a claim is `expected`, or a list that has it.
    pub fn says(&self, claim: &str, expected: &str) -> bool {
        match self.claims.get(claim) {
            Some(Value::String(text)) => text == expected,
            Some(Value::Array(texts)) => texts.iter().any(|text| text == expected),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
                false
            }
        }
    }

    /// A claim that is text.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// A claim that is a time, in Unix seconds.
    pub fn seconds(&self, claim: &str) -> Option<i64> {
        let claim = self.claims.get(claim)?;
        claim.as_i64().or_else(|| Some(claim.as_f64()?.floor() as i64))
    }
}

/// Writes a token signed with HMAC-SHA256.
pub(super) fn write(key: &[u8], claims: &Value) -> String {
    let signed = unsigned(&json!({"alg": "HS256", "typ": "JWT"}), claims);
    let signature = Hash::Sha256.hmac(key, &[signed.as_bytes()]);
    format!("{signed}.{}", BASE64URL.encode(signature))
}

/// Writes a token signed with RSA and SHA-256; `None` if `key` is no private key.
pub(super) fn write_published(key: &str, key_id: &str, claims: &Value) -> Option<String> {
    let signed = unsigned(&json!({"alg": "RS256", "typ": "JWT", "kid": key_id}), claims);
    let signature = rsa::sign(key, Hash::Sha256, signed.as_bytes())?;
    Some(format!("{signed}.{}", BASE64URL.encode(signature)))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}
