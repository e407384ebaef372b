//! Every proof an unknown provider may bring, as the account says: an HMAC in a chosen header over
//! chosen content, a secret header, a secret address, Basic credentials.
//!
//! Of what an account has, all must be right; an account with nothing believes nobody. What the HMAC
//! covers is a pattern, such as `{header:X-Timestamp}.{body}`.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{
    ChosenHeader, Hash, MISMATCH, NO_SECRET, Scheme, any_matches, chosen_header::is_header_name,
    chosen_hmac, fresh, hex, same, signing_secret,
};
use crate::{Account, AccountError, Refusal, Request, Timestamp};

/// An HMAC, a secret header, a secret address and Basic credentials, whichever the account has.
#[derive(Debug)]
pub struct ChosenProofs {
    /// The account's field with the keys of the HMAC.
    pub secret: &'static str,
    /// The account's field with the header of the HMAC.
    pub header: &'static str,
    /// The account's field with the hash; SHA-256 without it.
    pub hash: &'static str,
    /// The account's field with the encoding, `hex` or `base64`; either without it.
    pub encoding: &'static str,
    /// The account's field with what stands before the digest.
    pub prefix: &'static str,
    /// The account's field with the pattern of what is signed; the body without it.
    pub over: &'static str,
    /// The account's field with the header of the signed time.
    pub time_header: &'static str,
    /// The account's field with the longest age of a signature, in seconds.
    pub max_age: &'static str,
    /// What else may be asked of a request.
    pub beside: ChosenHeader,
    /// What else has to be right with an account before a channel is made.
    pub also: fn(&Account) -> Result<(), AccountError>,
}

const SHOWN: &str = "with the signature";
const SHOWN_TIME: &str = "with the signed time";
const BODY: &str = "{body}";
const MAX_AGE_SECONDS: u32 = 300;

impl Scheme for ChosenProofs {
    fn secret_field(&self) -> &'static str {
        self.beside.secret_field()
    }

    fn signature_header(&self) -> &'static str {
        self.beside.signature_header()
    }

    fn secret_header(&self) -> Option<&'static str> {
        self.beside.secret_header()
    }

    fn is_secret_header(&self, name: &str, account: &Account) -> bool {
        self.beside.is_secret_header(name, account)
    }

    fn secret_in_address(&self) -> bool {
        true
    }

    /// The header's name is the account's to know; those in use say what they are.
    fn is_signed(&self, request: &Request) -> bool {
        has_header_like(request, "signature") || self.beside.is_signed(request)
    }

    fn describe(&self) -> String {
        "as the account says: HMAC in a header, a secret header, a secret address, Basic".to_owned()
    }

    fn check(&self, account: &Account) -> Result<(), AccountError> {
        if account.secrets(self.secret).is_empty() {
            self.beside.check(account)?;
        } else {
            self.check_hmac(account)?;
            if self.beside.is_configured(account) {
                self.beside.check(account)?;
            }
        }
        (self.also)(account)
    }

    fn verify(&self, request: &Request, account: &Account, now: Timestamp) -> Result<(), Refusal> {
        let keys = account.secrets(self.secret);
        let is_more_asked = self.beside.is_configured(account);
        if keys.is_empty() && !is_more_asked {
            return Err(NO_SECRET);
        }
        if is_more_asked {
            self.beside.verify(request, account, now)?;
        }
        if keys.is_empty() {
            return Ok(());
        }
        let unset = Refusal::BadSignature("the header of the signature is not configured");
        let header = account.get(self.header).ok_or(unset)?;
        let given = request.single_header_called(header, SHOWN)?;
        let given = given.strip_prefix(account.get(self.prefix).unwrap_or_default());
        let given =
            given.and_then(|digest| self.decoded(digest.trim(), account)).ok_or(MISMATCH)?;
        let unusable = Refusal::BadSignature("the configured signature cannot be computed");
        let hash = self.hash(account).ok_or(unusable.clone())?;
        if let Some(header) = account.get(self.time_header) {
            request.single_header_called(header, SHOWN_TIME)?;
        }
        let signed = self.signed(request, account).ok_or(unusable)?;
        any_matches(keys, |key| same(&hash.hmac(key.expose().as_bytes(), &signed), &given))?;
        self.check_age(request, account, now)
    }

    fn sign(
        &self,
        request: &mut Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        self.check(account)?;
        if self.beside.is_configured(account) {
            self.beside.sign(request, account, now)?;
        }
        let Some(header) = account.get(self.header) else { return Ok(()) };
        let key = signing_secret(account, self.secret)?.expose().as_bytes();
        if let Some(time_header) = account.get(self.time_header) {
            request.set_header(time_header, now.as_seconds().to_string());
        }
        let hash = self.hash(account).unwrap_or(Hash::Sha256);
        let signed = self.signed(request, account).unwrap_or_default();
        let digest = hash.hmac(key, &signed);
        let digest = match account.get(self.encoding) {
            Some("base64") => BASE64.encode(digest),
            Some(_) | None => hex(&digest),
        };
        let prefix = account.get(self.prefix).unwrap_or_default();
        request.set_header(header, format!("{prefix}{digest}"));
        Ok(())
    }
}

