//! A webhook request, typed by whether its sender is proven.

use std::{borrow::Cow, marker::PhantomData, sync::OnceLock};

use serde::de::DeserializeOwned;

use crate::{Account, Scheme, Timestamp, charset, form::Form};

/// The longest authentication header that is looked at.
pub const MAX_HEADER_BYTES: usize = 4096;

/// Nobody has checked the sender yet.
#[derive(Debug)]
pub enum Unverified {}

/// The sender is proven.
#[derive(Debug)]
pub enum Verified {}

/// The HTTP methods webhooks use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Handshakes, and providers that put parameters into the address.
    Get,
    /// Everything else, nearly.
    Post,
    /// Transactions that carry their id in the address.
    Put,
    /// The set-up check of CloudEvents.
    Options,
}

impl Method {
    /// Reads a method name; methods no webhook uses are `None`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "GET" | "get" => Some(Self::Get),
            "POST" | "post" => Some(Self::Post),
            "PUT" | "put" => Some(Self::Put),
            "OPTIONS" | "options" => Some(Self::Options),
            _ => None,
        }
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Options => "OPTIONS",
        }
    }
}

/// A webhook request as it arrived.
#[derive(Debug)]
pub struct Request<Trust = Unverified> {
    /// GET, POST, PUT or OPTIONS.
    pub method: Method,
    /// The public address as the provider has it, with the query as it was sent.
    pub url: String,
    /// Header names and values in order of arrival.
    pub headers: Vec<(String, String)>,
    /// The body, untouched.
    pub body: Vec<u8>,
    form: OnceLock<Form>,
    trust: PhantomData<Trust>,
}

/// Why a request is not believed. The text names no secret and no expected value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The proof is absent or empty.
    #[error("header {0} is missing or empty")]
    MissingSignature(&'static str),
    /// The proof does not match.
    #[error("{0}")]
    BadSignature(&'static str),
    /// The proof is outside its time window.
    #[error("the signed time is more than {tolerance_seconds} seconds from now")]
    Stale {
        /// How far it may be from the receiver's clock.
        tolerance_seconds: u32,
        /// The signed time, in Unix seconds.
        signed_at: i64,
    },
    /// The key that signed is not among those the provider publishes, as far as we know them.
    #[error("it is signed with a key that its provider does not publish")]
    UnknownKey,
    /// What the provider publishes its keys in has not been fetched: our trouble, not the sender's.
    #[error("the keys at {0} are not at hand")]
    NoDocument(String),
    /// It comes from an address the channel does not allow.
    #[error("it comes from an address that this channel does not allow")]
    Origin,
    /// The request cannot be checked as it is.
    #[error("{0}")]
    Malformed(&'static str),
}

impl Refusal {
    /// The stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingSignature(_) => "missing_signature",
            Self::BadSignature(_) | Self::UnknownKey => "bad_signature",
            Self::Origin => "address_not_allowed",
            Self::NoDocument(_) => "keys_unavailable",
            Self::Stale { .. } => "stale",
            Self::Malformed(_) => "malformed",
        }
    }
}

/// A refused request, handed back for the archive.
#[derive(Debug)]
pub struct Refused {
    /// The request.
    pub request: Request<Unverified>,
    /// Why.
    pub refusal: Refusal,
}

/// A verified request that is not in the provider's format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Request<Unverified> {
    /// A request nobody has checked yet.
    pub fn new(
        method: Method,
        url: impl Into<String>,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> Self {
        Self { method, url: url.into(), headers, body, form: OnceLock::new(), trust: PhantomData }
    }

    /// The same request once more: what was decoded of it is decoded again.
    pub fn copied(&self) -> Self {
        Self::new(self.method, self.url.clone(), self.headers.clone(), self.body.clone())
    }

    /// Trades an unverified request for a verified one. The other way to obtain
    /// one is a channel that only watches.
    pub fn verify(
        self,
        verifier: &dyn Scheme,
        account: &Account,
        now: Timestamp,
    ) -> Result<Request<Verified>, Box<Refused>> {
        match verifier.verify(&self, account, now) {
            Ok(()) => Ok(Request {
                method: self.method,
                url: self.url,
                headers: self.headers,
                body: self.body,
                form: self.form,
                trust: PhantomData,
            }),
            Err(refusal) => Err(Box::new(Refused { request: self, refusal })),
        }
    }
}

