//! Plivo: HMAC-SHA256 over the address and a nonce (V2), or over the parameters as well (V3).
//!
//! V2 covers neither query nor body, so whoever has seen one signed request can send any content
//! under its nonce: wherever V3 is present, it alone decides. A header may list several signatures,
//! and each version has one of the sub-account and one of the main account. V1 (HMAC-SHA1) is not
//! understood at all. No time is signed.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{Scheme, any_matches, hmac_sha256, same, signing_secret};
use crate::{Account, AccountError, Method, Refusal, Request, Timestamp};

/// Plivo's V2 and V3.
#[derive(Debug)]
pub struct Plivo {
    /// The account's field with the Auth Tokens.
    pub secret: &'static str,
}

const V2: &str = "x-plivo-signature-v2";
const V2_MAIN: &str = "x-plivo-signature-ma-v2";
const V2_NONCE: &str = "x-plivo-signature-v2-nonce";
const V3: &str = "x-plivo-signature-v3";
const V3_MAIN: &str = "x-plivo-signature-ma-v3";
const V3_NONCE: &str = "x-plivo-signature-v3-nonce";

impl Scheme for Plivo {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        V2
    }

    fn is_signed(&self, request: &Request) -> bool {
        [V2, V2_MAIN, V3, V3_MAIN].iter().any(|name| has(request, name))
    }

    fn describe(&self) -> String {
        "HMAC-SHA256 of address and nonce (V2), of the parameters too (V3)".to_owned()
    }

    fn verify(&self, request: &Request, account: &Account, _now: Timestamp) -> Result<(), Refusal> {
        let is_v3 = [V3, V3_MAIN, V3_NONCE].iter().any(|name| has(request, name));
        let (headers, nonce) = match is_v3 {
            true => ([V3, V3_MAIN], V3_NONCE),
            false => ([V2, V2_MAIN], V2_NONCE),
        };
        let mut given = Vec::new();
        for name in headers {
            if has(request, name) {
                let list = request.single_header(name)?.split(',');
                given.extend(list.filter_map(|item| BASE64.decode(item.trim()).ok()));
            }
        }
        if !headers.iter().any(|name| has(request, name)) {
            return Err(Refusal::MissingSignature(headers[0]));
        }
        let nonce = request.single_header(nonce)?;
        let signed = if is_v3 { v3(request, nonce)? } else { v2(request, nonce) };
        any_matches(account.secrets(self.secret), |secret| {
            let expected = hmac_sha256(secret.expose().as_bytes(), &[signed.as_bytes()]);
            given.iter().fold(false, |matched, given| matched | same(&expected, given))
        })
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let secret = signing_secret(account, self.secret)?;
        let nonce = now.as_millis().to_string();
        let signature = hmac_sha256(secret.expose().as_bytes(), &[v2(request, &nonce).as_bytes()]);
        for name in [V3, V3_MAIN, V3_NONCE] {
            request.remove_header(name);
        }
        request.set_header(V2_NONCE, nonce);
        request.set_header(V2, BASE64.encode(signature));
        Ok(())
    }

    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        hmac_sha256(key, &[request.url.as_bytes()])
    }
}

fn has(request: &Request, name: &str) -> bool {
    request.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))
}

fn base(request: &Request) -> &str {
    request.url.split(['?', '#']).next().unwrap_or_default()
}

fn v2(request: &Request, nonce: &str) -> String {
    format!("{}{nonce}", base(request))
}

fn v3(request: &Request, nonce: &str) -> Result<String, Refusal> {
    let mut query: Vec<_> = request.query().collect();
    query.sort_unstable();
    let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let query = query.join("&");
    let base = base(request);
    if request.method == Method::Get {
        let mark = if query.is_empty() { "" } else { "?" };
        return Ok(format!("{base}{mark}{query}.{nonce}"));
    }
    if !request.body.is_empty() && !request.is_form() {
        return Err(Refusal::BadSignature("the body is not covered: it is no form"));
    }
    let mut form: Vec<_> = request.decoded_form().pairs().collect();
    form.sort_unstable();
    let form: String = form.into_iter().flat_map(|(name, value)| [name, value]).collect();
    let mark = if query.is_empty() && form.is_empty() { "" } else { "?" };
    let stop = if query.is_empty() || form.is_empty() { "" } else { "." };
    Ok(format!("{base}{mark}{query}{stop}{form}.{nonce}"))
}
