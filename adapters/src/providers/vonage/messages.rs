//! The Messages API: one message or one status a request, on any of its channels.
//!
//! Version 0.1 wraps the content in `message.content` and the numbers in objects; both are read.

use super::other;
use crate::{
    Address, Attachment, AttachmentKind, DeliveryError, DeliveryStatus, Event, Kind, Medium,
    Message, Sender, event::Report, json::Json,
};

pub(super) fn read(body: Json<'_>) -> Event {
    let channel = body.text("channel").or_else(|| body.at("from").text("type"));
    let channel = channel.as_deref().unwrap_or_default();
    if body.at("status").value().is_some() {
        return status(body, channel);
    }
    let wrapped = body.at("message").at("content");
    let content = if wrapped.value().is_some() { wrapped } else { body };
    let Some(word) = body.text("message_type").or_else(|| wrapped.text("type")) else {
        return other(body.text("type"), body);
    };
    let ours = party(body, "to", channel, None);
    let person = party(body, "from", channel, ours.as_ref());
    let sender = person
        .map(|address| Sender { name: body.at("profile").text("name"), ..Sender::from(address) });
    let context = body.at("context").text("message_uuid").or_else(|| body.text("context_uuid"));
    let mut message = Message {
        kind: Kind::Message,
        id: body.text("message_uuid"),
        sender,
        recipient: ours.map(Into::into),
        sent_at: body.time("timestamp"),
        medium: medium(channel),
        metadata: body.at("whatsapp").pick(&["referral"]),
        ..Message::default()
    };
    fill(&mut message, &word, content);
    if message.kind == Kind::Reaction {
        message.target = context;
    } else {
        message.reply_to = context;
    }
    Event::Message(message)
}

fn fill(message: &mut Message, word: &str, content: Json<'_>) {
    let part = content.at(word);
    match word {
        "text" => message.text = content.text("text"),
        "image" => message.attachments.push(media(AttachmentKind::Image, part)),
        "audio" => message.attachments.push(media(AttachmentKind::Audio, part)),
        "video" => message.attachments.push(media(AttachmentKind::Video, part)),
        "file" => message.attachments.push(media(AttachmentKind::File, part)),
        "sticker" => message.attachments.push(media(AttachmentKind::Sticker, part)),
        "vcard" => message.attachments.push(media(AttachmentKind::Contact, part)),
        "location" => message.attachments.push(Attachment {
            latitude: part.number("lat"),
            longitude: part.number("long"),
            name: part.text("name"),
            address: part.text("address"),
            ..Attachment::new(AttachmentKind::Location)
        }),
        "reply" => {
            message.text = part.first_text(&["title", "id"]);
            message.payload = part.text("id");
        }
        "button" => {
            message.text = part.text("text");
            message.payload = part.text("payload");
        }
        "reaction" => {
            message.kind = Kind::Reaction;
            message.emoji = part.text("emoji");
        }
        _ => {
            message.kind = Kind::Other;
            message.provider_type = crate::event::text(word);
            message.metadata = content.pick(&[word]);
        }
    }
    if !message.attachments.is_empty() {
        message.text = content.text("text").or_else(|| part.text("caption"));
    }
}

fn media(kind: AttachmentKind, part: Json<'_>) -> Attachment {
    Attachment { url: part.text("url"), filename: part.text("name"), ..Attachment::new(kind) }
}

fn status(body: Json<'_>, channel: &str) -> Event {
    let word = body.text("status").unwrap_or_default();
    let meaning = match word.as_str() {
        "submitted" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "read" => Some(DeliveryStatus::Read),
        "rejected" => Some(DeliveryStatus::Rejected),
        "undeliverable" => Some(DeliveryStatus::Undelivered),
        _ => None,
    };
    let error = body.at("error");
    let ours = party(body, "from", channel, None);
    Report {
        id: body.text("message_uuid"),
        at: body.time("timestamp"),
        recipient: party(body, "to", channel, ours.as_ref()),
        sender: ours,
        error: DeliveryError::of(
            error.first_text(&["title", "code"]),
            error.first_text(&["detail", "reason"]),
        ),
        medium: medium(channel),
    }
    .event(&word, meaning)
}

/// One side. Ids of a channel we have no word for are kept apart from numbers.
fn party(body: Json<'_>, name: &str, channel: &str, ours: Option<&Address>) -> Option<Address> {
    let id = body.text(name).or_else(|| body.at(name).first_text(&["number", "id"]))?;
    match channel {
        "messenger" => Some(match ours {
            Some(page) => Address::scoped_user(id, page.value.as_str()),
            None => Address::user(id),
        }),
        // People have numbers there, and businesses the id of their service.
        "viber_service" if ours.is_none() => Some(Address::user(id)),
        "" | "sms" | "mms" | "whatsapp" | "rcs" | "viber_service" => Address::international(&id),
        other => Some(Address::scoped_user(id, other)),
    }
}

fn medium(channel: &str) -> Option<Medium> {
    match channel {
        "whatsapp" => Some(Medium::Whatsapp),
        "rcs" => Some(Medium::Rcs),
        "messenger" => Some(Medium::Messenger),
        "viber_service" => Some(Medium::Viber),
        _ => None,
    }
}
