//! What a LINE message says, by its type.

use serde_json::{Map, Value};

use crate::{Attachment, AttachmentKind, Message, json::Json};

/// What every event has, beside what it is about.
const ENVELOPE: &[&str] = &[
    "type",
    "mode",
    "timestamp",
    "source",
    "webhookEventId",
    "deliveryContext",
    "replyToken",
    "message",
];

/// Fills in what `message` says; what has no field of its own is handed back.
pub(super) fn say(event: &mut Message, message: Json<'_>) -> Option<Map<String, Value>> {
    // Stickers may carry what the sender wrote on them.
    event.text = message.text("text");
    event.reply_to = message.text("quotedMessageId");
    let attachment = match message.at("type").str() {
        Some("image") => media(message, AttachmentKind::Image),
        Some("video") => media(message, AttachmentKind::Video),
        Some("audio") => media(message, AttachmentKind::Audio),
        Some("file") => media(message, AttachmentKind::File),
        Some("location") => Attachment {
            latitude: message.number("latitude"),
            longitude: message.number("longitude"),
            name: message.text("title"),
            address: message.text("address"),
            ..Attachment::new(AttachmentKind::Location)
        },
        Some("sticker") => sticker(message),
        Some("text") => {
            return message.pick(&["quoteToken", "markAsReadToken", "mention", "emojis"]);
        }
        // Somebody said something, if we cannot see what.
        word => {
            event.provider_type = word.map(str::to_owned);
            return message.kept();
        }
    };
    event.attachments.push(attachment);
    message.pick(&["quoteToken", "markAsReadToken", "imageSet"])
}

fn media(message: Json<'_>, kind: AttachmentKind) -> Attachment {
    let provider = message.at("contentProvider");
    let url = provider.text("originalContentUrl");
    let mut details = message.pick(&["duration", "fileSize"]).unwrap_or_default();
    details.extend(provider.pick(&["previewImageUrl"]).unwrap_or_default());
    Attachment {
        reference: if url.is_none() { message.text("id") } else { None },
        url,
        filename: message.text("fileName"),
        metadata: (!details.is_empty()).then_some(details),
        ..Attachment::new(kind)
    }
}

fn sticker(message: Json<'_>) -> Attachment {
    let reference = message
        .text("packageId")
        .zip(message.text("stickerId"))
        .map(|(package, sticker)| format!("{package}/{sticker}"));
    Attachment {
        reference,
        metadata: message.pick(&["stickerResourceType", "keywords"]),
        ..Attachment::new(AttachmentKind::Sticker)
    }
}

/// What an event we have no words for is about.
pub(super) fn rest(item: Json<'_>) -> Option<Map<String, Value>> {
    let mut rest = item.kept()?;
    rest.retain(|name, value| !ENVELOPE.contains(&name.as_str()) && !value.is_null());
    Some(rest)
}
