//! Bandwidth Messaging, version 2.
//!
//! Wire format: <https://dev.bandwidth.com/docs/messaging/webhooks/>,
//! <https://dev.bandwidth.com/docs/messaging/errors/codes>
//!
//! - The body is a list, usually of one. Messages and statuses may share an address: the type tells.
//! - `owner` is our number. In a group each of our numbers gets a callback of its own; a status
//!   comes once per recipient under the same id, with that recipient in `to`.
//! - Nothing is signed: Basic credentials are all the proof there is, and messages and statuses may
//!   have different ones.
//! - Media need Basic credentials of the API; SMIL among them only says how to show the others.
//! - 2xx must come within ten seconds; anything else brings the callback back for a day.
//! - A failure in 4xxx happened before the network, one in 5xxx in it; 9902 means that no receipt
//!   came in time.
//!
//! Unconfirmed: other codes, the inner fields of RBM content, and callbacks with OAuth2 or
//! certificates, which are not understood.

use serde_json::{Value, json};

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, DeliveryError, DeliveryStatus,
    Event, Field, Handshake, Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample,
    Verified,
    event::Report,
    json::{self as read, Json},
    verify::Endpoint,
};

/// Bandwidth.
pub const ADAPTER: Adapter = Adapter {
    provider: "bandwidth",
    aliases: &[],
    title: "Bandwidth Messaging",
    receives: "SMS, MMS and RBM messages, groups, delivery statuses",
    medium: Medium::Sms,
    account: &[
        Field {
            name: "username",
            secret: false,
            required: false,
            help: "the user name you set as callback credentials of the messaging application",
        },
        Field {
            name: "password",
            secret: true,
            required: false,
            help: "the password you set as callback credentials of the messaging application",
        },
        Field {
            name: "status_username",
            secret: false,
            required: false,
            help: "the user name of the status callbacks, if it is another one",
        },
        Field {
            name: "status_password",
            secret: true,
            required: false,
            help: "the password of the status callbacks, if it is another one",
        },
        Field {
            name: "token",
            secret: true,
            required: false,
            help: "at least 22 random letters and digits, which end the address you give to \
                   Bandwidth",
        },
    ],
    verifier: &Endpoint {
        token: "token",
        credentials: &[("username", "password"), ("status_username", "status_password")],
        main: "password",
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

/// No receipt came in time.
const NO_RECEIPT: u32 = 9902;

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let items = read::items(request)?;
    Ok(items.iter().map(event).collect::<Vec<_>>().into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.json(&json!([{
        "type": "message-received",
        "time": sample.now.to_string(),
        "description": "Incoming message received",
        "to": sample.address,
        "message": {
            "id": sample.id,
            "time": sample.now.to_string(),
            "to": [sample.address],
            "from": sample.from.unwrap_or("+15550100002"),
            "text": sample.text,
            "owner": sample.address,
            "direction": "in",
            "segmentCount": 1,
        },
    }]))
}

fn event(item: &Value) -> Event {
    let item = Json::from(item);
    let word = item.text("type").unwrap_or_default();
    let is_inbound = item.at("message").at("direction").str() != Some("out");
    match word.as_str() {
        "message-received"
        | "suggestion-response"
        | "requested-location-response"
        | "location-response"
            if is_inbound =>
        {
            message(item)
        }
        "message-sending" | "message-sent" | "message-delivered" | "message-failed"
        | "message-read" => status(&word["message-".len()..], item),
        _ => {
            let message = item.at("message");
            let id = message.text("id");
            let to = item.text("to").unwrap_or_default();
            Event::Message(Message {
                key: id.as_ref().map(|id| format!("{word}:{id}:{to}")),
                id,
                sent_at: item.time("time"),
                metadata: item.kept(),
                ..Message::other(word)
            })
        }
    }
}

fn number(item: Json<'_>, name: &str) -> Option<Address> {
    Address::telephone(&item.text(name)?, None)
}

fn message(item: Json<'_>) -> Event {
    let message = item.at("message");
    let (suggestion, place) = (message.at("suggestionResponse"), message.at("locationResponse"));
    let content = message.at("content");
    let mut attachments: Vec<_> = message.at("media").items().filter_map(media).collect();
    attachments.extend(file(content.at("media")));
    attachments.extend(location(place));
    let is_group = message.at("to").items().count() > 1;
    Event::Message(Message {
        kind: Kind::Message,
        id: message.text("id"),
        sender: number(message, "from").map(Into::into),
        recipient: number(message, "owner").or_else(|| number(item, "to")).map(Into::into),
        sent_at: message.time("time").or_else(|| item.time("time")),
        text: message
            .text("text")
            .or_else(|| suggestion.text("text"))
            .or_else(|| content.text("text")),
        payload: suggestion.text("postbackData"),
        attachments,
        medium: match message.at("channel").str() {
            Some("RBM" | "RCS" | "rbm" | "rcs") => Some(Medium::Rcs),
            Some(_) | None => None,
        },
        metadata: if is_group { message.pick(&["to"]) } else { None },
        ..Message::default()
    })
}

fn media(url: Json<'_>) -> Option<Attachment> {
    let url = url.str()?;
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let only_layout = [".smil", ".xml"].iter().any(|ending| path.ends_with(ending));
    let kind = AttachmentKind::from_url(url);
    (!only_layout).then(|| Attachment { url: Some(url.to_owned()), ..Attachment::new(kind) })
}

fn file(part: Json<'_>) -> Option<Attachment> {
    let url = part.first_text(&["fileUrl", "url"])?;
    let content_type = part.first_text(&["mimeType", "contentType"]);
    let kind = content_type.as_deref().map(AttachmentKind::from_content_type);
    let kind = kind.unwrap_or_else(|| AttachmentKind::from_url(&url));
    let filename = part.text("fileName");
    Some(Attachment { url: Some(url), content_type, filename, ..Attachment::new(kind) })
}

fn location(place: Json<'_>) -> Option<Attachment> {
    let (latitude, longitude) = (place.number("latitude"), place.number("longitude"));
    (latitude.is_some() && longitude.is_some()).then(|| Attachment {
        latitude,
        longitude,
        ..Attachment::new(AttachmentKind::Location)
    })
}

fn status(word: &str, item: Json<'_>) -> Event {
    let message = item.at("message");
    let code = item.text("errorCode");
    let number_of = |code: &String| code.parse::<u32>().ok();
    let meaning = match word {
        "sending" | "sent" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "read" => Some(DeliveryStatus::Read),
        "failed" => Some(match code.as_ref().and_then(number_of) {
            Some(4000..=4999) => DeliveryStatus::Rejected,
            Some(5000..=5999) => DeliveryStatus::Undelivered,
            Some(NO_RECEIPT) => DeliveryStatus::Expired,
            Some(_) | None => DeliveryStatus::Failed,
        }),
        _ => None,
    };
    let description = item.text("description").filter(|_| word == "failed");
    let first_of_many = || {
        let to = message.at("to").items().next()?.str()?;
        Address::telephone(to, None)
    };
    Report {
        id: message.text("id"),
        at: item.time("eventTime").or_else(|| item.time("time")),
        recipient: number(item, "to").or_else(first_of_many),
        sender: number(message, "from").or_else(|| number(message, "owner")),
        error: DeliveryError::of(code, description),
        medium: None,
    }
    .event(word, meaning)
}
