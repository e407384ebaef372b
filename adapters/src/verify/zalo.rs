//! Zalo: a SHA-256 over the application's id, the body, the time in it and the secret, one after the
//! other.
//!
//! It is no HMAC, but the secret stands at the end, so nothing can be appended to what was signed.
//! The time is the event's, repeats included, and no limit is set to its age.

use sha2::{Digest, Sha256};

use super::{MISMATCH, Scheme, any_matches, hex, same, signing_secret, unhex};
use crate::{Account, AccountError, Refusal, Request, Timestamp, json};

/// The digest in a header, as `mac=` and hexadecimal digits.
#[derive(Debug)]
pub struct Zalo {
    /// The account's field with the secret.
    pub secret: &'static str,
    /// The account's field with the application's id.
    pub app: &'static str,
}

const HEADER: &str = "x-zevent-signature";

impl Zalo {
    fn digest(&self, request: &Request, account: &Account, secret: &str) -> Vec<u8> {
        let [timestamp] = json::members(&request.body, ["timestamp"]);
        let digest = Sha256::new().chain_update(account.get(self.app).unwrap_or_default());
        let digest = digest.chain_update(&request.body);
        let digest = digest.chain_update(timestamp.unwrap_or_default()).chain_update(secret);
        digest.finalize().to_vec()
    }
}

impl Scheme for Zalo {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        HEADER
    }

    fn describe(&self) -> String {
        format!("SHA-256 of application, body, time and secret in {HEADER}")
    }

    fn verify(&self, request: &Request, account: &Account, _now: Timestamp) -> Result<(), Refusal> {
        let given = request.single_header(HEADER)?;
        let given = given.strip_prefix("mac=").unwrap_or(given);
        let given = unhex(&given.to_ascii_lowercase()).ok_or(MISMATCH)?;
        any_matches(account.secrets(self.secret), |secret| {
            same(&self.digest(request, account, secret.expose()), &given)
        })
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        _now: Timestamp,
    ) -> Result<(), AccountError> {
        let secret = signing_secret(account, self.secret)?;
        let digest = self.digest(request, account, secret.expose());
        request.set_header(HEADER, format!("mac={}", hex(&digest)));
        Ok(())
    }

    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        Sha256::new().chain_update(&request.body).chain_update(key).finalize().to_vec()
    }
}
