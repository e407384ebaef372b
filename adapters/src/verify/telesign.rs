//! Telesign: HMAC-SHA256 in `Authorization`, with the API key decoded from base64.
//!
//! A callback signs its body; the signature stands alone or as `TSA customer:signature`. With a
//! nonce beside it, method, content type, date and path are signed as well, as in requests to
//! Telesign. Only then is there a time to check.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD as BASE64, STANDARD_NO_PAD},
};

use super::{MISMATCH, Scheme, any_matches, fresh, hmac_sha256, same, signing_secret};
use crate::{Account, AccountError, Refusal, Request, Secret, Timestamp};

/// Telesign's signatures.
#[derive(Debug)]
pub struct Telesign {
    /// The account's field with the API keys.
    pub secret: &'static str,
    /// The account's field with the customer id.
    pub customer: &'static str,
}

const HEADER: &str = "authorization";
const NONCE: &str = "x-ts-nonce";
const METHOD: &str = "x-ts-auth-method";
const DATE: &str = "date";

/// How far a signed date may be from ours, in seconds, either way.
const TOLERANCE_SECONDS: u32 = 300;

const NOT_A_KEY: &str = "expected base64, as Telesign shows it";

impl Scheme for Telesign {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        HEADER
    }

    fn describe(&self) -> String {
        format!("HMAC-SHA256 of the body in {HEADER}")
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        match account.secrets(self.secret).iter().all(|secret| key(secret).is_some()) {
            true => Ok(()),
            false => Err(AccountError::Unusable(self.secret, NOT_A_KEY)),
        }
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        let header = request.single_header(HEADER)?;
        let (customer, signature) = match header.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("tsa") => {
                let (customer, signature) = rest.trim().split_once(':').ok_or(MISMATCH)?;
                (Some(customer), signature)
            }
            Some(_) => return Err(MISMATCH),
            None => (None, header),
        };
        let ours = account.get(self.customer);
        if ours.is_some() && customer.is_some_and(|theirs| ours != Some(theirs)) {
            return Err(Refusal::BadSignature("the signature is another customer's"));
        }
        let given = BASE64.decode(signature).map_err(|_| MISMATCH)?;
        let has_nonce = request.header(NONCE).is_some();
        let signed = if has_nonce { whole(request, now)? } else { request.body.clone() };
        any_matches(account.secrets(self.secret), |secret| {
            key(secret).is_some_and(|key| same(&hmac_sha256(&key, &[&signed]), &given))
        })
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        _now: Timestamp,
    ) -> Result<(), AccountError> {
        let secret = signing_secret(account, self.secret)?;
        let key = key(secret).ok_or(AccountError::Unusable(self.secret, NOT_A_KEY))?;
        let signature = BASE64.encode(hmac_sha256(&key, &[&request.body]));
        let header = match account.get(self.customer) {
            Some(customer) => format!("TSA {customer}:{signature}"),
            None => signature,
        };
        request.remove_header(NONCE);
        request.set_header(HEADER, header);
        Ok(())
    }

    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        hmac_sha256(key, &[&request.body])
    }
}

/// The key under an API key. Characters that are not base64's are skipped, as Python skips them for
/// Telesign's own library: its examples have some.
fn key(secret: &Secret) -> Option<Vec<u8>> {
    let is_digit = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let digits: String = secret.expose().chars().filter(is_digit).collect();
    STANDARD_NO_PAD.decode(digits).ok().filter(|key| !key.is_empty())
}

/// What a request signs that has a nonce.
fn whole(request: &Request, now: Timestamp) -> Result<Vec<u8>, Refusal> {
    let (nonce, date) = (request.single_header(NONCE)?, request.single_header(DATE)?);
    let sent = Timestamp::parse(date).ok_or(MISMATCH)?;
    fresh(sent.as_seconds(), now, TOLERANCE_SECONDS)?;
    let method = request.method.as_str();
    let content_type = request.header("content-type").unwrap_or_default();
    let auth_method = request.single_header(METHOD)?;
    let head =
        format!("{method}\n{content_type}\n{date}\n{METHOD}:{auth_method}\n{NONCE}:{nonce}\n");
    let mut signed = head.into_bytes();
    if !request.body.is_empty() {
        signed.extend_from_slice(&request.body);
        signed.push(b'\n');
    }
    let address = request.url.split_once("://").map_or("", |(_, rest)| rest);
    let path = address.split(['?', '#']).next().unwrap_or_default();
    signed.extend_from_slice(path.find('/').map_or("/", |start| &path[start..]).as_bytes());
    Ok(signed)
}
