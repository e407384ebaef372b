//! The content of a message, by its type.

use serde_json::{Map, Value, value::RawValue};

use crate::{Attachment, AttachmentKind, Message, event};

use super::{
    lenient::{self, kept},
    wire,
};

/// Fills in what the message says; false when that is nothing we know.
pub(super) fn say(
    event: &mut Message,
    metadata: &mut Map<String, Value>,
    word: &str,
    message: &mut wire::Message,
) -> bool {
    match word {
        "text" => {
            let Some(text) = message.text.0.take() else {
                return false;
            };
            event.text = text.body.0;
            true
        }
        "image" => media(event, AttachmentKind::Image, message.image.0.take()),
        "video" => media(event, AttachmentKind::Video, message.video.0.take()),
        "audio" => {
            let voice = message.audio.0.as_ref().is_some_and(|audio| audio.voice.0);
            let kind = if voice { AttachmentKind::Voice } else { AttachmentKind::Audio };
            media(event, kind, message.audio.0.take())
        }
        "voice" => media(event, AttachmentKind::Voice, message.voice.0.take()),
        "document" => media(event, AttachmentKind::File, message.document.0.take()),
        "sticker" => media(event, AttachmentKind::Sticker, message.sticker.0.take()),
        "location" => location(event, message.location.0.take()),
        "contacts" => {
            let contacts = message.contacts.0.iter();
            event.attachments.extend(contacts.map(|contact| shared_contact(contact)));
            !event.attachments.is_empty()
        }
        "order" => order(event, message.order.0.take()),
        "button" => {
            let Some(button) = message.button.0.take() else {
                return false;
            };
            event.text = button.text.0;
            event.payload = button.payload.0;
            true
        }
        "interactive" => {
            message.interactive.as_deref().is_some_and(|raw| interactive(event, metadata, raw))
        }
        _ => false,
    }
}

fn media(event: &mut Message, kind: AttachmentKind, media: Option<wire::Media>) -> bool {
    let Some(media) = media else {
        return false;
    };
    event.text = media.caption.0;
    let mut metadata = Map::new();
    if let Some(sha256) = media.sha256.0 {
        metadata.insert("sha256".to_owned(), sha256.into());
    }
    if media.animated.0 {
        metadata.insert("animated".to_owned(), true.into());
    }
    event.attachments.push(Attachment {
        url: media.url.0,
        reference: media.id.0,
        content_type: media.mime_type.0,
        filename: media.filename.0,
        metadata: (!metadata.is_empty()).then_some(metadata),
        ..Attachment::new(kind)
    });
    true
}

fn location(event: &mut Message, location: Option<wire::Location>) -> bool {
    let Some(location) = location else {
        return false;
    };
    // The address belongs to the place's page: nothing a download should try.
    let metadata = location.url.0.map(|url| {
        let mut metadata = Map::new();
        metadata.insert("url".to_owned(), url.into());
        metadata
    });
    event.attachments.push(Attachment {
        latitude: location.latitude.0,
        longitude: location.longitude.0,
        name: location.name.0,
        address: location.address.0,
        metadata,
        ..Attachment::new(AttachmentKind::Location)
    });
    true
}

fn shared_contact(raw: &RawValue) -> Attachment {
    let contact: wire::SharedContact = lenient::item(raw);
    let name = contact.name.0.and_then(|name| {
        let parts = [name.first_name.0, name.last_name.0];
        let full = || parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        event::text(name.formatted_name.0.unwrap_or_else(full))
    });
    let phones = contact.phones.0.into_iter().filter_map(|phone| {
        let phone = phone.0?;
        phone.phone.0.or(phone.wa_id.0)
    });
    let metadata = match kept(raw) {
        Some(Value::Object(mut rest)) => {
            rest.remove("name");
            rest.remove("phones");
            (!rest.is_empty()).then_some(rest)
        }
        _ => None,
    };
    Attachment {
        name,
        phones: phones.collect(),
        metadata,
        ..Attachment::new(AttachmentKind::Contact)
    }
}

fn order(event: &mut Message, order: Option<wire::Order>) -> bool {
    let Some(order) = order else {
        return false;
    };
    event.text = order.text.0;
    let mut metadata = Map::new();
    keep(&mut metadata, "product_items", order.product_items.as_deref());
    event.attachments.push(Attachment {
        reference: order.catalog_id.0,
        metadata: (!metadata.is_empty()).then_some(metadata),
        ..Attachment::new(AttachmentKind::Other)
    });
    true
}

fn interactive(event: &mut Message, metadata: &mut Map<String, Value>, raw: &RawValue) -> bool {
    let interactive: wire::Interactive = lenient::item(raw);
    let choice = match interactive.kind.0.as_deref() {
        Some("button_reply") => interactive.button_reply.0,
        Some("list_reply") => interactive.list_reply.0,
        Some("nfm_reply") => {
            let Some(form) = interactive.nfm_reply.0 else {
                return false;
            };
            event.text = form.body.0;
            event.payload = form.response_json.0;
            if let Some(name) = form.name.0 {
                metadata.insert("name".to_owned(), name.into());
            }
            return true;
        }
        _ => None,
    };
    let Some(choice) = choice else {
        return false;
    };
    event.text = choice.title.0;
    event.payload = choice.id.0;
    if let Some(description) = choice.description.0 {
        metadata.insert("description".to_owned(), description.into());
    }
    true
}

/// Keeps a value beside the event.
pub(super) fn keep(metadata: &mut Map<String, Value>, name: &str, raw: Option<&RawValue>) {
    if let Some(value) = raw.and_then(kept) {
        metadata.insert(name.to_owned(), value);
    }
}
