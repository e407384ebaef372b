//! JSON Web Tokens signed with a shared secret, as some providers put beside a request.
//!
//! Reading a token believes nothing: the signature, and whatever the claims must say, are the
//! scheme's to check. Only HMACs are understood, so a token with `none` or a public-key algorithm
//! is none at all.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use serde_json::{Value, json};

use super::{Hash, same};

/// A token nobody has checked yet.
pub(super) struct Token<'a> {
    hash: Hash,
    signed: &'a str,
    signature: Vec<u8>,
    claims: Value,
}

impl<'a> Token<'a> {
    /// Reads a token whose algorithm is one of `allowed`.
    pub fn read(token: &'a str, allowed: &[Hash]) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part: &str| serde_json::from_slice::<Value>(&BASE64URL.decode(part).ok()?).ok();
        let hash = match json(header)?.get("alg")?.as_str()? {
            "HS256" => Hash::Sha256,
            "HS384" => Hash::Sha384,
            "HS512" => Hash::Sha512,
            _ => return None,
        };
        let signature = BASE64URL.decode(signature).ok()?;
        let token = Self { hash, signed, signature, claims: json(claims)? };
        (allowed.contains(&hash) && token.claims.is_object()).then_some(token)
    }

    pub fn is_signed_with(&self, key: &[u8]) -> bool {
        same(&self.hash.hmac(key, &[self.signed.as_bytes()]), &self.signature)
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
    let part = |value: &Value| BASE64URL.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    let signature = Hash::Sha256.hmac(key, &[signed.as_bytes()]);
    format!("{signed}.{}", BASE64URL.encode(signature))
}
