//! What a message carries: each attachment stands in a member named like its type.

use crate::{Attachment, AttachmentKind, json::Json};

pub(super) fn read(message: Json<'_>) -> Vec<Attachment> {
    let place = Some(message.at("geo")).filter(|geo| geo.value().is_some()).map(location);
    message.at("attachments").items().map(attachment).chain(place).collect()
}

fn attachment(attachment: Json<'_>) -> Attachment {
    let word = attachment.text("type").unwrap_or_default();
    let content = attachment.at(&word);
    let (kind, url) = match word.as_str() {
        "photo" | "graffiti" => (AttachmentKind::Image, largest(content, "sizes")),
        "sticker" => (AttachmentKind::Sticker, largest(content, "images")),
        "audio_message" => (AttachmentKind::Voice, content.first_text(&["link_mp3", "link_ogg"])),
        "audio" => (AttachmentKind::Audio, content.text("url")),
        "doc" => (AttachmentKind::File, content.text("url")),
        // A video has a page and no file.
        "video" => (AttachmentKind::Video, None),
        "link" => (AttachmentKind::Other, content.text("url")),
        _ => (AttachmentKind::Other, None),
    };
    let mut details = content
        .pick(&["title", "artist", "description", "duration", "size", "ext", "transcript"])
        .unwrap_or_default();
    if kind == AttachmentKind::Other && !word.is_empty() {
        details.insert("type".to_owned(), word.as_str().into());
    }
    let filename = (word == "doc").then(|| content.text("title")).flatten();
    if filename.is_some() {
        details.remove("title");
    }
    let is_mp3 = word == "audio_message" && content.at("link_mp3").str().is_some();
    let is_ogg = word == "audio_message" && !is_mp3 && url.is_some();
    let content_type = is_mp3.then_some("audio/mpeg").or_else(|| is_ogg.then_some("audio/ogg"));
    Attachment {
        url: url.or_else(|| content.text("url")),
        reference: reference(&word, content),
        content_type: content_type.map(str::to_owned),
        filename,
        metadata: (!details.is_empty()).then_some(details),
        ..Attachment::new(kind)
    }
}

/// The name by which VK's methods know an object, such as `photo-1_2_key`.
fn reference(word: &str, content: Json<'_>) -> Option<String> {
    let owner = content.first_text(&["owner_id", "from_id", "to_id"])?;
    let id = content.text("id")?;
    let key = content.text("access_key").map(|key| format!("_{key}")).unwrap_or_default();
    Some(format!("{word}{owner}_{id}{key}"))
}

/// The address of the largest of several sizes.
fn largest(content: Json<'_>, sizes: &str) -> Option<String> {
    let area = |size: &Json<'_>| {
        let pixels =
            size.number("width").unwrap_or_default() * size.number("height").unwrap_or_default();
        // Before the sizes had any, the letters told which is larger.
        (pixels, "smxopqryzw".find(size.at("type").str().unwrap_or("?")))
    };
    let sizes = content.at(sizes).items().filter(|size| size.at("url").str().is_some());
    let best = sizes.max_by(|a, b| {
        let ((a, a_letter), (b, b_letter)) = (area(a), area(b));
        a.total_cmp(&b).then(a_letter.cmp(&b_letter))
    });
    best.and_then(|size| size.text("url"))
}

fn location(geo: Json<'_>) -> Attachment {
    let coordinates = geo.at("coordinates");
    // As text, and before version 5.103 both in one.
    let both = coordinates.str().and_then(|text| text.split_once(' '));
    let degrees = |text: &str| text.parse().ok().filter(|degrees: &f64| degrees.is_finite());
    let place = geo.at("place");
    let name = place.text("title");
    Attachment {
        latitude: coordinates.number("latitude").or_else(|| degrees(both?.0)),
        longitude: coordinates.number("longitude").or_else(|| degrees(both?.1)),
        name,
        metadata: place.pick(&["country", "city"]),
        ..Attachment::new(AttachmentKind::Location)
    }
}
