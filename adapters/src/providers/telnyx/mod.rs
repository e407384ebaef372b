//! Telnyx Messaging, version 2.
//!
//! Wire format: <https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks>,
//! <https://developers.telnyx.com/api-reference/callbacks/inbound-message>
//!
//! - One event a request, each with an id of its own; a message and its statuses share `payload.id`.
//! - A status stands beside each recipient in `to`: one event tells several.
//! - Of several recipients of a message, we are the one it was `webhook_delivered` to.
//! - `delivery_unconfirmed` is the last word where a network sends no receipts: no more than `sent`.
//! - Events come in any order, up to three times per address; 2xx must come within two seconds.
//! - Numbers have their `+`; amounts, times and nulls change their form from event to event.
//!
//! - Telnyx itself answers STOP, START and HELP, and says so in `autoresponse_type`; what is sent to
//!   somebody who has stopped fails with 40300, which is an opt-out as well.
//!
//! Unconfirmed: how long media stay, and whether `expired` is ever said.

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, DeliveryError, DeliveryStatus,
    Event, Field, Handshake, Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample,
    Verified,
    event::Report,
    json::{self as read, Json},
    verify::{Ed25519, Encoding},
};

/// Telnyx.
pub const ADAPTER: Adapter = Adapter {
    provider: "telnyx",
    aliases: &[],
    title: "Telnyx Messaging",
    receives: "SMS and MMS messages, groups, delivery statuses, opt-outs",
    medium: Medium::Sms,
    account: &[
        Field {
            name: "public_key",
            secret: true,
            required: true,
            help: "the public key, under Keys & Credentials in the Mission Control Portal",
        },
        Field {
            name: "private_key",
            secret: true,
            required: false,
            help: "only for trying the channel: the private half of a key pair of your own, whose \
                   public half is added to public_key",
        },
    ],
    verifier: &Ed25519 {
        header: "telnyx-signature-ed25519",
        timestamp: "telnyx-timestamp",
        separator: "|",
        encoding: Encoding::Base64,
        tolerance_seconds: 300,
        public_key: "public_key",
        private_key: "private_key",
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

/// The person has sent STOP to our number.
const BLOCKED: &str = "40300";

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    let data = Json::from(&body).at("data");
    let payload = data.at("payload");
    let events = match data.at("event_type").str() {
        Some("message.received") => vec![message(data, payload)],
        Some("message.sent" | "message.finalized") => statuses(data, payload),
        word => vec![other(word, data)],
    };
    Ok(events.into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.json(&json!({
        "data": {
            "event_type": "message.received",
            "id": sample.id,
            "occurred_at": sample.now.to_string(),
            "record_type": "event",
            "payload": {
                "id": sample.id,
                "record_type": "message",
                "direction": "inbound",
                "type": "SMS",
                "from": {"phone_number": sample.from.unwrap_or("+15550100002")},
                "to": [{"phone_number": sample.address, "status": "webhook_delivered"}],
                "text": sample.text,
                "media": [],
                "parts": 1,
                "received_at": sample.now.to_string(),
            },
        },
        "meta": {"attempt": 1, "delivered_to": sample.url},
    }))
}

fn other(word: Option<&str>, data: Json<'_>) -> Event {
    let id = data.text("id");
    Event::Message(Message {
        key: id.as_ref().map(|id| format!("event:{id}")),
        sent_at: data.time("occurred_at"),
        metadata: data.at("payload").kept(),
        ..Message::other(word.unwrap_or_default())
    })
}

fn message(data: Json<'_>, payload: Json<'_>) -> Event {
    let ours =
        payload.at("to").items().find(|to| to.at("status").str() == Some("webhook_delivered"));
    let ours = ours.or_else(|| payload.at("to").items().next());
    let kind = match payload.at("autoresponse_type").str() {
        Some("STOP") => Kind::OptOut,
        Some("START") => Kind::OptIn,
        Some("HELP") => Kind::Help,
        Some(_) | None => Kind::Message,
    };
    let others = payload.at("to").items().count() > 1 || payload.at("cc").items().next().is_some();
    Event::Message(Message {
        kind,
        id: payload.text("id"),
        sender: number(payload.at("from")).map(Into::into),
        recipient: ours.and_then(number).map(Into::into),
        sent_at: payload.time("received_at").or_else(|| data.time("occurred_at")),
        text: payload.first_text(&["text", "subject"]),
        attachments: payload.at("media").items().filter_map(attachment).collect(),
        metadata: if others { payload.pick(&["to", "cc"]) } else { None },
        ..Message::default()
    })
}

/// One side. Before version 2 it was the bare number.
fn number(party: Json<'_>) -> Option<Address> {
    let number = party.text("phone_number").or_else(|| party.str().map(str::to_owned))?;
    Address::telephone(&number, None)
}

/// A media part. SMIL only says how to show the others.
fn attachment(media: Json<'_>) -> Option<Attachment> {
    let content_type = media.text("content_type");
    if content_type.as_deref().is_some_and(|content_type| content_type.contains("smil")) {
        return None;
    }
    let kind = content_type.as_deref().map(AttachmentKind::from_content_type);
    let kind = kind.unwrap_or(AttachmentKind::File);
    Some(Attachment { url: Some(media.text("url")?), content_type, ..Attachment::new(kind) })
}

fn statuses(data: Json<'_>, payload: Json<'_>) -> Vec<Event> {
    let time = match data.at("event_type").str() {
        Some("message.sent") => payload.time("sent_at"),
        Some(_) | None => payload.time("completed_at"),
    };
    let at = time.or_else(|| data.time("occurred_at"));
    let ours = number(payload.at("from"));
    let error = payload.at("errors").items().next().and_then(|error| {
        DeliveryError::of(error.text("code"), error.first_text(&["detail", "title"]))
    });
    let mut events = Vec::new();
    for to in payload.at("to").items() {
        let word = to.text("status").unwrap_or_default();
        let meaning = match word.as_str() {
            "queued" | "sending" => Some(DeliveryStatus::Queued),
            "sent" | "delivery_unconfirmed" => Some(DeliveryStatus::Sent),
            "delivered" => Some(DeliveryStatus::Delivered),
            "delivery_failed" => Some(DeliveryStatus::Undelivered),
            "sending_failed" => Some(DeliveryStatus::Failed),
            "expired" => Some(DeliveryStatus::Expired),
            _ => None,
        };
        let report = Report {
            id: payload.text("id"),
            at,
            recipient: number(to),
            sender: ours.clone(),
            error: error.clone(),
            medium: None,
        };
        let blocked = error.as_ref().is_some_and(|error| error.code.as_deref() == Some(BLOCKED));
        let opt_out = blocked.then(|| report.opt_out()).flatten();
        events.push(report.event(&word, meaning));
        events.extend(opt_out);
    }
    if events.is_empty() {
        events.push(other(data.at("event_type").str(), data));
    }
    events
}
