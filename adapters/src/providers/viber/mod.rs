//! Viber REST Bot API.
//!
//! Wire format: <https://developers.viber.com/docs/api/rest-bot-api/#callbacks>
//!
//! - One event a request. The token of the bot is the key of the signature.
//! - `message_token` has 64 bits. Of a message of ours, deliveries carry the token it got when sent.
//! - Setting the webhook posts a `webhook` event, signed like any other, that needs a 200. Its time is
//!   another kind of number than everybody else's.
//! - A person's id is another one for every bot; names come with each message. A pressed button sends
//!   its text like a message typed.
//! - Writing to us subscribes, silently. `conversation_started` does not: the answer to it may be one
//!   welcome message, and nothing else may be sent yet. We send none.
//! - Anything but 200 is repeated several times within an hour.
//!
//! Unconfirmed: how long media stay (about an hour), and the signature as `sig` in the address, which
//! is not looked at.

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, DeliveryError, DeliveryStatus,
    Event, Field, Handshake, Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample,
    Sender, Timestamp, Verified,
    event::Report,
    json::{self as read, Json},
    verify::{BodyHmac, Encoding},
};

/// Viber.
pub const ADAPTER: Adapter = Adapter {
    provider: "viber",
    aliases: &[],
    title: "Viber REST Bot API",
    receives: "messages, media, stickers, contacts, deliveries and reads, subscriptions",
    medium: Medium::Viber,
    account: &[Field {
        name: "auth_token",
        secret: true,
        required: true,
        help: "the token of the bot: Viber Admin Panel, Edit info",
    }],
    verifier: &BodyHmac {
        header: "x-viber-content-signature",
        prefix: "",
        encoding: Encoding::Hex,
        secret: "auth_token",
        also_escaped: false,
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

/// Within what a person's id is unique; requests do not name the bot, and no two bots share one.
const SCOPE: &str = "viber";

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    Ok(vec![event(Json::from(&body))].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let token = u64::from_str_radix(sample.id.get(..15).unwrap_or_default(), 16);
    sample.json(&json!({
        "event": "message",
        "timestamp": sample.now.as_millis(),
        "message_token": token.unwrap_or_default(),
        "sender": {
            "id": sample.from.unwrap_or("xy5/5y6O81+/kbWHpLhB0A=="),
            "name": "Mila",
            "language": "uk",
            "country": "UA",
            "api_version": 10,
        },
        "message": {"type": "text", "text": sample.text},
        "silent": false,
    }))
}

fn event(body: Json<'_>) -> Event {
    let word = body.text("event").unwrap_or_default();
    let report = |status| {
        let report = Report {
            id: body.text("message_token"),
            at: at(body),
            recipient: body.text("user_id").map(|id| Address::scoped_user(id, SCOPE)),
            error: DeliveryError::of(None, body.text("desc")),
            ..Report::default()
        };
        report.event(&word, Some(status))
    };
    match word.as_str() {
        "delivered" => report(DeliveryStatus::Delivered),
        "seen" => report(DeliveryStatus::Read),
        "failed" => report(DeliveryStatus::Failed),
        "message" => Event::Message(message(body)),
        "conversation_started" => Event::Message(Message {
            kind: Kind::ConversationStarted,
            payload: body.text("context"),
            metadata: body.pick(&["type", "subscribed"]),
            ..happened(body, &word)
        }),
        "subscribed" => Event::Message(Message { kind: Kind::OptIn, ..happened(body, &word) }),
        "unsubscribed" => Event::Message(Message { kind: Kind::OptOut, ..happened(body, &word) }),
        // The time of a set-up check is no time.
        "webhook" => Event::Message(Message { sent_at: None, ..happened(body, &word) }),
        _ => Event::Message(Message { metadata: body.kept(), ..happened(body, &word) }),
    }
}

fn at(body: Json<'_>) -> Option<Timestamp> {
    Timestamp::from_millis(body.text("timestamp")?.parse().ok()?)
}

fn person(person: Json<'_>) -> Option<Sender> {
    let name = person.text("name");
    Some(Sender { name, ..Address::scoped_user(person.text("id")?, SCOPE).into() })
}

/// Something a person did, without saying anything.
fn happened(body: Json<'_>, word: &str) -> Message {
    let id = body.text("message_token");
    let by_id = || Some(Address::scoped_user(body.text("user_id")?, SCOPE).into());
    let sender = person(body.at("user")).or_else(|| person(body.at("sender"))).or_else(by_id);
    Message {
        key: id.as_ref().map(|id| format!("{word}:{id}")),
        id,
        sender,
        sent_at: at(body),
        language: body.at("user").text("language"),
        ..Message::other(word)
    }
}

fn message(body: Json<'_>) -> Message {
    let message = body.at("message");
    let word = message.text("type").unwrap_or_default();
    let mut event = Message {
        kind: Kind::Message,
        id: body.text("message_token"),
        sender: person(body.at("sender")),
        sent_at: at(body),
        language: body.at("sender").text("language"),
        text: message.text("text"),
        metadata: message.pick(&["tracking_data"]),
        ..Message::default()
    };
    let media = |kind| Attachment {
        url: message.text("media"),
        filename: message.text("file_name"),
        metadata: message.pick(&["thumbnail", "size", "duration"]),
        ..Attachment::new(kind)
    };
    let attachment = match word.as_str() {
        "text" => None,
        "url" => {
            event.text = message.first_text(&["media", "text"]);
            None
        }
        "picture" => Some(media(AttachmentKind::Image)),
        "video" => Some(media(AttachmentKind::Video)),
        "file" => Some(media(AttachmentKind::File)),
        "sticker" => Some(Attachment {
            reference: message.text("sticker_id"),
            ..media(AttachmentKind::Sticker)
        }),
        "location" => Some(Attachment {
            latitude: message.at("location").number("lat"),
            longitude: message.at("location").number("lon"),
            address: message.at("location").text("address"),
            ..Attachment::new(AttachmentKind::Location)
        }),
        "contact" => {
            let contact = message.at("contact");
            Some(Attachment {
                name: contact.text("name"),
                phones: contact.text("phone_number").into_iter().collect(),
                metadata: contact.pick(&["avatar"]),
                ..Attachment::new(AttachmentKind::Contact)
            })
        }
        // Somebody said something, if we cannot see what.
        _ => {
            event.provider_type = Message::other(word).provider_type;
            message
                .value()
                .map(|_| Attachment { metadata: message.kept(), ..media(AttachmentKind::Other) })
        }
    };
    event.attachments.extend(attachment);
    event
}
