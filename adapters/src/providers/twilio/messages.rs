//! What people send us.
//!
//! Nothing is required: a message without text, sender or media is still a message.

use std::borrow::Cow;

use super::{
    addresses::{Parties, parties, whatsapp},
    parameters::{Media, Parameters},
};
use crate::{Address, Attachment, AttachmentKind, Kind, Message, Sender, event};

pub(super) fn read(mut parameters: Parameters<'_>) -> Message {
    let Parties { person, ours, medium } = parties(
        parameters.from.as_deref(),
        parameters.to.as_deref(),
        parameters.service_sid.as_deref(),
    );
    let sender = sender(person, &mut parameters);
    let attachments = attachments(&mut parameters);
    let text = [parameters.body, parameters.button_text, parameters.list_title];
    let payload = [parameters.button_payload, parameters.list_id, parameters.flow_data];
    let mut message = Message {
        kind: kind(parameters.opt_out.as_deref()),
        id: parameters.message_sid.and_then(event::text),
        sender,
        recipient: ours.map(Into::into),
        text: first(text),
        reply_to: parameters.replied_sid.and_then(event::text),
        attachments,
        payload: first(payload),
        medium,
        metadata: (!parameters.metadata.is_empty()).then_some(parameters.metadata),
        ..Message::default()
    };
    let says_nothing = message.kind == Kind::Message
        && message.text.is_none()
        && message.payload.is_none()
        && message.attachments.is_empty();
    // Content we are not shown, such as what WhatsApp itself calls `unsupported`.
    if says_nothing && let Some(word) = parameters.message_type.filter(|word| word != "text") {
        message.kind = Kind::Other;
        message.provider_type = event::text(word);
    }
    message
}

/// `OptOutType` comes with Advanced Opt-Out; without it, a keyword is text like any other.
fn kind(opt_out: Option<&str>) -> Kind {
    match opt_out {
        Some("STOP") => Kind::OptOut,
        Some("START") => Kind::OptIn,
        Some("HELP") => Kind::Help,
        Some(_) | None => Kind::Message,
    }
}

fn first<const N: usize>(texts: [Option<Cow<'_, str>>; N]) -> Option<String> {
    texts.into_iter().flatten().find_map(event::text)
}

/// WhatsApp spells some numbers in two ways, and knows people by an id beside their number.
fn sender(person: Option<Address>, parameters: &mut Parameters<'_>) -> Option<Sender> {
    let wa_id = parameters.wa_id.as_deref().and_then(whatsapp);
    let user_id = parameters.external_user_id.as_deref().and_then(whatsapp);
    let mut known = Vec::new();
    for address in [person, wa_id, user_id].into_iter().flatten() {
        if !known.contains(&address) {
            known.push(address);
        }
    }
    let mut known = known.into_iter();
    let mut sender = Sender::from(known.next()?);
    sender.name = parameters.profile_name.take().and_then(event::text);
    sender.alternates = known.collect();
    Some(sender)
}

/// Whatever media there is: `NumMedia` only repeats it, and may be missing.
fn attachments(parameters: &mut Parameters<'_>) -> Vec<Attachment> {
    let is_sticker = parameters.message_type.as_deref() == Some("sticker");
    let mut attachments = Vec::new();
    for Media { url, content_type } in std::mem::take(&mut parameters.media) {
        let Some(url) = url.and_then(event::text) else {
            continue;
        };
        let content_type = content_type.and_then(event::text);
        let kind = match content_type.as_deref() {
            Some(_) if is_sticker => AttachmentKind::Sticker,
            Some(content_type) => AttachmentKind::from_content_type(content_type),
            None => AttachmentKind::File,
        };
        attachments.push(Attachment { url: Some(url), content_type, ..Attachment::new(kind) });
    }
    attachments.extend(location(parameters));
    attachments
}

fn location(parameters: &mut Parameters<'_>) -> Option<Attachment> {
    let degrees = |text: &str| text.trim().parse().ok().filter(|value: &f64| value.is_finite());
    let latitude = parameters.latitude.as_deref().and_then(degrees);
    let longitude = parameters.longitude.as_deref().and_then(degrees);
    let address = parameters.address.take().and_then(event::text);
    let name = parameters.label.take().and_then(event::text);
    let is_somewhere = latitude.is_some() && longitude.is_some();
    (is_somewhere || address.is_some() || name.is_some()).then(|| Attachment {
        latitude,
        longitude,
        name,
        address,
        ..Attachment::new(AttachmentKind::Location)
    })
}
