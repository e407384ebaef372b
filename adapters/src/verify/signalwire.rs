//! SignalWire: as Twilio for forms, and hexadecimal over address and body for anything else.
//!
//! Its own library joins the values of a repeated parameter in the order they came, where Twilio's
//! sort them; either counts. The key is the project's signing key.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{
    MISMATCH, Scheme, UrlAndForm, any_matches, hex, hmac_sha1, same, signing_secret, unhex,
    url_and_form::other_spellings,
};
use crate::{Account, AccountError, Method, Refusal, Request, Timestamp};

/// SignalWire's signatures.
#[derive(Debug)]
pub struct SignalWire {
    /// The account's field with the signing keys.
    pub secret: &'static str,
}

const HEADER: &str = "x-signalwire-signature";

impl Scheme for SignalWire {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        HEADER
    }

    fn describe(&self) -> String {
        format!("HMAC-SHA1 of address and form, or of address and body, in {HEADER}")
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        let signature = request.single_header(HEADER)?;
        let secrets = account.secrets(self.secret);
        if is_raw(request) {
            let given = unhex(signature).ok_or(MISMATCH)?;
            let matches = |url: &str| {
                any_matches(secrets, |secret| {
                    let key = secret.expose().as_bytes();
                    same(&hmac_sha1(key, &[url.as_bytes(), &request.body]), &given)
                })
            };
            return in_any_spelling(request, matches);
        }
        let as_twilio = self.compatible().verify(request, account, now);
        if as_twilio.is_ok() || !request.is_form() {
            return as_twilio;
        }
        let given = BASE64.decode(signature).map_err(|_| MISMATCH)?;
        let mut form: Vec<_> = request.form().collect();
        form.sort_by(|(one, _), (other, _)| one.cmp(other));
        let form: String = form.iter().flat_map(|(name, value)| [name.as_ref(), value]).collect();
        in_any_spelling(request, |url| {
            any_matches(secrets, |secret| {
                let key = secret.expose().as_bytes();
                same(&hmac_sha1(key, &[url.as_bytes(), form.as_bytes()]), &given)
            })
        })
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        if !is_raw(request) {
            return self.compatible().sign(request, account, now);
        }
        let key = signing_secret(account, self.secret)?.expose().as_bytes();
        let signature = hex(&hmac_sha1(key, &[address(request).as_bytes(), &request.body]));
        request.set_header(HEADER, signature);
        Ok(())
    }

    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        hmac_sha1(key, &[request.url.as_bytes(), &request.body])
    }
}

impl SignalWire {
    fn compatible(&self) -> UrlAndForm {
        UrlAndForm { header: HEADER, secret: self.secret }
    }
}

/// Whether the body is signed as it is: no form, and no digest of it in the address.
fn is_raw(request: &Request) -> bool {
    request.method == Method::Post
        && !request.body.is_empty()
        && !request.is_form()
        && !request.query().any(|(name, _)| name == "bodySHA256")
}

/// As the address is configured, else with and without its port.
fn in_any_spelling(
    request: &Request,
    matches: impl Fn(&str) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    matches(address(request)).or_else(|refusal| {
        let mut otherwise = other_spellings(address(request)).into_iter();
        otherwise.find_map(|url| matches(&url).ok()).ok_or(refusal)
    })
}

fn address(request: &Request) -> &str {
    request.url.split('#').next().unwrap_or_default()
}
