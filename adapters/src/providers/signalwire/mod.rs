//! SignalWire: the Compatibility API, which speaks Twilio's language, and its own JSON.
//!
//! Wire format: <https://signalwire.com/docs/compatibility-api/rest/messages/webhooks>,
//! <https://developer.signalwire.com/guides/webhook-security>
//!
//! - Forms have Twilio's parameters, with a UUID for `MessageSid`; statuses repeat the body.
//! - JSON tells one message by `id`; `received` means that somebody wrote to us.
//! - The signing key of the project (`PSK…`) is neither the API token nor Twilio's Auth Token.
//! - An MMS never gets beyond `sent`.
//! - A body in the answer is read as LaML and may send a message: we answer an empty one.
//!
//! Unconfirmed: the parameters of incoming messages beyond those of Twilio's kind, how long it waits
//! and how often it repeats, and whether a header by Twilio's name comes as well.

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, DeliveryError, DeliveryStatus,
    Event, Field, Handshake, Kind, Malformed, Medium, Message, Method, Parsed, Recorded, Request,
    Sample, Verified,
    event::Report,
    json::{self as read, Json},
    providers::twilio,
    verify::SignalWire,
};

/// SignalWire.
pub const ADAPTER: Adapter = Adapter {
    provider: "signalwire",
    aliases: &[],
    title: "SignalWire Messaging",
    receives: "SMS and MMS messages, delivery statuses",
    medium: Medium::Sms,
    account: &[
        Field {
            name: "project_id",
            secret: false,
            required: false,
            help: "the project's id, under API in the SignalWire space",
        },
        Field {
            name: "signing_key",
            secret: true,
            required: true,
            help: "the project's signing key (PSK…), under API in the SignalWire space; it is not \
                   the API token",
        },
    ],
    verifier: &SignalWire { secret: "signing_key" },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, account: &Account) -> Result<Parsed, Malformed> {
    if request.method == Method::Get || request.is_form() {
        return (twilio::ADAPTER.parse)(request, account);
    }
    let body = read::object(request)?;
    Ok(vec![own(Json::from(&body))].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::constant(200, "application/xml", "<Response/>")
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.json(&json!({
        "id": sample.id,
        "project_id": sample.account.get("project_id"),
        "status": "received",
        "from": sample.from.unwrap_or("+15550100002"),
        "to": sample.address,
        "body": sample.text,
        "number_of_segments": 1,
        "timestamp": sample.now.to_string(),
    }))
}

/// A message or a status in SignalWire's own JSON.
fn own(body: Json<'_>) -> Event {
    let number = |name: &str| Address::telephone(&body.text(name)?, None);
    let (from, to) = (number("from"), number("to"));
    let at = ["timestamp", "created_at"].iter().find_map(|name| body.time(name));
    let Some(word) = body.text("status").filter(|_| body.at("id").value().is_some()) else {
        let word = body.first_text(&["event_type", "event"]);
        let metadata = body.kept();
        return Event::Message(Message { metadata, ..Message::other(word.unwrap_or_default()) });
    };
    if matches!(word.as_str(), "received" | "receiving") {
        let media = |url: Json<'_>| {
            let url = url.str()?.to_owned();
            let kind = AttachmentKind::from_url(&url);
            Some(Attachment { url: Some(url), ..Attachment::new(kind) })
        };
        return Event::Message(Message {
            kind: Kind::Message,
            id: body.text("id"),
            sender: from.map(Into::into),
            recipient: to.map(Into::into),
            sent_at: at,
            text: body.text("body"),
            attachments: body.at("media").items().filter_map(media).collect(),
            ..Message::default()
        });
    }
    let meaning = match word.as_str() {
        "queued" | "initiated" | "sending" => Some(DeliveryStatus::Queued),
        "sent" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "undelivered" => Some(DeliveryStatus::Undelivered),
        "failed" => Some(DeliveryStatus::Failed),
        _ => None,
    };
    Report {
        id: body.text("id"),
        at,
        recipient: to,
        sender: from,
        error: DeliveryError::of(body.text("error_code"), body.text("error_message")),
        medium: None,
    }
    .event(&word, meaning)
}
