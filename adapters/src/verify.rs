//! Every signature scheme, in one place: a file each, under what they share.
//!
//! Adapters only name a scheme and its parameters. Comparisons take constant time; a secret that
//! is not configured never means "accept"; what is compared never appears in an error.
//! [`Scheme::sign`] is the other direction, for replaying fixtures and for trying a channel without
//! its provider. The clock is an argument, and no scheme fetches a key: it says in
//! [`Scheme::documents`] what it needs, and finds it in the account.

mod apple;
mod body_hmac;
mod bot_framework;
mod chosen_header;
mod chosen_hmac;
mod chosen_proofs;
mod ed25519;
mod endpoint;
mod event_grid;
mod freshchat;
mod google_rbm;
mod jwt;
mod matrix;
mod messagebird;
mod plivo;
mod published;
mod redact;
mod rsa;
mod shared_secret;
mod signalwire;
mod sinch;
mod slack;
mod sns;
mod standard_webhooks;
mod telesign;
#[cfg(test)]
mod tests;
mod url_and_form;
mod vk;
mod vonage;
mod wechat;
mod zalo;

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use crate::{Account, AccountError, Refusal, Request, Secret, Timestamp};

pub use apple::Apple;
pub use body_hmac::{BodyHmac, Encoding};
pub use bot_framework::BotFramework;
pub use chosen_header::ChosenHeader;
pub use chosen_hmac::ChosenHmac;
pub use chosen_proofs::ChosenProofs;
pub use ed25519::Ed25519;
pub use endpoint::Endpoint;
pub use event_grid::EventGrid;
pub use freshchat::Freshchat;
pub use google_rbm::GoogleRbm;
pub use matrix::Matrix;
pub use messagebird::MessageBird;
pub use plivo::Plivo;
pub use shared_secret::SharedSecret;
pub use signalwire::SignalWire;
pub use sinch::Sinch;
pub use slack::Slack;
pub use sns::{Sns, is_envelope, is_on_host};
pub use standard_webhooks::StandardWebhooks;
pub use telesign::Telesign;
pub use url_and_form::UrlAndForm;
pub use vk::BodySecret;
pub use vonage::Vonage;
pub use wechat::{JioChat, WeChat};
pub use zalo::Zalo;

/// How a request proves who sent it, and under which fields of the account the secrets lie.
pub trait Scheme: fmt::Debug + Send + Sync {
    /// The account's field with the verifying secret.
    fn secret_field(&self) -> &'static str;

    /// The header that carries the proof.
    fn signature_header(&self) -> &'static str;

    /// The header that carries the secret itself, which archives must not keep.
    fn secret_header(&self) -> Option<&'static str> {
        None
    }

    /// Whether archives must not keep the header `name`: the account may choose it.
    fn is_secret_header(&self, name: &str, _account: &Account) -> bool {
        self.secret_header().is_some_and(|secret| name.eq_ignore_ascii_case(secret))
    }

    /// Whether what follows the channel in the address is a secret, which archives must not keep.
    fn secret_in_address(&self) -> bool {
        false
    }

    /// Takes the secret out of a body that carries one, which archives must not keep.
    fn redact(&self, _body: &mut Vec<u8>) {}

    /// The query's parameter that carries the secret, which archives must not keep.
    fn secret_parameter<'a>(&self, _account: &'a Account) -> Option<&'a str> {
        None
    }

    /// Whether the provider signs anything at all. What only carries a secret is as good as the
    /// secret is kept.
    fn signs(&self) -> bool {
        true
    }

    /// Whether who proves to be `one`'s provider has proven to be `other`'s as well.
    fn proves_both(&self, one: &Account, other: &Account) -> bool {
        let others = other.secrets(self.secret_field());
        let shared = |secret: &Secret| {
            let secret = secret.expose().as_bytes();
            others.iter().any(|other| same(secret, other.expose().as_bytes()))
        };
        one.secrets(self.secret_field()).iter().any(shared)
    }

    /// Whether `request` carries a proof, right or wrong.
    fn is_signed(&self, request: &Request) -> bool {
        let header = self.signature_header();
        request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header))
    }

    /// The addresses of what must be fetched before `request` can be checked: certificates, keys.
    ///
    /// Only addresses that are the provider's, whatever the request says. Those the account holds
    /// already stay in the list; one document may name the next.
    fn documents(&self, _request: &Request, _account: &Account) -> Vec<String> {
        Vec::new()
    }

    /// The scheme in a few words, for people.
    fn describe(&self) -> String;

    /// Checks that an account's keys can be used at all.
    fn check(&self, _account: &Account) -> Result<(), AccountError> {
        Ok(())
    }

    /// Checks that `request` was sent by whoever knows the account's secret.
    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal>;

    /// Adds what makes `request` verify, as the provider would.
    ///
    /// Fails when the account lacks the secret, or holds only a public key.
    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError>;

    /// Computes the bare digest nobody can do without, for measuring what is added to it.
    fn bare_digest(&self, _key: &[u8], _request: &Request) -> Vec<u8> {
        Vec::new()
    }
}

