//! What a message of Messenger or Instagram carries beside its text.

use serde_json::{Map, Value};

use crate::{Attachment, AttachmentKind, json::Json};

/// What a message says about itself that has no field of its own.
pub(super) const NOTED: &[&str] =
    &["app_id", "metadata", "is_unsupported", "is_self", "referral", "tags", "commands"];

pub(super) fn attachment(attachment: Json<'_>) -> Attachment {
    let payload = attachment.at("payload");
    let word = attachment.text("type");
    let is_sticker = payload.at("sticker_id").value().is_some();
    let kind = match word.as_deref() {
        _ if is_sticker => AttachmentKind::Sticker,
        Some("image") => AttachmentKind::Image,
        Some("video") => AttachmentKind::Video,
        Some("audio") => AttachmentKind::Audio,
        Some("file") => AttachmentKind::File,
        Some("location") => AttachmentKind::Location,
        // Shares, stories, reels, posts, templates: what is behind their address is not told.
        _ => AttachmentKind::Other,
    };
    let place = payload.at("coordinates");
    let mut details = rest(payload);
    details.extend(attachment.pick(&["title"]).unwrap_or_default());
    if let Some(word) = word.filter(|_| kind == AttachmentKind::Other) {
        details.insert("type".to_owned(), word.into());
    }
    let is_place = kind == AttachmentKind::Location;
    Attachment {
        url: payload.text("url").or_else(|| attachment.text("url")),
        latitude: place.number("lat"),
        longitude: place.number("long"),
        name: is_place.then(|| attachment.text("title")).flatten(),
        metadata: (!details.is_empty()).then_some(details),
        ..Attachment::new(kind)
    }
}

/// The payload without what has a field of its own.
fn rest(payload: Json<'_>) -> Map<String, Value> {
    let mut rest = payload.kept().unwrap_or_default();
    rest.retain(|name, value| name != "url" && name != "coordinates" && !value.is_null());
    rest
}
