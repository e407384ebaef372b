//! Twilio's family: the public address and the sorted parameters of a form.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest, Sha256};

use super::{MISMATCH, Scheme, any_matches, hex, hmac_sha1, same, signing_secret};
use crate::{Account, AccountError, Method, Refusal, Request, Secret, Timestamp};

/// HMAC-SHA1, base64, over the public address and the sorted form parameters.
#[derive(Debug)]
pub struct UrlAndForm {
    /// The header with the signature.
    pub header: &'static str,
    /// The account's field with the key.
    pub secret: &'static str,
}

impl Scheme for UrlAndForm {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        self.header
    }

    fn describe(&self) -> String {
        format!("HMAC-SHA1 of address and form in {}", self.header)
    }

    fn verify(&self, request: &Request, account: &Account, _now: Timestamp) -> Result<(), Refusal> {
        let signature = request.single_header(self.header)?;
        verify(request, signature, account.secrets(self.secret))
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        _now: Timestamp,
    ) -> Result<(), AccountError> {
        let secret = signing_secret(account, self.secret)?;
        let has_digest = request.query().any(|(name, _)| name == "bodySHA256");
        let is_json = request.is_of_type("application/json");
        // A request that is signed again has its digest already.
        if request.method == Method::Post && is_json && !has_digest {
            let joint = if request.raw_query().is_empty() { '?' } else { '&' };
            let digest = hex(&Sha256::digest(&request.body));
            request.url = format!("{}{joint}bodySHA256={digest}", request.url);
        }
        let url = request.url.split('#').next().unwrap_or_default();
        let form = signed_form(request).unwrap_or_default();
        let mac = hmac_sha1(secret.expose().as_bytes(), &[url.as_bytes(), form.as_bytes()]);
        request.set_header(self.header, BASE64.encode(mac));
        Ok(())
    }

    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        hmac_sha1(key, &[request.url.as_bytes(), &request.body])
    }
}

fn verify(request: &Request, signature: &str, secrets: &[Secret]) -> Result<(), Refusal> {
    let given = BASE64.decode(signature).map_err(|_| MISMATCH)?;
    let url = request.url.split('#').next().unwrap_or_default();
    let body_digest = request
        .query()
        .find(|(name, _)| name == "bodySHA256")
        .map(|(_, digest)| digest.into_owned());
    let form = match &body_digest {
        Some(digest) => {
            let expected = hex(&Sha256::digest(&request.body));
            if !same(expected.as_bytes(), digest.to_ascii_lowercase().as_bytes()) {
                return Err(MISMATCH);
            }
            String::new()
        }
        None => signed_form(request).ok_or(Refusal::BadSignature(
            "the body is not covered: it is no form and the address has no bodySHA256",
        ))?,
    };
    let matches = |url: &str| {
        any_matches(secrets, |secret| {
            same(&hmac_sha1(secret.expose().as_bytes(), &[url.as_bytes(), form.as_bytes()]), &given)
        })
    };
    let as_configured = matches(url);
    if as_configured.is_ok() || secrets.is_empty() {
        return as_configured;
    }
    let mut otherwise = other_spellings(url).into_iter();
    otherwise.find_map(|url| matches(&url).ok()).ok_or(MISMATCH)
}

/// The parameters of a form as they are signed: sorted, each pair once, nothing in between.
///
/// By key and only then by value: sorting joined pairs puts `ReasonConferenceEnded` wrong. A query
/// is part of the address, and any other body is not signed at all: `None`.
fn signed_form(request: &Request) -> Option<String> {
    if request.method == Method::Get || request.body.is_empty() {
        return Some(String::new());
    }
    if !request.is_form() {
        return None;
    }
    // The first bytes as a number settle nearly every comparison.
    let pairs = request.decoded_form().pairs();
    let mut order: Vec<_> = pairs.map(|pair| (first_bytes(pair.0), pair)).collect();
    order.sort_unstable();
    order.dedup();
    let mut signed = String::with_capacity(request.body.len());
    for (_, (name, value)) in order {
        signed.push_str(name);
        signed.push_str(value);
    }
    Some(signed)
}

/// The first eight bytes, which order like the text they begin.
fn first_bytes(text: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = text.len().min(bytes.len());
    bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

/// The address without its port, or with the usual one: Twilio signs either.
///
/// A quote in the query is also tried as `%27`, which one of Twilio's signers writes.
pub(super) fn other_spellings(url: &str) -> Vec<String> {
    let mut spellings = Vec::new();
    if let Some((scheme, rest)) = url.split_once("://") {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        // The colon inside an IPv6 address or before a password is not a port's.
        let host = authority.rfind(['@', ']']).map_or(0, |end| end + 1);
        spellings.push(match authority[host..].rfind(':') {
            Some(colon) => format!("{scheme}://{}{path}", &authority[..host + colon]),
            None => {
                let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
                format!("{scheme}://{authority}:{port}{path}")
            }
        });
    }
    if url.contains('\'') {
        let quoted: Vec<_> = std::iter::once(url)
            .chain(spellings.iter().map(String::as_str))
            .map(|url| url.replace('\'', "%27"))
            .collect();
        spellings.extend(quoted);
    }
    spellings
}