impl ChosenProofs {
    fn hash(&self, account: &Account) -> Option<Hash> {
        account.get(self.hash).map_or(Some(Hash::Sha256), Hash::read)
    }

    fn decoded(&self, digest: &str, account: &Account) -> Option<Vec<u8>> {
        match account.get(self.encoding) {
            None => chosen_hmac::read(digest),
            Some("base64") => BASE64.decode(digest).ok(),
            Some(_) => super::unhex_any(digest),
        }
    }

    /// What is signed, piece by piece; `None` where the pattern cannot be read. A header that is not
    /// there is empty, as it is for the sender.
    fn signed<'a>(&self, request: &'a Request, account: &'a Account) -> Option<Vec<&'a [u8]>> {
        let pieces = pattern(account.get(self.over).unwrap_or(BODY))?;
        let bytes = |piece: Piece<'a>| match piece {
            Piece::Text(text) => text.as_bytes(),
            Piece::Body => &request.body[..],
            Piece::Url => request.url.as_bytes(),
            Piece::Header(name) => request.header(name).unwrap_or_default().as_bytes(),
        };
        Some(pieces.into_iter().map(bytes).collect())
    }

    fn check_age(
        &self,
        request: &Request,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(header) = account.get(self.time_header) else { return Ok(()) };
        let time = request.header(header).and_then(Timestamp::parse);
        let time = time.ok_or(Refusal::BadSignature("the signed time is none"))?;
        let max_age = account.get(self.max_age).and_then(|age| age.parse().ok());
        fresh(time.as_seconds(), now, max_age.unwrap_or(MAX_AGE_SECONDS))
    }

    fn check_hmac(&self, account: &Account) -> Result<(), AccountError> {
        let Some(header) = account.get(self.header) else {
            return Err(AccountError::Missing {
                field: self.header,
                help: "a signature needs the name of the header that carries it",
            });
        };
        let unusable = |field, expected| Err(AccountError::Unusable(field, expected));
        if !is_header_name(header) {
            return unusable(self.header, "expected the name of a header");
        }
        if self.hash(account).is_none() {
            return unusable(self.hash, "expected a hash such as SHA-256");
        }
        if account.get(self.encoding).is_some_and(|word| !matches!(word, "hex" | "base64")) {
            return unusable(self.encoding, "expected hex or base64");
        }
        if account.get(self.max_age).is_some_and(|age| age.parse::<u32>().is_err()) {
            return unusable(self.max_age, "expected whole seconds");
        }
        let Some(pieces) = pattern(account.get(self.over).unwrap_or(BODY)) else {
            return unusable(self.over, "expected text with {body}, {url} and {header:NAME} in it");
        };
        if !pieces.iter().any(|piece| matches!(piece, Piece::Body | Piece::Url)) {
            return unusable(self.over, "expected {body} or {url}: else nothing is proven");
        }
        if let Some(time) = account.get(self.time_header) {
            let covers = |piece: &Piece<'_>| matches!(piece, Piece::Header(name) if name.eq_ignore_ascii_case(time));
            if !pieces.iter().any(covers) {
                return unusable(self.time_header, "expected a header that the signature covers");
            }
        }
        Ok(())
    }
}

/// A piece of what is signed.
#[derive(Clone, Copy, Debug)]
enum Piece<'a> {
    Text(&'a str),
    Body,
    Url,
    Header(&'a str),
}

fn pattern(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let end = start + rest[start..].find('}')?;
        pieces.push(Piece::Text(&rest[..start]));
        let word = &rest[start + 1..end];
        pieces.push(match word {
            "body" => Piece::Body,
            "url" => Piece::Url,
            _ => Piece::Header(word.strip_prefix("header:").filter(|name| is_header_name(name))?),
        });
        rest = &rest[end + 1..];
    }
    pieces.push(Piece::Text(rest));
    Some(pieces)
}

fn has_header_like(request: &Request, word: &str) -> bool {
    request.headers.iter().any(|(name, _)| name.to_ascii_lowercase().contains(word))
}
