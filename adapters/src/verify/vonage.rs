//! Vonage: a token beside the request (Messages API) or a signature among its parameters (SMS API).
//!
//! Both are made with the account's signature secret. Five methods can be chosen for the second;
//! if the account says which, no other counts. Both sign a time; a request of the SMS API without
//! one was signed without one, which nobody but the holder of the secret can do.

use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::{
    Hash, MISMATCH, Scheme, any_matches, fresh, hex, hmac_sha256, jwt, same, signing_secret, unhex,
};
use crate::{Account, AccountError, Method, Refusal, Request, Secret, Timestamp};

/// A JWT, or `sig` among the parameters.
#[derive(Debug)]
pub struct Vonage {
    /// The account's field with the signature secret.
    pub secret: &'static str,
    /// The account's field with the method of the SMS API, where it is pinned.
    pub method: &'static str,
    /// The account's fields that a token must agree with, under the claims' own names.
    pub claims: &'static [&'static str],
}

const HEADER: &str = "authorization";

/// How far a signed time may be from ours, in seconds, either way (Vonage's Java SDK).
const TOLERANCE_SECONDS: u32 = 300;

/// Far more parameters than a request of the SMS API has.
const MAX_PARAMETERS: usize = 1_000;

const UNKNOWN_METHOD: &str = "expected md5hash, md5, sha1, sha256 or sha512";

/// A method of the SMS API.
#[derive(Clone, Copy)]
enum Signing {
    /// MD5 over the parameters followed by the secret.
    Appended,
    /// An HMAC.
    Keyed(Hash),
}

impl Signing {
    fn read(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "md5hash" => Self::Appended,
            "md5" => Self::Keyed(Hash::Md5),
            "sha1" => Self::Keyed(Hash::Sha1),
            "sha256" => Self::Keyed(Hash::Sha256),
            "sha512" => Self::Keyed(Hash::Sha512),
            _ => return None,
        })
    }

    fn digest_bytes(self) -> usize {
        match self {
            Self::Appended | Self::Keyed(Hash::Md5) => 16,
            Self::Keyed(Hash::Sha1) => 20,
            Self::Keyed(Hash::Sha224) => 28,
            Self::Keyed(Hash::Sha256) => 32,
            Self::Keyed(Hash::Sha384) => 48,
            Self::Keyed(Hash::Sha512) => 64,
        }
    }

    fn digest(self, secret: &Secret, signed: &str) -> Vec<u8> {
        let key = secret.expose().as_bytes();
        match self {
            Self::Appended => Md5::new().chain_update(signed).chain_update(key).finalize().to_vec(),
            Self::Keyed(hash) => hash.hmac(key, &[signed.as_bytes()]),
        }
    }
}

/// Those an unpinned account accepts, as far as they make digests of the given length.
const ALL: [Signing; 5] = [
    Signing::Appended,
    Signing::Keyed(Hash::Md5),
    Signing::Keyed(Hash::Sha1),
    Signing::Keyed(Hash::Sha256),
    Signing::Keyed(Hash::Sha512),
];

impl Scheme for Vonage {
    fn secret_field(&self) -> &'static str {
        self.secret
    }

    fn signature_header(&self) -> &'static str {
        HEADER
    }

    fn is_signed(&self, request: &Request) -> bool {
        has_header(request) || parameters(request).iter().any(|(name, _)| name == "sig")
    }

    fn describe(&self) -> String {
        "JWT of the body (Messages); MD5 or HMAC of the parameters (SMS)".to_owned()
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        match account.get(self.method).map(Signing::read) {
            Some(None) => Err(AccountError::Unusable(self.method, UNKNOWN_METHOD)),
            Some(Some(_)) | None => Ok(()),
        }
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        if has_header(request) {
            return self.verify_token(request, account, now);
        }
        let parameters = parameters(request);
        if parameters.len() > MAX_PARAMETERS {
            return Err(Refusal::Malformed("there are more parameters than can be signed"));
        }
        let one = |wanted: &str| {
            let mut values = parameters.iter().filter(|(name, _)| name == wanted);
            match (values.next(), values.next()) {
                (_, Some(_)) => Err(Refusal::BadSignature("a signed parameter is repeated")),
                (value, None) => Ok(value.map_or("", |(_, value)| value.trim())),
            }
        };
        let signature = one("sig")?;
        if signature.is_empty() {
            return Err(Refusal::MissingSignature(HEADER));
        }
        let given = unhex(&signature.to_ascii_lowercase()).ok_or(MISMATCH)?;
        let methods = match account.get(self.method).map(Signing::read) {
            None => ALL.into_iter().filter(|way| way.digest_bytes() == given.len()).collect(),
            Some(Some(pinned)) => vec![pinned],
            Some(None) => return Err(Refusal::BadSignature("the signature method is unknown")),
        };
        // Some of Vonage's signers leave out parameters without a value.
        let mut spellings = vec![signed(&parameters, true)];
        if parameters.iter().any(|(_, value)| value.is_empty()) {
            spellings.push(signed(&parameters, false));
        }
        any_matches(account.secrets(self.secret), |secret| {
            let pairs =
                methods.iter().flat_map(|method| spellings.iter().map(move |s| (method, s)));
            pairs.fold(false, |matched, (method, signed)| {
                matched | same(&method.digest(secret, signed), &given)
            })
        })?;
        match one("timestamp")? {
            "" => Ok(()),
            sent => fresh(sent.parse().map_err(|_| MISMATCH)?, now, TOLERANCE_SECONDS),
        }
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let secret = signing_secret(account, self.secret)?;
        let mut parameters = parameters(request);
        // The Messages API has no parameters at the top that the SMS API has.
        if !parameters.iter().any(|(name, _)| matches!(name.as_str(), "messageId" | "msisdn")) {
            self.sign_with_token(request, account, secret, now);
            return Ok(());
        }
        let method = account.get(self.method).unwrap_or("md5hash");
        let method =
            Signing::read(method).ok_or(AccountError::Unusable(self.method, UNKNOWN_METHOD))?;
        parameters.retain(|(name, _)| !matches!(name.as_str(), "sig" | "timestamp"));
        parameters.push(("timestamp".to_owned(), now.as_seconds().to_string()));
        let signature = hex(&method.digest(secret, &signed(&parameters, true)));
        parameters.push(("sig".to_owned(), signature));
        rewrite(request, parameters);
        Ok(())
    }

    /// That of the token, which has the body's in it; else the plainest one over the parameters.
    fn bare_digest(&self, key: &[u8], request: &Request) -> Vec<u8> {
        match request.header(HEADER).and_then(|token| token.rsplit_once('.')) {
            Some((signed, _)) => {
                let body = Sha256::digest(&request.body).to_vec();
                [hmac_sha256(key, &[signed.as_bytes()]), body].concat()
            }
            None => Md5::new().chain_update(&request.body).chain_update(key).finalize().to_vec(),
        }
    }
}

