//! The secret itself, in a header: proves who sent, but not what.

use super::{Scheme, any_matches, redact::redact, same, signing_secret};
use crate::{Account, AccountError, Refusal, Request, Timestamp};

/// The secret itself, in a header.
#[derive(Debug)]
pub struct SharedSecret {
    /// The header.
    pub header: &'static str,
    /// The account's field with the secret.
    pub secret: &'static str,
    /// A member of the body that is a secret as well, if not one that proves anything to us.
    pub in_body: Option<&'static str>,
}

impl Scheme for SharedSecret {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        self.header
    }

    fn secret_header(&self) -> Option<&'static str> {
        Some(self.header)
    }

    fn redact(&self, body: &mut Vec<u8>) {
        if let Some(member) = self.in_body {
            redact(body, member);
        }
    }

    fn signs(&self) -> bool {
        false
    }

    fn describe(&self) -> String {
        format!("shared secret in {}", self.header)
    }

    fn verify(&self, request: &Request, account: &Account, _now: Timestamp) -> Result<(), Refusal> {
        let given = request.single_header(self.header)?;
        let secrets = account.secrets(self.secret);
        any_matches(secrets, |secret| same(secret.expose().as_bytes(), given.as_bytes()))
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        _now: Timestamp,
    ) -> Result<(), AccountError> {
        let secret = signing_secret(account, self.secret)?;
        request.set_header(self.header, secret.expose().to_owned());
        Ok(())
    }
}
