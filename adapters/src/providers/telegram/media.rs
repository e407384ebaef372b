//! What a message carries beside its text.
//!
//! Files have an id for `getFile` and no address: the address would hold the bot's token.

use super::{
    Notes,
    message::name,
    wire::{Contact, File, LivePhoto, Location, Maybe, Message, Venue},
};
use crate::{Attachment, AttachmentKind, event};

/// The attachments, one for each thing the sender attached.
pub(super) fn attachments(wire: &mut Message) -> Vec<Attachment> {
    let live_photo = wire.live_photo.0.take();
    let (still, motion) = live_photo.map_or((None, None), |live_photo| parts(*live_photo));
    // The still part of a live photo is repeated as a photo.
    let photo = largest(wire.photo.0.take()).or(still);
    let animation = wire.animation.0.take();
    // An animation is repeated as a document, for clients that know no animations.
    let document = wire.document.0.take().filter(|_| animation.is_none());
    let files = [
        (AttachmentKind::Image, photo),
        (AttachmentKind::Video, motion),
        (AttachmentKind::Video, animation),
        (AttachmentKind::File, document),
        (AttachmentKind::Video, wire.video.0.take()),
        (AttachmentKind::Video, wire.video_note.0.take()),
        (AttachmentKind::Audio, wire.audio.0.take()),
        (AttachmentKind::Voice, wire.voice.0.take()),
        (AttachmentKind::Sticker, wire.sticker.0.take()),
    ];
    let files = files.into_iter();
    let mut attachments: Vec<_> =
        files.filter_map(|(kind, file)| self::file(kind, *file?)).collect();
    // A venue is repeated as a location.
    let place = match (wire.venue.0.take(), wire.location.0.take()) {
        (Some(venue), location) => self::venue(*venue, location),
        (None, Some(location)) => self::location(&location),
        (None, None) => None,
    };
    attachments.extend(place);
    let contact = wire.contact.0.take();
    attachments.extend(contact.and_then(|contact| self::contact(*contact)));
    attachments
}

/// The still and the moving part of a live photo.
fn parts(live_photo: LivePhoto) -> (Option<Box<File>>, Option<Box<File>>) {
    let motion = File {
        file_id: live_photo.file_id,
        mime_type: live_photo.mime_type,
        file_size: live_photo.file_size,
        ..File::default()
    };
    (largest(live_photo.photo.0), Some(Box::new(motion)))
}

/// The largest of the sizes of one picture.
fn largest(sizes: Option<Vec<Maybe<File>>>) -> Option<Box<File>> {
    let sizes = sizes?.into_iter().filter_map(|size| size.0);
    let readable = sizes.filter(|size| size.file_id.0.is_some());
    let side = |pixels: &Maybe<i64>| pixels.0.unwrap_or_default();
    let largest = readable.max_by_key(|size| side(&size.width).saturating_mul(side(&size.height)));
    largest.map(Box::new)
}

fn file(kind: AttachmentKind, file: File) -> Option<Attachment> {
    let mut notes = Notes::default();
    notes.text("emoji", file.emoji.0);
    if let Some(size) = file.file_size.0 {
        notes.0.insert("file_size".to_owned(), size.into());
    }
    Some(Attachment {
        reference: Some(event::text(file.file_id.0?)?),
        content_type: file.mime_type.0.and_then(event::text),
        filename: file.file_name.0.and_then(event::text),
        metadata: notes.into_metadata(),
        ..Attachment::new(kind)
    })
}

fn location(location: &Location) -> Option<Attachment> {
    Some(Attachment {
        latitude: Some(location.latitude.0?),
        longitude: Some(location.longitude.0?),
        ..Attachment::new(AttachmentKind::Location)
    })
}

fn venue(venue: Venue, location: Option<Location>) -> Option<Attachment> {
    Some(Attachment {
        name: venue.title.0.and_then(event::text),
        address: venue.address.0.and_then(event::text),
        ..self::location(&venue.location.0.or(location)?)?
    })
}

fn contact(contact: Contact) -> Option<Attachment> {
    let phone = contact.phone_number.0.and_then(event::text);
    let phones = Vec::from_iter(phone);
    let name = name(contact.first_name.0, contact.last_name.0);
    let mut notes = Notes::default();
    notes.id("user_id", contact.user_id.0);
    (name.is_some() || !phones.is_empty()).then(|| Attachment {
        name,
        phones,
        metadata: notes.into_metadata(),
        ..Attachment::new(AttachmentKind::Contact)
    })
}
