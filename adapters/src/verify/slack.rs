//! Slack: HMAC-SHA256 over version, time and body.

use super::{MISMATCH, Scheme, any_matches, fresh, hex, hmac_sha256, same, signing_secret, unhex};
use crate::{Account, AccountError, Refusal, Request, Timestamp};

/// Slack's signature, version 0.
#[derive(Debug)]
pub struct Slack {
    /// The account's field with the signing secret.
    pub secret: &'static str,
}

const SIGNATURE: &str = "x-slack-signature";
const TIMESTAMP: &str = "x-slack-request-timestamp";
const TOLERANCE_SECONDS: u32 = 300;

impl Scheme for Slack {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        SIGNATURE
    }

    fn describe(&self) -> String {
        format!("HMAC-SHA256 of time and body in {SIGNATURE}")
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        let given = request.single_header(SIGNATURE)?;
        let given = unhex(given.strip_prefix("v0=").ok_or(MISMATCH)?).ok_or(MISMATCH)?;
        let time = request.single_header(TIMESTAMP)?;
        let sent = time
            .parse()
            .map_err(|_| Refusal::BadSignature("the signed time must be whole Unix seconds"))?;
        fresh(sent, now, TOLERANCE_SECONDS)?;
        any_matches(account.secrets(self.secret), |secret| {
            same(&digest(secret.expose().as_bytes(), time, &request.body), &given)
        })
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let secret = signing_secret(account, self.secret)?;
        let time = now.as_seconds().to_string();
        let digest = digest(secret.expose().as_bytes(), &time, &request.body);
        request.set_header(SIGNATURE, format!("v0={}", hex(&digest)));
        request.set_header(TIMESTAMP, time);
        Ok(())
    }

    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        hmac_sha256(key, &[&request.body])
    }
}

fn digest(key: &[u8], time: &str, body: &[u8]) -> Vec<u8> {
    hmac_sha256(key, &[b"v0:", time.as_bytes(), b":", body])
}
