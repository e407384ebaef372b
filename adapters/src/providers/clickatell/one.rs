//! The One API: lists of messages and statuses under `event`, for SMS and WhatsApp alike.

use serde_json::Value;

use super::{number, status};
use crate::{
    Attachment, AttachmentKind, Event, Kind, Medium, Message, Sender, charset, event, json::Json,
};

pub(super) fn read(event: Json<'_>) -> Vec<Event> {
    let lists = event.value().and_then(Value::as_object).into_iter().flatten();
    let mut events = Vec::new();
    for (word, list) in lists {
        // Lists of one today; several are announced.
        events.extend(Json::from(list).each().map(|it| item(word, it)));
    }
    if events.is_empty() {
        events.push(other("", event));
    }
    events
}

pub(super) fn medium(item: Json<'_>) -> Option<Medium> {
    match item.at("channel").str()?.to_ascii_lowercase().as_str() {
        "whatsapp" => Some(Medium::Whatsapp),
        "rcs" => Some(Medium::Rcs),
        _ => None,
    }
}

fn item(word: &str, item: Json<'_>) -> Event {
    let kind = word.to_ascii_lowercase();
    match kind.as_str() {
        "messagestatusupdate" => status::read(item),
        _ if item.value().is_none_or(|item| !item.is_object()) => other(word, item),
        "motext" => Event::Message(message(item, text(item))),
        "momedia" => {
            let mut message = message(item, item.first_text(&["caption", "content"]));
            message.attachments.push(media(item));
            Event::Message(message)
        }
        "molocation" => {
            let mut message = message(item, None);
            message.attachments.push(location(item));
            Event::Message(message)
        }
        _ => other(word, item),
    }
}

fn other(word: &str, item: Json<'_>) -> Event {
    let id = item.text("messageId");
    Event::Message(Message {
        key: id.as_ref().map(|id| format!("{word}:{id}")),
        id,
        sender: number(item, "from").map(Into::into),
        recipient: number(item, "to").map(Into::into),
        sent_at: item.time("timestamp"),
        medium: medium(item),
        metadata: item.kept(),
        ..Message::other(word)
    })
}

fn message(item: Json<'_>, text: Option<String>) -> Message {
    let name = item.at("whatsapp").text("profileName");
    let sender = number(item, "from");
    Message {
        kind: Kind::Message,
        id: item.text("messageId"),
        sender: sender.map(|address| Sender { name, ..Sender::from(address) }),
        recipient: number(item, "to").map(Into::into),
        sent_at: item.time("timestamp"),
        text,
        reply_to: item.text("relatedMessageId"),
        medium: medium(item),
        ..Message::default()
    }
}

fn text(item: Json<'_>) -> Option<String> {
    let text = item.first_text(&["content", "text"])?;
    match item.text("charset") {
        Some(name) if !name.eq_ignore_ascii_case("utf-8") && super::is_encoded(&text) => {
            event::text(charset::named(&name, &charset::percent_decoded(text.as_bytes())))
        }
        Some(_) | None => Some(text),
    }
}

fn media(item: Json<'_>) -> Attachment {
    // The name of the media types is not confirmed: either is read.
    let content_type = item.first_text(&["contentType", "mimeType"]);
    let url = item.first_text(&["url", "mediaFile"]).filter(|url| url.contains("://"));
    let kind = match (&content_type, &url) {
        (Some(content_type), _) => AttachmentKind::from_content_type(content_type),
        (None, Some(url)) => AttachmentKind::from_url(url),
        (None, None) => AttachmentKind::File,
    };
    Attachment {
        url,
        reference: item.text("fileId"),
        content_type,
        filename: item.first_text(&["fileName", "filename"]),
        ..Attachment::new(kind)
    }
}

fn location(item: Json<'_>) -> Attachment {
    let place = item.at("location");
    let place = if place.value().is_some() { place } else { item };
    Attachment {
        latitude: place.number("latitude"),
        longitude: place.number("longitude"),
        name: place.text("name"),
        address: place.text("address"),
        ..Attachment::new(AttachmentKind::Location)
    }
}
