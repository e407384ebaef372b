//! MessageBird, now Bird: a token over address and body, two older HMACs, and Standard Webhooks.
//!
//! The token comes first wherever it is present. Of the older ones, one signs the sorted query and
//! the other, of Bird's Channels API, the whole address; both are tried. Keys of Standard Webhooks
//! begin with `whsec_`, and are used for nothing else.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    Hash, MISMATCH, Scheme, any_matches, fresh, hex, hmac_sha256, jwt, same, signing_secret,
    standard_webhooks,
};
use crate::{Account, AccountError, Refusal, Request, Secret, Timestamp};

/// MessageBird's and Bird's signatures.
#[derive(Debug)]
pub struct MessageBird {
    /// The account's field with the signing keys.
    pub secret: &'static str,
}

const TOKEN: &str = "messagebird-signature-jwt";
const SIGNATURE: &str = "messagebird-signature";
const TIMESTAMP: &str = "messagebird-request-timestamp";

/// How long a token is good.
const TOKEN_SECONDS: u32 = 60;

/// How far the time of the older signatures may be from ours, in seconds, either way.
const TOLERANCE_SECONDS: u32 = 300;

const STANDARD_PREFIX: &str = "whsec_";

impl Scheme for MessageBird {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        TOKEN
    }

    fn is_signed(&self, request: &Request) -> bool {
        [TOKEN, SIGNATURE, standard_webhooks::SIGNATURE].iter().any(|name| has(request, name))
    }

    fn describe(&self) -> String {
        "JWT of address and body; HMAC-SHA256; Standard Webhooks".to_owned()
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        let mut standard = account.secrets(self.secret).iter().filter(|key| is_standard(key));
        match standard.all(|key| standard_webhooks::symmetric_key(key).is_some()) {
            true => Ok(()),
            false => Err(AccountError::Unusable(self.secret, "expected base64 after whsec_")),
        }
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        let secrets = account.secrets(self.secret).iter().cloned();
        let (standard, plain): (Vec<_>, Vec<_>) = secrets.partition(is_standard);
        if has(request, TOKEN) {
            return verify_token(request, &plain, now);
        }
        if has(request, standard_webhooks::SIGNATURE) {
            return standard_webhooks::verify(request, &standard, &[], now);
        }
        if has(request, SIGNATURE) {
            return verify_hmac(request, &plain, now);
        }
        Err(Refusal::MissingSignature(TOKEN))
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let secret = signing_secret(account, self.secret)?;
        if is_standard(secret) {
            request.remove_header(TOKEN);
            let scheme =
                standard_webhooks::StandardWebhooks { secret: self.secret, public_key: "" };
            return scheme.sign(request, account, now);
        }
        let seconds = now.as_seconds();
        let mut claims = json!({
            "iss": "MessageBird",
            "nbf": seconds,
            "exp": seconds + i64::from(TOKEN_SECONDS),
            "jti": now.as_millis().to_string(),
            "url_hash": hex(&Sha256::digest(&request.url)),
        });
        if !request.body.is_empty() {
            claims["payload_hash"] = hex(&Sha256::digest(&request.body)).into();
        }
        request.set_header(TOKEN, jwt::write(secret.expose().as_bytes(), &claims));
        Ok(())
    }

    /// That of the token, which has those of address and body in it.
    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        let signed = request.header(TOKEN).and_then(|token| token.rsplit_once('.'));
        let signed = signed.map_or("", |(signed, _)| signed);
        let (address, body) = (Sha256::digest(&request.url), Sha256::digest(&request.body));
        [hmac_sha256(key, &[signed.as_bytes()]), address.to_vec(), body.to_vec()].concat()
    }
}

fn verify_token(request: &Request, secrets: &[Secret], now: Timestamp) -> Result<(), Refusal> {
    let token = request.single_header(TOKEN)?;
    let token = jwt::Token::read(token, &[Hash::Sha256, Hash::Sha384, Hash::Sha512]);
    let token = token.ok_or(MISMATCH)?;
    any_matches(secrets, |secret| token.is_signed_with(secret.expose().as_bytes()))?;
    let now = now.as_seconds();
    let expires = token.seconds("exp").ok_or(MISMATCH)?;
    let begins = token.seconds("nbf").ok_or(MISMATCH)?;
    // A second for the difference between two clocks, as in the provider's own libraries.
    if now < begins.saturating_sub(1) || now > expires.saturating_add(1) {
        return Err(Refusal::Stale { tolerance_seconds: TOKEN_SECONDS, signed_at: begins });
    }
    let is = |claim: &str, expected: &str| {
        token.text(claim).is_some_and(|claim| same(expected.as_bytes(), claim.as_bytes()))
    };
    if !is("iss", "MessageBird") || token.text("jti").is_none_or(str::is_empty) {
        return Err(Refusal::BadSignature("the token is not MessageBird's"));
    }
    if !is("url_hash", &hex(&Sha256::digest(&request.url))) {
        return Err(Refusal::BadSignature("the token is for another address"));
    }
    let covered = match request.body.is_empty() {
        true => token.text("payload_hash").is_none(),
        false => is("payload_hash", &hex(&Sha256::digest(&request.body))),
    };
    match covered {
        true => Ok(()),
        false => Err(Refusal::BadSignature("the token does not cover the body")),
    }
}

fn verify_hmac(request: &Request, secrets: &[Secret], now: Timestamp) -> Result<(), Refusal> {
    let given = BASE64.decode(request.single_header(SIGNATURE)?).map_err(|_| MISMATCH)?;
    let time = request.single_header(TIMESTAMP)?;
    let sent = time
        .parse()
        .map_err(|_| Refusal::BadSignature("the signed time must be whole Unix seconds"))?;
    fresh(sent, now, TOLERANCE_SECONDS)?;
    let mut query: Vec<_> = request.query().collect();
    query.sort_by(|(one, _), (other, _)| one.cmp(other));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let body = Sha256::digest(&request.body);
    any_matches(secrets, |secret| {
        let addresses = [query.as_str(), request.url.as_str()];
        addresses.iter().fold(false, |matched, address| {
            let signed: [&[u8]; 5] =
                [time.as_bytes(), b"\n", address.as_bytes(), b"\n", body.as_slice()];
            matched | same(&hmac_sha256(secret.expose().as_bytes(), &signed), &given)
        })
    })
}

fn has(request: &Request, name: &str) -> bool {
    request.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))
}

fn is_standard(secret: &Secret) -> bool {
    secret.expose().starts_with(STANDARD_PREFIX)
}
