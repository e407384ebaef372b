//! WeChat, and JioChat after its example: a SHA-1 over sorted texts, in the address.
//!
//! Plainly, it covers the token, a time and a nonce, but not the body: it proves that the sender has
//! lately seen an address of the provider's, no more, which is why its time is looked at. With a key,
//! the body is encrypted and covered as well; an account that has one takes nothing less.

mod cipher;

use sha1::{Digest, Sha1};

use super::{Endpoint, MISMATCH, Scheme, any_matches, fresh, hex, same, signing_secret, unhex};
use crate::{
    Account, AccountError, Malformed, Refusal, Request, Secret, Timestamp, Verified, json, xml,
};

/// WeChat's signatures, plain and of encrypted bodies.
#[derive(Debug)]
pub struct WeChat {
    /// The account's field with the tokens.
    pub token: &'static str,
    /// The account's field with the keys of encrypted bodies.
    pub key: &'static str,
    /// The account's field with the id of the application, which an encrypted body repeats.
    pub app: &'static str,
}

/// JioChat's signature, or a token in the path, before what the provider adds to it.
#[derive(Debug)]
pub struct JioChat {
    /// The account's field with the secrets.
    pub secret: &'static str,
    /// What is asked of requests without a signature.
    pub endpoint: Endpoint,
}

/// Long enough for every repeat, short enough that a stolen address is of no use.
const MAX_AGE_SECONDS: u32 = 300;

const SIGNATURE: &str = "signature";
const BODY_SIGNATURE: &str = "msg_signature";

impl Scheme for WeChat {
    fn secret_field(&self) -> &'static str {
        self.token
    }

    /// None: the address carries the proof.
    fn signature_header(&self) -> &'static str {
        ""
    }

    fn is_signed(&self, request: &Request) -> bool {
        [SIGNATURE, BODY_SIGNATURE].iter().any(|name| parameter(request, name).is_ok())
    }

    fn describe(&self) -> String {
        "SHA-1 of token, time and nonce in the address; of the encrypted body, too".to_owned()
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        let keys = account.secrets(self.key);
        if keys.iter().any(|key| cipher::key(key).is_none()) {
            let expected = "expected the 43 letters and digits of EncodingAESKey";
            return Err(AccountError::Unusable(self.key, expected));
        }
        if !keys.is_empty() && account.get(self.app).is_none() {
            let help = "an encrypted request repeats the application's id, which must be known";
            return Err(AccountError::Missing { field: self.app, help });
        }
        Ok(())
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        if account.secrets(self.key).is_empty() {
            check(request, account.secrets(self.token), SIGNATURE, None)?;
            let sent = parameter(request, "timestamp")?;
            return fresh(sent.parse().map_err(|_| MISMATCH)?, now, MAX_AGE_SECONDS);
        }
        let encrypted = encrypted(&request.body)
            .ok_or(Refusal::BadSignature("the body is not encrypted, but the account has a key"))?;
        check(request, account.secrets(self.token), BODY_SIGNATURE, Some(&encrypted))?;
        self.decrypt(&encrypted, account).map(drop).ok_or(MISMATCH)
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        self.check(account)?;
        let token = signing_secret(account, self.token)?.expose();
        let time = now.as_seconds().to_string();
        let nonce = now.as_millis().to_string();
        let Some(key) = account.secrets(self.key).first().and_then(cipher::key) else {
            let digest = hex(&digest(&[token, &time, &nonce]));
            set_query(request, &[(SIGNATURE, &digest), ("timestamp", &time), ("nonce", &nonce)]);
            return Ok(());
        };
        let known = encrypted(&request.body).filter(|text| self.decrypt(text, account).is_some());
        let encrypted = known.unwrap_or_else(|| {
            let app = account.get(self.app).unwrap_or_default();
            let encrypted = cipher::encrypt(&key, &request.body, app);
            request.body = format!("<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>").into();
            encrypted
        });
        let digest = hex(&digest(&[token, &time, &nonce, &encrypted]));
        let signed = [
            (BODY_SIGNATURE, digest.as_str()),
            ("timestamp", &time),
            ("nonce", &nonce),
            ("encrypt_type", "aes"),
        ];
        set_query(request, &signed);
        Ok(())
    }
}

impl WeChat {
    /// What a verified body holds encrypted; `None` when the account takes it plain.
    pub(crate) fn decrypted(
        &self,
        request: &Request<Verified>,
        account: &Account,
    ) -> Result<Option<Vec<u8>>, Malformed> {
        if account.secrets(self.key).is_empty() {
            return Ok(None);
        }
        let content = encrypted(&request.body).and_then(|text| self.decrypt(&text, account));
        content.map(Some).ok_or_else(|| Malformed("the body cannot be decrypted".to_owned()))
    }