impl Request<Unverified> {
    /// Takes a request for proven that is not: only for [`crate::Adapter::watch`].
    pub(crate) fn unproven(self) -> Request<Verified> {
        Request {
            method: self.method,
            url: self.url,
            headers: self.headers,
            body: self.body,
            form: self.form,
            trust: PhantomData,
        }
    }
}

impl Request<Verified> {
    /// Reads the body as JSON.
    ///
    /// The error tells where the body broke, never what stood there.
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Malformed> {
        // Text is checked faster as a whole than value by value.
        let read = match std::str::from_utf8(&self.body) {
            Ok(text) => serde_json::from_str(text),
            Err(_) => serde_json::from_slice(&self.body),
        };
        read.map_err(|error| {
            Malformed(format!(
                "the body is not the JSON expected: {} at line {} column {}",
                category(&error),
                error.line(),
                error.column()
            ))
        })
    }
}

impl<Trust> Request<Trust> {
    /// The one value of an authentication header.
    ///
    /// Missing, empty, repeated and oversized headers are refused: with two values, whoever stands
    /// between us and the provider could choose which one is believed.
    pub fn single_header(&self, name: &'static str) -> Result<&str, Refusal> {
        self.single_header_called(name, name)
    }

    /// The same for a header whose name the account chooses; `shown` stands for it in a refusal.
    pub(crate) fn single_header_called(
        &self,
        name: &str,
        shown: &'static str,
    ) -> Result<&str, Refusal> {
        let mut values = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = values.next().map_or("", |(_, value)| value.trim());
        if value.is_empty() {
            return Err(Refusal::MissingSignature(shown));
        }
        if values.next().is_some() {
            return Err(Refusal::BadSignature("an authentication header is repeated"));
        }
        if value.len() > MAX_HEADER_BYTES {
            return Err(Refusal::BadSignature("an authentication header is too long"));
        }
        Ok(value)
    }

    /// The first value of an ordinary header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// Whether the body is of a media type, whatever its case and parameters.
    pub(crate) fn is_of_type(&self, media_type: &str) -> bool {
        let content_type = self.header("content-type").unwrap_or_default();
        let given = content_type.split(';').next().unwrap_or_default();
        given.trim().eq_ignore_ascii_case(media_type)
    }

    /// Whether the body is a form by its media type.
    pub fn is_form(&self) -> bool {
        self.is_of_type("application/x-www-form-urlencoded")
    }

    /// The query of the address, as sent.
    pub fn raw_query(&self) -> &str {
        let address = self.url.split('#').next().unwrap_or_default();
        address.split_once('?').map_or("", |(_, query)| query)
    }

    /// The decoded parameters of the query, in order, repeated ones kept.
    pub fn query(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_urlencoded::parse(self.raw_query().as_bytes())
    }

    /// The decoded parameters of a form body, in order, repeated ones kept.
    pub fn form(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_urlencoded::parse(&self.body)
    }

    /// The bytes of the first parameter called `name`, in the form or else in the query: where the
    /// provider says in another parameter which charset they are in.
    pub(crate) fn parameter_bytes(&self, name: &str) -> Option<Vec<u8>> {
        let form = if self.is_form() { &self.body[..] } else { &[] };
        let pairs = [form, self.raw_query().as_bytes()];
        let mut pairs = pairs.iter().flat_map(|pairs| pairs.split(|byte| *byte == b'&'));
        pairs.find_map(|pair| {
            let (given, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(end) => (&pair[..end], &pair[end + 1..]),
                None => (pair, &[][..]),
            };
            (given == name.as_bytes()).then(|| charset::percent_decoded(value))
        })
    }

    /// As [`Self::form`], but decoded once, however many ask. The body must not change afterwards.
    pub(crate) fn decoded_form(&self) -> &Form {
        self.form.get_or_init(|| Form::decode(&self.body))
    }
}

/// Reads `item` on its own, so that one odd item of a batch cannot lose its neighbors.
pub(crate) fn item<T: DeserializeOwned>(item: &serde_json::value::RawValue) -> Option<T> {
    serde_json::from_str(item.get()).ok()
}

fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Io | serde_json::error::Category::Syntax => "syntax error",
        serde_json::error::Category::Data => "unexpected value",
        serde_json::error::Category::Eof => "it ends too early",
    }
}
