//! Apple Messages for Business: a JWT beside the request.
//!
//! It is signed with the secret of the messaging service provider and made out to it. The body is
//! not covered: who holds a token could send another body with it, as long as it is fresh.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::json;

use super::{Hash, MISMATCH, Scheme, any_matches, fresh, jwt, signing_secret};
use crate::{Account, AccountError, Refusal, Request, Secret, Timestamp};

/// Apple's token.
#[derive(Debug)]
pub struct Apple {
    /// The account's field with the secret, in base64.
    pub secret: &'static str,
    /// The account's field with the id of the messaging service provider.
    pub audience: &'static str,
}

const HEADER: &str = "authorization";

/// Apple does not say how old a token may be when a request is repeated.
const TOLERANCE_SECONDS: u32 = 3600;

const NOT_A_SECRET: &str = "expected base64, as Apple shows the secret";

impl Scheme for Apple {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        HEADER
    }

    fn secret_header(&self) -> Option<&'static str> {
        Some(HEADER)
    }

    fn describe(&self) -> String {
        format!("JWT in {HEADER}; the body is not covered")
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        match account.secrets(self.secret).iter().all(|secret| key(secret).is_some()) {
            true => Ok(()),
            false => Err(AccountError::Unusable(self.secret, NOT_A_SECRET)),
        }
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        let (scheme, token) = request.single_header(HEADER)?.split_once(' ').ok_or(MISMATCH)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(MISMATCH);
        }
        let token = jwt::Token::read(token.trim(), &[Hash::Sha256]).ok_or(MISMATCH)?;
        any_matches(account.secrets(self.secret), |secret| {
            key(secret).is_some_and(|key| token.is_signed_with(&key))
        })?;
        if account.get(self.audience).is_none() || token.text("aud") != account.get(self.audience) {
            return Err(Refusal::BadSignature("the token is for another service provider"));
        }
        let issued = token.seconds("iat").ok_or(Refusal::BadSignature("the token has no time"))?;
        fresh(issued, now, TOLERANCE_SECONDS)
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let secret = signing_secret(account, self.secret)?;
        let key = key(secret).ok_or(AccountError::Unusable(self.secret, NOT_A_SECRET))?;
        let audience = account.get(self.audience).unwrap_or_default();
        let token = jwt::write(&key, &json!({"aud": audience, "iat": now.as_seconds()}));
        request.set_header(HEADER, format!("Bearer {token}"));
        Ok(())
    }
}

fn key(secret: &Secret) -> Option<Vec<u8>> {
    BASE64.decode(secret.expose().trim()).ok().filter(|key| !key.is_empty())
}
