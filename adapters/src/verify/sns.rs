//! Amazon SNS: a signature within the body, by a certificate on Amazon's host.
//!
//! What makes a certificate Amazon's is where it lies: an address on `sns.<region>.amazonaws.com`,
//! fetched over TLS. Who issued it is not checked, as in Amazon's own validators; it must have been
//! valid when the message was signed. Every AWS customer has messages signed so, hence a channel names
//! its topics. Raw message delivery is not signed at all: it is believed only if the account has a
//! token or Basic credentials.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, Value, json};

use super::{Endpoint, Hash, MISMATCH, Scheme, fresh, rsa, rsa::PublicKey};
use crate::{Account, AccountError, Refusal, Request, Timestamp, json as read};

/// A signed envelope, and what else the account asks for.
#[derive(Debug)]
pub struct Sns {
    /// The account's field with the topics, separated by spaces.
    pub topics: &'static str,
    /// The account's fields with a certificate of its own and the address it stands for.
    pub certificate: (&'static str, &'static str),
    /// The account's field with the private key to that certificate, for trying the channel.
    pub private_key: &'static str,
    /// The account's field that refuses messages signed longer ago, in seconds.
    pub max_age: &'static str,
    /// The account's field that refuses signatures with SHA-1, if it says `2`.
    pub signature_version: &'static str,
    /// What a raw message is believed by; whatever of it the account has, every request must show.
    pub endpoint: Endpoint,
}

/// The members of an envelope that are signed, in this order, as far as they are there.
const NOTIFICATION: [&str; 6] =
    ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
const CONFIRMATION: [&str; 7] =
    ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

/// A time that is signed anew when it is further from ours.
const KEPT_SECONDS: u32 = 600;

const RAW: Refusal = Refusal::BadSignature(
    "raw message delivery is not signed: switch it off, or give the channel a token",
);

impl Scheme for Sns {
    fn secret_field(&self) -> &'static str {
        self.endpoint.secret_field()
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

    /// Whoever publishes to a topic that both name; where one wants more, the secrets decide.
    fn proves_both(&self, one: &Account, other: &Account) -> bool {
        let topics = |account: &'_ Account| account.get(self.topics).unwrap_or_default().to_owned();
        let (ours, theirs) = (topics(one), topics(other));
        let shared = ours
            .split_ascii_whitespace()
            .any(|topic| theirs.split_ascii_whitespace().any(|other| other == topic));
        let protects = |account: &Account| self.endpoint.is_configured(account);
        shared && (!protects(other) || self.endpoint.proves_both(one, other))
    }

    fn is_signed(&self, request: &Request) -> bool {
        self.endpoint.is_signed(request) || read::peek(&request.body).get("Signature").is_some()
    }

    fn documents(&self, request: &Request, account: &Account) -> Vec<String> {
        let envelope = read::peek(&request.body);
        let address = text(&envelope, "SigningCertURL");
        let is_ours = self.topic_is_known(&envelope, account) && is_envelope(&envelope);
        let address = address.filter(|address| is_ours && is_certificates_address(address));
        address
            .filter(|address| account.get(self.certificate.1) != Some(address))
            .map(str::to_owned)
            .into_iter()
            .collect()
    }

