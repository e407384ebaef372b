//! Files, pictures, cards and places of an activity.

use crate::{Attachment, AttachmentKind, json::Json};

pub(super) fn of(activity: Json<'_>) -> Vec<Attachment> {
    let is_teams = activity.at("channelId").str() == Some("msteams");
    let files = activity.at("attachments").items();
    let files = files.filter_map(|attachment| self::attachment(attachment, is_teams));
    files.chain(activity.at("entities").items().filter_map(place)).collect()
}

fn attachment(attachment: Json<'_>, is_teams: bool) -> Option<Attachment> {
    let content_type = attachment.text("contentType").unwrap_or_default().to_ascii_lowercase();
    let address = attachment.text("contentUrl");
    let filename = attachment.text("name");
    if content_type == "application/vnd.microsoft.teams.file.download.info" {
        let content = attachment.at("content");
        let ending = content.text("fileType").unwrap_or_default();
        return Some(Attachment {
            url: content.text("downloadUrl"),
            reference: content.text("uniqueId"),
            filename,
            ..Attachment::new(AttachmentKind::from_url(&format!("x.{ending}")))
        });
    }
    // The text once more, as HTML.
    if content_type == "text/html" && address.is_none() {
        return None;
    }
    if content_type.starts_with("application/vnd.microsoft.card") || content_type.is_empty() {
        let metadata = attachment.at("content").kept();
        return (metadata.is_some() || address.is_some()).then(|| Attachment {
            url: address,
            content_type: crate::event::text(content_type),
            filename,
            metadata,
            ..Attachment::new(AttachmentKind::Other)
        });
    }
    // Teams wants the bot's token for it.
    let (url, reference) = if is_teams { (None, address) } else { (address, None) };
    Some(Attachment {
        url,
        reference,
        filename,
        ..Attachment {
            content_type: Some(content_type.clone()),
            ..Attachment::new(AttachmentKind::from_content_type(&content_type))
        }
    })
}

/// A place: with coordinates, or with coordinates within.
fn place(entity: Json<'_>) -> Option<Attachment> {
    let geo = match entity.at("type").str()? {
        "GeoCoordinates" => entity,
        "Place" => entity.at("geo"),
        _ => return None,
    };
    Some(Attachment {
        latitude: Some(geo.number("latitude")?),
        longitude: Some(geo.number("longitude")?),
        name: entity.text("name").or_else(|| geo.text("name")),
        address: entity.text("address"),
        ..Attachment::new(AttachmentKind::Location)
    })
}
