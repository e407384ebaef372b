//! Pure translations between messaging providers' webhooks and Frontdesk's events.
//!
//! Bytes enter on one side, values leave on the other: a [`Request`] is verified, parsed into
//! [`Event`]s and answered in the words its provider expects. Nothing here performs I/O, reads a
//! clock, logs, or knows about databases and HTTP servers; the time and the secrets are arguments.
//!
//! An [`Adapter`] is a value whose every field is required, so an adapter without a verifier does
//! not compile. [`providers::ALL`] is the registry. To add a provider, write one folder under
//! `providers/` and two lines in `providers/mod.rs`.

mod account;
mod answer;
mod charset;
mod decode;
mod event;
pub mod fixture;
mod form;
mod json;
pub mod phone;
pub mod providers;
mod request;
mod time;
mod verify;
mod xml;

pub use account::{Account, AccountError, Field, Secret};
pub use answer::{Answer, Outcome, Recorded, Verdict};
pub use decode::{Arrival, Decoded, decode, decode_line, decode_undated};
pub use event::{
    Address, AddressKind, Attachment, AttachmentKind, DeliveryError, DeliveryStatus, Event, Kind,
    Medium, Message, Parsed, Part, Problem, Recipient, Sender, Status,
};
pub use request::{
    MAX_HEADER_BYTES, Malformed, Method, Refusal, Refused, Request, Unverified, Verified,
};
pub use time::Timestamp;
pub use verify::{BodyHmac, Encoding, Scheme};

/// Everything Frontdesk knows about one provider's webhooks.
#[derive(Debug)]
pub struct Adapter {
    /// The provider's name in configuration, such as `twilio`.
    pub provider: &'static str,
    /// Other names under which people look for the provider.
    pub aliases: &'static [&'static str],
    /// The provider's name for people, such as `Twilio Programmable Messaging`.
    pub title: &'static str,
    /// What it receives, in one line for the `providers` table.
    pub receives: &'static str,
    /// The medium its messages use unless one says otherwise.
    pub medium: Medium,
    /// The fields of its account, credentials included.
    pub account: &'static [Field],
    /// How a request proves who sent it.
    pub verifier: &'static dyn Scheme,
    /// How the provider checks the address when it is set up.
    pub handshake: Handshake,
    /// Translates a verified request. Unknown events become [`Kind::Other`], never an error.
    pub parse: fn(&Request<Verified>, &Account) -> Result<Parsed, Malformed>,
    /// Answers a request once what it brought is durable.
    pub acknowledge: fn(Recorded<'_>) -> Answer,
    /// Makes up a request as the provider would send it, yet to be signed: for trying a channel.
    pub sample: fn(&Sample<'_>) -> Request,
}

/// A made-up text message from a customer.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The webhook's public address.
    pub url: &'a str,
    /// Our address.
    pub address: &'a str,
    /// The channel's account.
    pub account: &'a Account,
    /// The customer's address; `None` is somebody fictional.
    pub from: Option<&'a str>,
    /// What the customer says.
    pub text: &'a str,
    /// Thirty-two hexadecimal digits, different each time.
    pub id: &'a str,
    /// When it is sent.
    pub now: Timestamp,
}

impl Sample<'_> {
    /// The customer's address.
    pub(crate) fn sender(&self) -> &str {
        self.from.unwrap_or("+15550100002")
    }

    /// A request with `parameters` as form.
    pub(crate) fn form(&self, parameters: &[(&str, &str)]) -> Request {
        let content_type = "application/x-www-form-urlencoded".to_owned();
        let headers = vec![("content-type".to_owned(), content_type)];
        Request::new(Method::Post, self.url, headers, encoded(parameters).into_bytes())
    }

    /// A request with `parameters` in its address.
    pub(crate) fn query(&self, parameters: &[(&str, &str)]) -> Request {
        let url = format!("{}?{}", self.url, encoded(parameters));
        Request::new(Method::Get, url, Vec::new(), Vec::new())
    }

    /// A request with `body` as JSON.
    pub(crate) fn json(&self, body: &serde_json::Value) -> Request {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Request::new(Method::Post, self.url, headers, body.to_string().into_bytes())
    }
}

fn encoded(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

/// An international number without its `+`, as many providers write it.
pub(crate) fn digits(address: &str) -> &str {
    address.trim_start_matches('+')
}

/// How a provider checks a webhook address before using it.
#[derive(Debug)]
pub enum Handshake {
    /// It does not.
    None,
    /// Answers the check, refuses it, or says `None` when the request is an ordinary one.
    Answer(AnswerHandshake),
}

/// Answers or refuses a check; `None` says that the request is none.
pub type AnswerHandshake = fn(&Request, &Account) -> Option<Result<Answer, Refusal>>;

/// What became of a request before anything is recorded.
#[derive(Debug)]
pub enum Accepted {
    /// A set-up check, answered at once.
    Handshake(Answer),
    /// Verified and translated.
    Understood(Request<Verified>, Parsed),
    /// Verified, yet not in a form we can read: archived and visible, never lost.
    NotUnderstood(Request<Verified>, Malformed),
    /// Not proven to come from the provider.
    Refused(Request<Unverified>, Refusal),
}

impl Adapter {
    /// Verifies `request`, then parses it: the one way from bytes to events.
    ///
    /// `request.url` is the public address as the provider has it; `now` is the receiver's clock.
    pub fn accept(&self, request: Request, account: &Account, now: Timestamp) -> Accepted {
        if let Some(answered) = self.handshake(&request, account) {
            return match answered {
                Ok(answer) => Accepted::Handshake(answer),
                Err(refusal) => Accepted::Refused(request, refusal),
            };
        }
        let request = match request.verify(self.verifier, account, now) {
            Ok(request) => request,
            Err(refused) => return Accepted::Refused(refused.request, refused.refusal),
        };
        self.read(request, account)
    }

    /// As [`Adapter::accept`], but takes what it would have refused, and says why it would have:
    /// for finding out what verification would do before it does it. Set-up checks stay refused.
    pub fn watch(
        &self,
        request: Request,
        account: &Account,
        now: Timestamp,
    ) -> (Accepted, Option<Refusal>) {
        if let Some(answered) = self.handshake(&request, account) {
            return match answered {
                Ok(answer) => (Accepted::Handshake(answer), None),
                Err(refusal) => (Accepted::Refused(request, refusal), None),
            };
        }
        match request.verify(self.verifier, account, now) {
            Ok(request) => (self.read(request, account), None),
            Err(refused) => (self.read(refused.request.unproven(), account), Some(refused.refusal)),
        }
    }

    fn handshake(&self, request: &Request, account: &Account) -> Option<Result<Answer, Refusal>> {
        match self.handshake {
            Handshake::None => None,
            Handshake::Answer(answer) => answer(request, account),
        }
    }

    fn read(&self, request: Request<Verified>, account: &Account) -> Accepted {
        match (self.parse)(&request, account) {
            Ok(parsed) => Accepted::Understood(request, parsed),
            Err(malformed) => Accepted::NotUnderstood(request, malformed),
        }
    }
}
