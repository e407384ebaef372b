//! RCS for Business: HMAC-SHA512 over what the envelope holds, decoded.
//!
//! Google's own example says so; the body itself is tried as well, since a signature over all of it
//! proves no less. No time is signed.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::Value;

use super::{Hash, MISMATCH, Scheme, any_matches, same, signing_secret};
use crate::{Account, AccountError, Refusal, Request, Timestamp};

/// Google's signature with the client token of the webhook.
#[derive(Debug)]
pub struct GoogleRbm {
    /// The account's field with the client token.
    pub secret: &'static str,
}

const HEADER: &str = "x-goog-signature";

impl Scheme for GoogleRbm {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        HEADER
    }

    fn describe(&self) -> String {
        format!("HMAC-SHA512 of the message in {HEADER}")
    }

    fn verify(&self, request: &Request, account: &Account, _now: Timestamp) -> Result<(), Refusal> {
        let given = BASE64.decode(request.single_header(HEADER)?).map_err(|_| MISMATCH)?;
        let data = data(&request.body);
        any_matches(account.secrets(self.secret), |secret| {
            let key = secret.expose().as_bytes();
            let of_data = data.as_ref().is_some_and(|data| same(&digest(key, data), &given));
            of_data | same(&digest(key, &request.body), &given)
        })
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        _now: Timestamp,
    ) -> Result<(), AccountError> {
        let key = signing_secret(account, self.secret)?.expose().as_bytes();
        let data = data(&request.body);
        let signature = BASE64.encode(digest(key, data.as_deref().unwrap_or(&request.body)));
        request.set_header(HEADER, signature);
        Ok(())
    }

    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        digest(key, &request.body)
    }
}

fn digest(key: &[u8], signed: &[u8]) -> Vec<u8> {
    Hash::Sha512.hmac(key, &[signed])
}

/// What the adapter will read: of a member given twice, both take the last.
fn data(body: &[u8]) -> Option<Vec<u8>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    BASE64.decode(body.get("message")?.get("data")?.as_str()?).ok()
}
