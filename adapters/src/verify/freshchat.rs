//! Freshchat: RSA with SHA-256 over the body.
//!
//! The public key is one of the account's fields. No time is signed.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{Hash, MISMATCH, Scheme, any_matches, rsa};
use crate::{Account, AccountError, Refusal, Request, Timestamp};

/// Freshchat's signature.
#[derive(Debug)]
pub struct Freshchat {
    /// The account's field with the public keys; a secret one, since only those hold several.
    pub public_key: &'static str,
    /// The account's field with the private key for trying the channel.
    pub private_key: &'static str,
}

const HEADER: &str = "x-freshchat-signature";

const NOT_A_KEY: &str = "expected an RSA key of 2048 to 4096 bits, in base64 or PEM";

impl Scheme for Freshchat {
    fn secret_field(&self) -> &'static str {
        self.public_key
    }

    fn signature_header(&self) -> &'static str {
        HEADER
    }

    fn describe(&self) -> String {
        format!("RSA-SHA256 of the body in {HEADER}")
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        let mut public = account.secrets(self.public_key).iter();
        if public.any(|key| rsa::PublicKey::of_public(key.expose()).is_none()) {
            return Err(AccountError::Unusable(self.public_key, NOT_A_KEY));
        }
        let mut private = account.secrets(self.private_key).iter();
        if private.any(|key| rsa::PublicKey::of_private(key.expose()).is_none()) {
            return Err(AccountError::Unusable(self.private_key, NOT_A_KEY));
        }
        Ok(())
    }

    fn verify(&self, request: &Request, account: &Account, _now: Timestamp) -> Result<(), Refusal> {
        let given = BASE64.decode(request.single_header(HEADER)?).map_err(|_| MISMATCH)?;
        any_matches(account.secrets(self.public_key), |key| {
            let key = rsa::PublicKey::of_public(key.expose());
            key.is_some_and(|key| key.verifies(Hash::Sha256, &request.body, &given))
        })
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        _now: Timestamp,
    ) -> Result<(), AccountError> {
        let key = account.secrets(self.private_key).first().ok_or(AccountError::Missing {
            field: self.private_key,
            help: "only Freshchat can sign for its own key; to try the channel, add a key pair of \
                   your own",
        })?;
        let signature = rsa::sign(key.expose(), Hash::Sha256, &request.body)
            .ok_or(AccountError::Unusable(self.private_key, NOT_A_KEY))?;
        request.set_header(HEADER, BASE64.encode(signature));
        Ok(())
    }
}
