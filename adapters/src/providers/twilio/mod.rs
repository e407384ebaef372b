//! Twilio Programmable Messaging: SMS, MMS, WhatsApp, RCS and Messenger.
//!
//! Wire format: <https://www.twilio.com/docs/messaging/guides/webhook-request>,
//! <https://www.twilio.com/docs/messaging/guides/track-outbound-message-status>,
//! <https://www.twilio.com/docs/usage/webhooks/webhooks-security>
//!
//! - One request is one event: a form, or a GET with the same parameters in its query.
//! - Messages and status callbacks share one address; only a status callback has `MessageStatus`.
//! - A message has no time, and a status at most the carrier's, to the minute.
//! - New parameters appear without notice, and empty ones are signed like any other.
//! - Whatever is answered as `text/plain` goes to the customer as a message, and a failed request
//!   is hardly repeated: we always answer with empty TwiML, also to what we cannot read.
//!
//! Unconfirmed: `FlowData`, the values of `MessageType`, and whether reactions arrive at all.

use std::borrow::Cow;

use self::parameters::Parameters;
use crate::{
    Account, Adapter, Answer, Event, Field, Handshake, Kind, Malformed, Medium, Message, Method,
    Parsed, Recorded, Request, Sample, Verified, event, verify::UrlAndForm,
};

mod addresses;
pub mod conversations;
mod messages;
mod parameters;
mod statuses;
#[cfg(test)]
mod tests;

/// Twilio Programmable Messaging.
pub const ADAPTER: Adapter = Adapter {
    provider: "twilio",
    aliases: &[],
    title: "Twilio Programmable Messaging",
    receives: "SMS, MMS, WhatsApp, RCS and Messenger messages, delivery statuses, opt-outs",
    medium: Medium::Sms,
    account: &[
        Field {
            name: "account_sid",
            secret: false,
            required: true,
            help: "the Account SID (AC…), under Account Info in the Twilio console",
        },
        Field {
            name: "auth_token",
            secret: true,
            required: true,
            help: "the primary Auth Token, under Account Info in the Twilio console; \
                   a sub-account has its own, and an API key does not sign",
        },
    ],
    verifier: &UrlAndForm { header: "x-twilio-signature", secret: "auth_token" },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

const EMPTY_TWIML: Answer = Answer::constant(200, "text/xml", "<Response/>");

/// More parameters than any of Twilio's products sends.
const MAX_METADATA: usize = 200;

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let events = match request.method {
        Method::Get | Method::Options => from_pairs(|| request.query()),
        Method::Post | Method::Put if request.is_form() => {
            let form = request.decoded_form();
            from_pairs(|| form.pairs().map(|(name, value)| (name.into(), value.into())))
        }
        Method::Post | Method::Put => vec![from_json(request)?],
    };
    Ok(events.into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    EMPTY_TWIML
}

fn sample(sample: &Sample<'_>) -> Request {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("MessageSid", &format!("SM{}", sample.id));
    form.append_pair("AccountSid", sample.account.get("account_sid").unwrap_or_default());
    form.append_pair("From", sample.from.unwrap_or("+15550100002"));
    form.append_pair("To", sample.address);
    form.append_pair("SmsStatus", "received");
    form.append_pair("NumMedia", "0");
    form.append_pair("Body", sample.text);
    let content_type = "application/x-www-form-urlencoded; charset=UTF-8";
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    Request::new(Method::Post, sample.url, headers, form.finish().into_bytes())
}

fn from_pairs<'a, I>(pairs: impl Fn() -> I) -> Vec<Event>
where
    I: Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
{
    let parameters = Parameters::read(pairs());
    if let Some(word) = parameters.status() {
        return statuses::read(word, &parameters);
    }
    if parameters.is_message() {
        return vec![Event::Message(messages::read(parameters))];
    }
    let metadata = pairs()
        .take(MAX_METADATA)
        .filter_map(|(name, value)| Some((event::text(name)?, event::text(value)?.into())))
        .collect();
    vec![other(parameters.event.and_then(event::text), metadata)]
}

/// Products other than messaging post JSON, with the body's digest in the signed address.
fn from_json(request: &Request<Verified>) -> Result<Event, Malformed> {
    let body: serde_json::Map<_, _> = request.json()?;
    let word =
        ["type", "EventType"].iter().find_map(|name| event::text(body.get(*name)?.as_str()?));
    Ok(other(word, body))
}

fn other(
    provider_type: Option<String>,
    metadata: serde_json::Map<String, serde_json::Value>,
) -> Event {
    Event::Message(Message {
        kind: Kind::Other,
        provider_type,
        metadata: (!metadata.is_empty()).then_some(metadata),
        ..Message::default()
    })
}
