//! Vonage: the SMS API and the Messages API, on one address.
//!
//! Wire format: <https://developer.vonage.com/en/messaging/sms/guides/inbound-sms>,
//! <https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts>,
//! <https://developer.vonage.com/en/messages/concepts/messages-status-callbacks>,
//! <https://developer.vonage.com/en/getting-started/concepts/webhooks#signed-webhooks>
//!
//! - The SMS API sends its parameters as a query, a form or JSON, as the account chooses.
//! - Its long texts come in parts, each a request of its own with its own id, in any order.
//! - In its delivery receipts, `msisdn` is the person and `to` is us, as in a message.
//! - Numbers have no `+`; a sender may be a name. Times without a zone are UTC.
//! - When an address is saved, Vonage may ask it without any parameters: that is answered, unread.
//! - `unknown` means that no final receipt will come: it moves nothing beyond `sent`.
//!
//! Unconfirmed: the question at saving, how long media stay, how the Messages API repeats, whether
//! a repeat is signed anew, and the shapes of orders, contacts and reactions (kept as they come).

use crate::{
    Account, Adapter, Answer, Event, Field, Handshake, Malformed, Medium, Message, Method, Parsed,
    Recorded, Refusal, Request, Sample, Verified,
    json::{self, Json},
    verify::Vonage,
};

mod messages;
mod sms;
#[cfg(test)]
mod tests;

/// Vonage.
pub const ADAPTER: Adapter = Adapter {
    provider: "vonage",
    aliases: &["nexmo"],
    title: "Vonage SMS API and Messages API",
    receives: "SMS in parts, MMS, WhatsApp, Messenger, RCS and Viber messages, delivery receipts",
    medium: Medium::Sms,
    account: &[
        Field {
            name: "signature_secret",
            secret: true,
            required: true,
            help: "the signature secret (not the API secret), under API settings in the Vonage \
                   dashboard; for applications it is the same",
        },
        Field {
            name: "signature_method",
            secret: false,
            required: false,
            help: "the signature method chosen under API settings: md5hash, md5, sha1, sha256 or \
                   sha512; without it any of the five is accepted",
        },
        Field {
            name: "api_key",
            secret: false,
            required: false,
            help: "the API key, under API settings; tokens of another account are then refused",
        },
        Field {
            name: "application_id",
            secret: false,
            required: false,
            help: "the application's id; tokens of another application are then refused",
        },
    ],
    verifier: &Vonage {
        secret: "signature_secret",
        method: "signature_method",
        claims: &["api_key", "application_id"],
    },
    handshake: Handshake::Answer(probe),
    parse,
    acknowledge,
    sample,
};

fn probe(request: &Request, _account: &Account) -> Option<Result<Answer, Refusal>> {
    let asks_nothing = request.method == Method::Get && request.raw_query().is_empty();
    let is_probe = asks_nothing && !ADAPTER.verifier.is_signed(request);
    is_probe.then_some(Ok(Answer::empty(200)))
}

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = json::parameters(request)?;
    let body = Json::from(&body);
    let is_sms_api = body.at("message_uuid").value().is_none()
        && (body.at("messageId").value().is_some() || body.at("msisdn").value().is_some());
    let event = if is_sms_api { sms::read(body) } else { messages::read(body) };
    Ok(vec![event].into())
}

/// 200 also for what we could not read: it is archived, and would only come again for a day.
fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let digits = |address: &str| address.trim_start_matches('+').to_owned();
    sample.json(&serde_json::json!({
        "channel": "sms",
        "message_uuid": sample.id,
        "to": digits(sample.address),
        "from": digits(sample.from.unwrap_or("+15550100002")),
        "timestamp": sample.now.to_string(),
        "message_type": "text",
        "text": sample.text,
        "sms": {"num_messages": "1"},
    }))
}

/// An event of which only its own word is known.
fn other(word: Option<String>, body: Json<'_>) -> Event {
    let id = body.first_text(&["message_uuid", "messageId"]);
    let key = id.as_ref().map(|id| format!("other:{id}:{}", word.as_deref().unwrap_or_default()));
    Event::Message(Message {
        id,
        key,
        sent_at: body.time("timestamp"),
        metadata: body.kept().map(|mut kept| {
            kept.remove("sig");
            kept
        }),
        ..Message::other(word.unwrap_or_default())
    })
}