const NO_SECRET: Refusal = Refusal::BadSignature("no secret is configured for this channel");
const MISMATCH: Refusal = Refusal::BadSignature("the signature does not match");

/// The newest secret of a field: what the provider would sign with.
fn signing_secret<'a>(
    account: &'a Account,
    field: &'static str,
) -> Result<&'a Secret, AccountError> {
    let secret = account.secrets(field).first();
    secret.ok_or(AccountError::Missing { field, help: "signing needs the channel's secret" })
}

/// Tries every secret, also after one has matched, so that time tells nothing about which.
fn any_matches(secrets: &[Secret], matches: impl Fn(&Secret) -> bool) -> Result<(), Refusal> {
    if secrets.is_empty() {
        return Err(NO_SECRET);
    }
    let mut matched = false;
    for secret in secrets {
        matched |= matches(secret);
    }
    if matched { Ok(()) } else { Err(MISMATCH) }
}

/// Requires a signed time to be near ours, either way.
fn fresh(sent: i64, now: Timestamp, tolerance_seconds: u32) -> Result<(), Refusal> {
    if sent.abs_diff(now.as_seconds()) > u64::from(tolerance_seconds) {
        return Err(Refusal::Stale { tolerance_seconds, signed_at: sent });
    }
    Ok(())
}

/// The hash functions under HMACs, where the provider or the account chooses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn digest(self, signed: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(signed).to_vec(),
            Self::Sha1 => Sha1::digest(signed).to_vec(),
            Self::Sha224 => Sha224::digest(signed).to_vec(),
            Self::Sha256 => Sha256::digest(signed).to_vec(),
            Self::Sha384 => Sha384::digest(signed).to_vec(),
            Self::Sha512 => Sha512::digest(signed).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Md5 => mac::<Hmac<Md5>>(key, parts),
            Self::Sha1 => hmac_sha1(key, parts),
            Self::Sha224 => mac::<Hmac<Sha224>>(key, parts),
            Self::Sha256 => hmac_sha256(key, parts),
            Self::Sha384 => mac::<Hmac<Sha384>>(key, parts),
            Self::Sha512 => mac::<Hmac<Sha512>>(key, parts),
        }
    }
}

fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    mac::<Hmac<Sha1>>(key, parts)
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    mac::<Hmac<Sha256>>(key, parts)
}

fn mac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// Compares in constant time; only the length may show.
fn same(expected: &[u8], given: &[u8]) -> bool {
    expected.ct_eq(given).into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four_bits: u8| char::from(DIGITS[usize::from(four_bits)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Lower case only, as the providers write it.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// In either case, as networks write bytes.
pub(crate) fn unhex_any(text: &str) -> Option<Vec<u8>> {
    unhex(&text.to_ascii_lowercase())
}

impl Request {
    fn remove_header(&mut self, name: &str) {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    fn set_header(&mut self, name: &str, value: String) {
        self.remove_header(name);
        self.headers.push((name.to_owned(), value));
    }
}