impl Vonage {
    fn verify_token(
        &self,
        request: &Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let header = request.single_header(HEADER)?;
        let (scheme, token) = header.split_once(' ').ok_or(MISMATCH)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(MISMATCH);
        }
        let token = jwt::Token::read(token.trim(), &[Hash::Sha256]).ok_or(MISMATCH)?;
        any_matches(account.secrets(self.secret), |secret| {
            token.is_signed_with(secret.expose().as_bytes())
        })?;
        let digest = hex(&Sha256::digest(&request.body));
        let covered = match token.text("payload_hash") {
            Some(hash) => same(digest.as_bytes(), hash.to_ascii_lowercase().as_bytes()),
            None => request.body.is_empty(),
        };
        if !covered {
            return Err(Refusal::BadSignature("the token does not cover the body"));
        }
        for claim in self.claims {
            let ours = account.get(claim);
            if ours.is_some() && token.text(claim).is_some_and(|theirs| ours != Some(theirs)) {
                return Err(Refusal::BadSignature("the token is another application's"));
            }
        }
        let issued = token.seconds("iat").ok_or(Refusal::BadSignature("the token has no time"))?;
        fresh(issued, now, TOLERANCE_SECONDS)
    }

    fn sign_with_token(
        &self,
        request: &mut Request,
        account: &Account,
        secret: &Secret,
        now: Timestamp,
    ) {
        let digest = hex(&Sha256::digest(&request.body));
        let mut claims = json!({
            "iat": now.as_seconds(),
            "jti": &digest[..32],
            "iss": "Vonage",
            "payload_hash": digest,
        });
        for claim in self.claims {
            if let Some(ours) = account.get(claim) {
                claims[*claim] = ours.into();
            }
        }
        let token = jwt::write(secret.expose().as_bytes(), &claims);
        request.set_header(HEADER, format!("Bearer {token}"));
    }
}

fn has_header(request: &Request) -> bool {
    request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(HEADER))
}

/// The parameters of the query, the form or the top of the JSON object, in order.
fn parameters(request: &Request) -> Vec<(String, String)> {
    let owned = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
        (name.into_owned(), value.into_owned())
    };
    if request.method == Method::Get {
        return request.query().take(MAX_PARAMETERS + 1).map(owned).collect();
    }
    if request.is_form() {
        return request.form().take(MAX_PARAMETERS + 1).map(owned).collect();
    }
    let object: Map<String, Value> = serde_json::from_slice(&request.body).unwrap_or_default();
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let pairs = object.into_iter().map(|(name, value)| (name, text(value)));
    pairs.take(MAX_PARAMETERS + 1).collect()
}

/// Puts changed parameters where they were.
fn rewrite(request: &mut Request, parameters: Vec<(String, String)>) {
    let is_form = request.is_form();
    if request.method == Method::Post && !is_form {
        let object: Map<_, _> =
            parameters.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        request.body = Value::Object(object).to_string().into_bytes();
        return;
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    let form = form.extend_pairs(parameters).finish();
    if is_form && request.method == Method::Post {
        request.body = form.into_bytes();
    } else {
        let address = request.url.split(['?', '#']).next().unwrap_or_default();
        request.url = format!("{address}?{form}");
    }
}

/// `&name=value` of everything but the signature, sorted, with separators in them replaced.
fn signed(parameters: &[(String, String)], with_empty: bool) -> String {
    let mut pairs: Vec<_> = parameters
        .iter()
        .filter(|(name, value)| name != "sig" && (with_empty || !value.is_empty()))
        .collect();
    pairs.sort_by_key(|(name, _)| name);
    let mut signed = String::new();
    for (name, value) in pairs {
        signed.push('&');
        signed.push_str(&name.replace(['&', '='], "_"));
        signed.push('=');
        signed.push_str(&value.replace(['&', '='], "_"));
    }
    signed
}
