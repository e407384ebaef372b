//! Sinch: each of its products proves itself in its own way, and SMS by itself in none.
//!
//! Which one applies is told by the headers; an account without any secret for it refuses. What
//! carries no signature at all must know the address, if the account allows that.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::{Digest, Md5};

use super::{
    Endpoint, MISMATCH, Scheme, any_matches, fresh, hmac_sha1, hmac_sha256, same, signing_secret,
    unhex,
};
use crate::{Account, AccountError, Refusal, Request, Timestamp};

/// Sinch's signatures.
#[derive(Debug)]
pub struct Sinch {
    /// The account's field with the secrets.
    pub secret: &'static str,
    /// The account's field with the application's key, where it is pinned.
    pub application_key: &'static str,
    /// The account's field with the longest age of a signature, in seconds.
    pub max_age: &'static str,
    /// What is asked of requests without a signature.
    pub endpoint: Endpoint,
}

/// Conversation, and SMS where enabled: HMAC-SHA256 of body, nonce and time.
const SIGNATURE: &str = "x-sinch-webhook-signature";
const ALGORITHM: &str = "x-sinch-webhook-signature-algorithm";
const NONCE: &str = "x-sinch-webhook-signature-nonce";
const TIMESTAMP: &str = "x-sinch-webhook-signature-timestamp";
/// Numbers: HMAC-SHA1 of the body, hexadecimal.
const NUMBERS: &str = "x-sinch-signature";
/// Voice and Verification: `application key:signature`.
const APPLICATION: &str = "authorization";
const APPLICATION_TIMESTAMP: &str = "x-timestamp";

/// Sinch's own libraries check no time at all.
const MAX_AGE_SECONDS: u32 = 300;

impl Scheme for Sinch {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        SIGNATURE
    }

    fn secret_in_address(&self) -> bool {
        true
    }

    fn is_signed(&self, request: &Request) -> bool {
        has(request, SIGNATURE) || has(request, NUMBERS) || self.endpoint.is_signed(request)
    }

    fn describe(&self) -> String {
        "HMAC-SHA256 of body, nonce and time; else a secret address or Basic".to_owned()
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        if account.get(self.max_age).is_some_and(|age| age.parse::<u32>().is_err()) {
            return Err(AccountError::Unusable(self.max_age, "expected whole seconds"));
        }
        match self.endpoint.check(account) {
            Err(AccountError::Missing { .. }) if !account.secrets(self.secret).is_empty() => Ok(()),
            checked => checked,
        }
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        if has(request, SIGNATURE) {
            return self.verify_nonce(request, account, now);
        }
        if has(request, NUMBERS) {
            let given = unhex(request.single_header(NUMBERS)?).ok_or(MISMATCH)?;
            return any_matches(account.secrets(self.secret), |secret| {
                same(&hmac_sha1(secret.expose().as_bytes(), &[&request.body]), &given)
            });
        }
        if request.header(APPLICATION).is_some_and(is_application) {
            return self.verify_application(request, account, now);
        }
        if !self.endpoint.is_configured(account) {
            return Err(Refusal::MissingSignature(SIGNATURE));
        }
        self.endpoint.verify(request, account, now)
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        if account.secrets(self.secret).is_empty() && self.endpoint.is_configured(account) {
            return self.endpoint.sign(request, account, now);
        }
        let secret = signing_secret(account, self.secret)?;
        let time = now.as_seconds().to_string();
        let nonce = format!("nonce-{}", now.as_millis());
        let signed: [&[u8]; 5] = [&request.body, b".", nonce.as_bytes(), b".", time.as_bytes()];
        let signature = BASE64.encode(hmac_sha256(secret.expose().as_bytes(), &signed));
        request.set_header(SIGNATURE, signature);
        request.set_header(ALGORITHM, "HmacSHA256".to_owned());
        request.set_header(NONCE, nonce);
        request.set_header(TIMESTAMP, time);
        Ok(())
    }

    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        hmac_sha256(key, &[&request.body])
    }
}

impl Sinch {
    fn max_age(&self, account: &Account) -> u32 {
        let age = account.get(self.max_age).and_then(|age| age.parse().ok());
        age.unwrap_or(MAX_AGE_SECONDS)
    }

    fn verify_nonce(
        &self,
        request: &Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let given = BASE64.decode(request.single_header(SIGNATURE)?).map_err(|_| MISMATCH)?;
        let nonce = request.single_header(NONCE)?;
        let time = request.single_header(TIMESTAMP)?;
        if has(request, ALGORITHM)
            && !request.single_header(ALGORITHM)?.eq_ignore_ascii_case("HmacSHA256")
        {
            return Err(Refusal::BadSignature("the signature is made in another way than we know"));
        }
        let sent = time
            .parse()
            .map_err(|_| Refusal::BadSignature("the signed time must be whole Unix seconds"))?;
        fresh(sent, now, self.max_age(account))?;
        let signed: [&[u8]; 5] = [&request.body, b".", nonce.as_bytes(), b".", time.as_bytes()];
        any_matches(account.secrets(self.secret), |secret| {
            same(&hmac_sha256(secret.expose().as_bytes(), &signed), &given)
        })
    }

    fn verify_application(
        &self,
        request: &Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let header = request.single_header(APPLICATION)?;
        let (_, credentials) = header.split_once(' ').ok_or(MISMATCH)?;
        let (key, signature) = credentials.trim().split_once(':').ok_or(MISMATCH)?;
        if account.get(self.application_key).is_some_and(|ours| ours != key) {
            return Err(Refusal::BadSignature("the signature is another application's"));
        }
        let given = BASE64.decode(signature).map_err(|_| MISMATCH)?;
        let time = request.single_header(APPLICATION_TIMESTAMP)?;
        let sent = Timestamp::parse_rfc3339(time).ok_or(MISMATCH)?;
        fresh(sent.as_seconds(), now, self.max_age(account))?;
        let digest = match request.body.is_empty() {
            true => String::new(),
            false => BASE64.encode(Md5::digest(&request.body)),
        };
        let content_type = request.header("content-type").unwrap_or_default();
        let method = request.method.as_str();
        let address = request.url.split_once("://").map_or("", |(_, rest)| rest);
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let path = path.find('/').map_or("/", |start| &path[start..]);
        let signed =
            format!("{method}\n{digest}\n{content_type}\n{APPLICATION_TIMESTAMP}:{time}\n{path}");
        any_matches(account.secrets(self.secret), |secret| {
            let key = BASE64.decode(secret.expose());
            key.is_ok_and(|key| same(&hmac_sha256(&key, &[signed.as_bytes()]), &given))
        })
    }
}

fn has(request: &Request, name: &str) -> bool {
    request.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))
}

fn is_application(header: &str) -> bool {
    header.split_once(' ').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("application"))
}