    fn describe(&self) -> String {
        "RSA signature by Amazon's certificate; raw delivery: a secret address or Basic".to_owned()
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        const NOT_TOPICS: &str = "expected ARNs, such as arn:aws:sns:us-east-1:123456789012:sms";
        let topics = account.get(self.topics).unwrap_or_default();
        if !topics.split_ascii_whitespace().all(|topic| topic.starts_with("arn:")) {
            return Err(AccountError::Unusable(self.topics, NOT_TOPICS));
        }
        if account.get(self.max_age).is_some_and(|age| age.parse::<u32>().is_err()) {
            return Err(AccountError::Unusable(self.max_age, "expected whole seconds"));
        }
        if !matches!(account.get(self.signature_version), None | Some("1" | "2")) {
            return Err(AccountError::Unusable(self.signature_version, "expected 1 or 2"));
        }
        if let Some(address) = account.get(self.certificate.1)
            && !is_certificates_address(address)
        {
            let expected = "expected https://sns.<region>.amazonaws.com/….pem";
            return Err(AccountError::Unusable(self.certificate.1, expected));
        }
        let pem = account.get(self.certificate.0);
        if pem.is_some_and(|pem| PublicKey::of_certificate(pem).is_none()) {
            return Err(AccountError::Unusable(
                self.certificate.0,
                "expected a certificate in PEM",
            ));
        }
        if self.endpoint.is_configured(account) { self.endpoint.check(account) } else { Ok(()) }
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        let is_protected = self.endpoint.is_configured(account);
        if is_protected {
            self.endpoint.verify(request, account, now)?;
        }
        let envelope = read::peek(&request.body);
        if !is_envelope(&envelope) {
            return if is_protected { Ok(()) } else { Err(RAW) };
        }
        if !self.topic_is_known(&envelope, account) {
            return Err(Refusal::BadSignature("the topic is not one of this channel's"));
        }
        let hash = match text(&envelope, "SignatureVersion") {
            Some("1") if account.get(self.signature_version) != Some("2") => Hash::Sha1,
            Some("2") => Hash::Sha256,
            Some(_) | None => {
                return Err(Refusal::BadSignature("the signature's version is not accepted"));
            }
        };
        let address = text(&envelope, "SigningCertURL").filter(|url| is_certificates_address(url));
        let address =
            address.ok_or(Refusal::BadSignature("the certificate is not on Amazon's host"))?;
        let pem = self
            .certificate(account, address)
            .ok_or_else(|| Refusal::NoDocument(address.to_owned()))?;
        let (key, validity) = PublicKey::of_certificate(pem)
            .ok_or(Refusal::BadSignature("the certificate cannot be read"))?;
        let signature = text(&envelope, "Signature").and_then(|text| BASE64.decode(text).ok());
        let signed = signed(&envelope).ok_or(MISMATCH)?;
        if !key.verifies(hash, signed.as_bytes(), &signature.ok_or(MISMATCH)?) {
            return Err(MISMATCH);
        }
        let sent = text(&envelope, "Timestamp").and_then(Timestamp::parse_rfc3339);
        let sent = sent.ok_or(Refusal::BadSignature("the signed time is none"))?.as_seconds();
        if !validity.contains(&sent) {
            return Err(Refusal::BadSignature(
                "the certificate was not valid when this was signed",
            ));
        }
        match account.get(self.max_age).map(str::parse) {
            Some(Ok(seconds)) => fresh(sent, now, seconds),
            Some(Err(_)) | None => Ok(()),
        }
    }