    /// Answers the check of an address: what stands in `echostr`, which may be encrypted.
    pub(crate) fn echo(&self, request: &Request, account: &Account) -> Result<String, Refusal> {
        let echo = parameter(request, "echostr")?;
        let tokens = account.secrets(self.token);
        if parameter(request, SIGNATURE).is_ok() {
            check(request, tokens, SIGNATURE, None)?;
            return Ok(echo);
        }
        // WeCom, which encrypts even this.
        check(request, tokens, BODY_SIGNATURE, Some(&echo))?;
        let echo = self.decrypt(&echo, account).ok_or(MISMATCH)?;
        String::from_utf8(echo).map_err(|_| Refusal::Malformed("echostr is no text"))
    }

    fn decrypt(&self, encrypted: &str, account: &Account) -> Option<Vec<u8>> {
        let app = account.get(self.app)?;
        let keys = account.secrets(self.key).iter().filter_map(cipher::key);
        keys.into_iter().find_map(|key| cipher::decrypt(&key, encrypted, app))
    }
}

impl Scheme for JioChat {
    fn secret_field(&self) -> &'static str {
        self.endpoint.main
    }

    fn signature_header(&self) -> &'static str {
        self.endpoint.signature_header()
    }

    fn secret_header(&self) -> Option<&'static str> {
        self.endpoint.secret_header()
    }

    fn secret_in_address(&self) -> bool {
        true
    }

    fn is_signed(&self, request: &Request) -> bool {
        // The channel's own name may be long, too.
        let behind = path(request).skip_while(|segment| *segment != "webhooks").skip(2);
        behind.into_iter().any(|segment| segment.len() >= super::endpoint::MIN_TOKEN_CHARS)
    }

    fn describe(&self) -> String {
        "nothing is signed but the check of the address: a secret address".to_owned()
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        self.endpoint.check(account)
    }

    fn verify(&self, request: &Request, account: &Account, _now: Timestamp) -> Result<(), Refusal> {
        any_matches(account.secrets(self.endpoint.token), |token| {
            let token = token.expose().as_bytes();
            path(request).fold(false, |known, segment| known | same(token, segment.as_bytes()))
        })
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        self.endpoint.sign(request, account, now)
    }
}

impl JioChat {
    /// Answers the check of an address.
    pub(crate) fn echo(&self, request: &Request, account: &Account) -> Result<String, Refusal> {
        check(request, account.secrets(self.secret), SIGNATURE, None)?;
        parameter(request, "echostr")
    }
}

/// The encrypted text of a body, in either of its forms; `None` where there is none.
fn encrypted(body: &[u8]) -> Option<String> {
    if body.trim_ascii_start().starts_with(b"{") {
        let [encrypted] = json::members(body, ["Encrypt"]);
        return encrypted;
    }
    let document = xml::read(body).ok()?;
    json::Json::from(&document.content).text("Encrypt")
}

fn check(
    request: &Request,
    tokens: &[Secret],
    name: &'static str,
    covered: Option<&str>,
) -> Result<(), Refusal> {
    let given = unhex(&parameter(request, name)?).ok_or(MISMATCH)?;
    let (time, nonce) = (parameter(request, "timestamp")?, parameter(request, "nonce")?);
    any_matches(tokens, |token| {
        let texts = [Some(token.expose()), Some(&time), Some(&nonce), covered];
        same(&digest(&texts.into_iter().flatten().collect::<Vec<_>>()), &given)
    })
}

fn digest(texts: &[&str]) -> Vec<u8> {
    let mut texts = texts.to_vec();
    texts.sort_unstable();
    texts.iter().fold(Sha1::new(), Sha1::chain_update).finalize().to_vec()
}

/// The one value of a parameter of the address; with two, it could be chosen which is believed.
fn parameter(request: &Request, name: &'static str) -> Result<String, Refusal> {
    let mut values = request.query().filter(|(key, _)| key == name).map(|(_, value)| value);
    match (values.next().filter(|value| !value.is_empty()), values.next()) {
        (Some(value), None) => Ok(value.into_owned()),
        (Some(_), Some(_)) => Err(Refusal::BadSignature("a parameter of the proof is repeated")),
        (None, _) => Err(Refusal::BadSignature("a parameter of the proof is missing")),
    }
}

fn path(request: &Request) -> impl Iterator<Item = &str> {
    request.url.split(['?', '#']).next().unwrap_or_default().split('/')
}

/// Replaces the parameters of a proof.
fn set_query(request: &mut Request, signed: &[(&str, &str)]) {
    let proof = [SIGNATURE, BODY_SIGNATURE, "timestamp", "nonce", "encrypt_type"];
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in request.query().filter(|(name, _)| !proof.contains(&name.as_ref())) {
        query.append_pair(&name, &value);
    }
    query.extend_pairs(signed);
    let query = query.finish();
    let address = request.url.split(['?', '#']).next().unwrap_or_default();
    request.url = format!("{address}?{query}");
}
