//! Zenvia, version 2: SMS, WhatsApp, RCS and its other channels in one form.
//!
//! Wire format: <https://zenvia.github.io/zenvia-openapi-spec/v2/>
//!
//! - A message has several contents under one id: they are one message here.
//! - The person's name is in `visitor`, within the message.
//! - Numbers come without `+`; short codes stay short. On social channels they are opaque ids.
//! - Words (`type`, `direction`, `code`) are compared whatever their case, offsets of times vary.
//! - Nothing is signed, but a subscription can send a header of our choice.
//!
//! Unconfirmed: `ACCEPTED`, the shape of contacts, and whether requests are repeated. `VERIFIED` and
//! `CLICKED` are kept under their names and move nothing.

use serde_json::{Map, Value, json};

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, DeliveryError, DeliveryStatus,
    Event, Field, Handshake, Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample,
    Sender, Verified, digits,
    event::Report,
    json::{self as read, Json},
    verify::{ChosenHeader, Endpoint},
};

/// Zenvia.
pub const ADAPTER: Adapter = Adapter {
    provider: "zenvia",
    aliases: &[],
    title: "Zenvia channels API",
    receives: "SMS, WhatsApp, RCS: texts, files, locations, contacts; statuses",
    medium: Medium::Sms,
    account: &[
        Field {
            name: "header_secret",
            secret: true,
            required: false,
            help: "the value of a header that the subscription sends (webhook.headers): random \
                   letters and digits of your own",
        },
        Field {
            name: "header_name",
            secret: false,
            required: false,
            help: "the name of that header; X-Webhook-Secret without it",
        },
        Field::TOKEN,
        Field::USERNAME,
        Field::PASSWORD,
    ],
    verifier: &ChosenHeader {
        secret: "header_secret",
        header: "header_name",
        usual_header: "X-Webhook-Secret",
        endpoint: Endpoint::USUAL,
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    let body = Json::from(&body);
    let word = body.text("type").unwrap_or_default();
    let event = match word.to_ascii_uppercase().as_str() {
        "MESSAGE" => Event::Message(message(body)),
        "MESSAGE_STATUS" => status(body),
        _ => {
            let id = body.text("id");
            Event::Message(Message {
                key: id.map(|id| format!("event:{id}")),
                sent_at: body.time("timestamp"),
                metadata: body.kept(),
                ..Message::other(word)
            })
        }
    };
    Ok(vec![event].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.json(&json!({
        "id": sample.id,
        "timestamp": sample.now.to_string(),
        "type": "MESSAGE",
        "channel": "sms",
        "message": {
            "id": sample.id,
            "from": digits(sample.sender()),
            "to": digits(sample.address),
            "direction": "IN",
            "channel": "sms",
            "contents": [{"type": "text", "text": sample.text}],
        },
    }))
}

fn medium(channel: Option<&str>) -> Option<Medium> {
    match channel?.to_ascii_lowercase().as_str() {
        "whatsapp" => Some(Medium::Whatsapp),
        "rcs" => Some(Medium::Rcs),
        "facebook" | "messenger" => Some(Medium::Messenger),
        "instagram" => Some(Medium::Instagram),
        "telegram" => Some(Medium::Telegram),
        _ => None,
    }
}

/// A number, or an id of a social channel within the page or bot it was said to.
fn address(id: Option<String>, medium: Option<Medium>, scope: Option<&str>) -> Option<Address> {
    match (medium, scope) {
        (Some(medium), Some(scope)) if !medium.has_numbers() => {
            Some(Address::scoped_user(id?, scope))
        }
        (Some(medium), None) if !medium.has_numbers() => Some(Address::user(id?)),
        (_, _) => Address::international(&id?),
    }
}

fn message(body: Json<'_>) -> Message {
    let item = body.at("message");
    let medium = medium(item.at("channel").str().or_else(|| body.at("channel").str()));
    let ours = item.text("to");
    let sender = address(item.text("from"), medium, ours.as_deref());
    let visitor = item.at("visitor");
    let name = visitor.first_text(&["name", "firstName"]);
    let direction = item.at("direction").str().or_else(|| body.at("direction").str());
    let mut message = Message {
        kind: Kind::Message,
        id: item.text("id"),
        sender: sender.map(|address| Sender { name, ..Sender::from(address) }),
        recipient: address(ours, medium, None).map(Into::into),
        sent_at: item.time("timestamp").or_else(|| body.time("timestamp")),
        from_business: direction.is_some_and(|word| word.eq_ignore_ascii_case("out")),
        medium,
        ..Message::default()
    };
    for part in item.at("contents").items() {
        content(&mut message, part);
    }
    message
}

fn content(message: &mut Message, part: Json<'_>) {
    let word = part.text("type").unwrap_or_default();
    match word.as_str() {
        "text" => {
            add_text(message, part.text("text"));
            message.payload = message.payload.take().or_else(|| part.text("payload"));
        }
        "file" => {
            add_text(message, part.text("fileCaption"));
            message.attachments.push(file(part));
        }
        "location" => message.attachments.push(Attachment {
            url: part.text("url"),
            latitude: part.number("latitude"),
            longitude: part.number("longitude"),
            name: part.text("name"),
            address: part.text("address"),
            ..Attachment::new(AttachmentKind::Location)
        }),
        "contacts" => message.attachments.extend(part.at("contacts").items().map(contact)),
        _ => message
            .attachments
            .push(Attachment { metadata: part.kept(), ..Attachment::new(AttachmentKind::Other) }),
    }
}

/// Several texts are the lines of one.
fn add_text(message: &mut Message, text: Option<String>) {
    message.text = match (message.text.take(), text) {
        (Some(before), Some(text)) => Some(format!("{before}\n{text}")),
        (before, text) => before.or(text),
    };
}

fn file(part: Json<'_>) -> Attachment {
    let (url, content_type) = (part.text("fileUrl"), part.text("fileMimeType"));
    let kind = match (&content_type, &url) {
        (Some(content_type), _) => AttachmentKind::from_content_type(content_type),
        (None, Some(url)) => AttachmentKind::from_url(url),
        (None, None) => AttachmentKind::File,
    };
    Attachment { url, content_type, filename: part.text("fileName"), ..Attachment::new(kind) }
}

fn contact(item: Json<'_>) -> Attachment {
    let name = item.at("name");
    let phones = item.at("phones").items();
    let phones = phones.filter_map(|phone| phone.first_text(&["phone", "waId"]));
    Attachment {
        name: name.first_text(&["formattedName", "firstName"]).or_else(|| item.text("name")),
        phones: phones.collect(),
        ..Attachment::new(AttachmentKind::Contact)
    }
}

fn status(body: Json<'_>) -> Event {
    let told = body.at("messageStatus");
    let word = told.text("code").unwrap_or_default();
    let meaning = match word.to_ascii_uppercase().as_str() {
        "ACCEPTED" => Some(DeliveryStatus::Queued),
        "SENT" => Some(DeliveryStatus::Sent),
        "DELIVERED" => Some(DeliveryStatus::Delivered),
        "NOT_DELIVERED" => Some(DeliveryStatus::Undelivered),
        "REJECTED" => Some(DeliveryStatus::Rejected),
        "READ" => Some(DeliveryStatus::Read),
        _ => None,
    };
    let is_failure =
        matches!(meaning, Some(DeliveryStatus::Undelivered | DeliveryStatus::Rejected));
    let cause = told.at("causes").items().next();
    let code = cause.and_then(|cause| cause.first_text(&["channelErrorCode", "code"]));
    let text = cause.and_then(|cause| cause.first_text(&["details", "reason"]));
    let text = text.or_else(|| told.text("description")).filter(|_| is_failure);
    let medium = medium(body.at("channel").str());
    let report = Report {
        id: body.text("messageId"),
        at: told.time("timestamp").or_else(|| body.time("timestamp")),
        error: DeliveryError::of(code, text),
        medium,
        ..Report::default()
    };
    let mut event = report.event(&word, meaning);
    // What was clicked, and the part of a message it is about, matter to whoever asks.
    if let Event::Message(message) = &mut event {
        message.metadata = kept(body);
    }
    event
}

fn kept(body: Json<'_>) -> Option<Map<String, Value>> {
    body.pick(&["contentIndex", "messageStatus"])
}