    /// Signs an envelope. Of any other body the endpoint's secrets are the proof, as it was delivered
    /// raw; where the account has none, it is put into an envelope first.
    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let is_protected = self.endpoint.is_configured(account);
        let envelope = match read::peek(&request.body) {
            Value::Object(envelope) if signed_members(&envelope).is_some() => Some(envelope),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        };
        if envelope.is_none() && is_protected {
            return self.endpoint.sign(request, account, now);
        }
        let (pem, address) = self.certificate;
        let key = account.secrets(self.private_key).first();
        let (Some(key), Some(_), Some(address)) = (key, account.get(pem), account.get(address))
        else {
            let has_signature = envelope.is_some_and(|it| it.contains_key("Signature"));
            if has_signature && is_protected {
                // Amazon's own signature is in the body; the secrets are not kept with it.
                return self.endpoint.sign(request, account, now);
            }
            return Err(AccountError::Missing {
                field: self.private_key,
                help: "only Amazon can sign with its own key; to try the channel, add a private key, \
                       its certificate and an address on Amazon's host that stands for it",
            });
        };
        let mut envelope = envelope.unwrap_or_else(|| wrapped(&request.body));
        for member in signed_members(&envelope).unwrap_or_default() {
            if envelope.get(*member).is_some_and(|value| !value.is_string()) {
                envelope.remove(*member);
            }
        }
        let mut envelope = Value::Object(envelope);
        let topic = account.get(self.topics).and_then(|topics| topics.split(' ').next());
        if let Some(topic) = topic.filter(|_| !self.topic_is_known(&envelope, account)) {
            envelope["TopicArn"] = topic.into();
        }
        let sent = text(&envelope, "Timestamp").and_then(Timestamp::parse_rfc3339);
        if sent.is_none_or(|sent| fresh(sent.as_seconds(), now, KEPT_SECONDS).is_err()) {
            envelope["Timestamp"] = now.to_string().into();
        }
        let wants_sha1 = text(&envelope, "SignatureVersion") == Some("1")
            && account.get(self.signature_version) != Some("2");
        let (hash, version) = if wants_sha1 { (Hash::Sha1, "1") } else { (Hash::Sha256, "2") };
        envelope["SignatureVersion"] = version.into();
        envelope["SigningCertURL"] = address.into();
        let signed = signed(&envelope).unwrap_or_default();
        let signature = rsa::sign(key.expose(), hash, signed.as_bytes()).ok_or(
            AccountError::Unusable(self.private_key, "expected an RSA key, PKCS #8 in PEM"),
        )?;
        envelope["Signature"] = BASE64.encode(signature).into();
        request.body = envelope.to_string().into_bytes();
        if is_protected {
            self.endpoint.sign(request, account, now)?;
        }
        Ok(())
    }
}

impl Sns {
    fn topic_is_known(&self, envelope: &Value, account: &Account) -> bool {
        let Some(topics) = account.get(self.topics) else { return true };
        let topic = text(envelope, "TopicArn").unwrap_or_default();
        topics.split_ascii_whitespace().any(|known| known == topic)
    }

    fn certificate<'a>(&self, account: &'a Account, address: &str) -> Option<&'a str> {
        if account.get(self.certificate.1) == Some(address) {
            account.get(self.certificate.0)
        } else {
            account.document(address)
        }
    }
}

/// Whether a body is SNS's envelope, not a raw message.
pub fn is_envelope(body: &Value) -> bool {
    body.as_object().and_then(signed_members).is_some() && body.get("Signature").is_some()
}

/// Whether an address is on the host of SNS in one of its regions.
pub fn is_on_host(address: &str) -> bool {
    path_on_host(address).is_some()
}

fn is_certificates_address(address: &str) -> bool {
    let path = path_on_host(address);
    path.is_some_and(|path| path.ends_with(".pem") && !path.contains(['?', '#', '\\', '%']))
}

/// What follows the host: `sns.<region>.amazonaws.com`, in China with `.cn`; no user, no port.
fn path_on_host(address: &str) -> Option<&str> {
    let (host, path) = address.strip_prefix("https://")?.split_once('/')?;
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let region = host.strip_prefix("sns.")?.strip_suffix(".amazonaws.com")?;
    let well_formed = region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (region.len() >= 3 && well_formed).then_some(path)
}

fn signed_members(envelope: &Map<String, Value>) -> Option<&'static [&'static str]> {
    match envelope.get("Type")?.as_str()? {
        "Notification" => Some(&NOTIFICATION),
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => Some(&CONFIRMATION),
        _ => None,
    }
}

/// Name and value of each signed member, a line each; `None` if one is no text.
fn signed(envelope: &Value) -> Option<String> {
    let envelope = envelope.as_object()?;
    let mut signed = String::new();
    for member in signed_members(envelope)? {
        match envelope.get(*member) {
            None | Some(Value::Null) => {}
            Some(Value::String(value)) => signed.extend([member, "\n", value, "\n"]),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                return None;
            }
        }
    }
    Some(signed)
}

fn wrapped(body: &[u8]) -> Map<String, Value> {
    let message = String::from_utf8_lossy(body).into_owned();
    let envelope = json!({"Type": "Notification", "Message": message});
    envelope.as_object().cloned().unwrap_or_default()
}

fn text<'a>(envelope: &'a Value, name: &str) -> Option<&'a str> {
    envelope.get(name).and_then(Value::as_str)
}
