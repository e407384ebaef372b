//! What people send: the text of an SMS, the parts of an MMS, or the one content of a chat message.

use super::{medium, number};
use crate::{Attachment, AttachmentKind, Kind, Message, Sender, event, json::Json};

pub(super) fn read(item: Json<'_>) -> Message {
    let sender = number(item, &["from", "sender"]);
    let mut message = Message {
        kind: Kind::Message,
        id: item.text("messageId"),
        sender: sender.map(|address| Sender {
            name: item.at("contact").text("name"),
            ..Sender::from(address)
        }),
        recipient: number(item, &["to"]).map(Into::into),
        sent_at: item.time("receivedAt"),
        text: item.first_text(&["text", "cleanText"]),
        medium: medium(item),
        metadata: item.pick(&["keyword", "callbackData"]),
        ..Message::default()
    };
    let content = item.at("message");
    for part in content.items() {
        let content_type = part.text("contentType").unwrap_or_default();
        match part.text("url") {
            Some(url) => message.attachments.extend(media(url, content_type)),
            None if content_type.starts_with("text/plain") => {
                let said = message.text.take().into_iter().chain(part.text("value"));
                message.text = event::text(said.collect::<Vec<_>>().join("\n"));
            }
            None => {}
        }
    }
    if let Some(word) = content.text("type") {
        chat(&mut message, &word, content);
    }
    message
}

/// A part of an MMS. SMIL only says how to show the others.
fn media(url: String, content_type: String) -> Option<Attachment> {
    if content_type.contains("smil") {
        return None;
    }
    let content_type = event::text(content_type);
    let kind = content_type.as_deref().map(AttachmentKind::from_content_type);
    let kind = kind.unwrap_or_else(|| AttachmentKind::from_url(&url));
    Some(Attachment { url: Some(url), content_type, ..Attachment::new(kind) })
}

fn chat(message: &mut Message, word: &str, content: Json<'_>) {
    message.reply_to = content.at("context").text("id");
    message.text = content.first_text(&["text", "caption", "title"]);
    let kind = match word {
        "TEXT" => return,
        "BUTTON" | "INTERACTIVE_BUTTON_REPLY" | "INTERACTIVE_LIST_REPLY" => {
            message.payload = content.first_text(&["payload", "id"]);
            return;
        }
        "LOCATION" => {
            message.attachments.push(Attachment {
                latitude: content.number("latitude"),
                longitude: content.number("longitude"),
                name: content.text("name"),
                address: content.text("address"),
                ..Attachment::new(AttachmentKind::Location)
            });
            return;
        }
        "IMAGE" => AttachmentKind::Image,
        "VIDEO" => AttachmentKind::Video,
        "AUDIO" => AttachmentKind::Audio,
        "VOICE" => AttachmentKind::Voice,
        "STICKER" => AttachmentKind::Sticker,
        "DOCUMENT" => AttachmentKind::File,
        _ => {
            message.kind = Kind::Other;
            message.provider_type = event::text(word);
            message.metadata = content.kept();
            return;
        }
    };
    message.attachments.push(Attachment { url: content.text("url"), ..Attachment::new(kind) });
}
