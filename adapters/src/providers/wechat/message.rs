//! A message or an event, with the names all of the family uses.

use sha2::{Digest, Sha256};

use crate::{
    Address, Attachment, AttachmentKind, DeliveryError, DeliveryStatus, Event, Kind, Message,
    event::{self, Report},
    json::Json,
    verify::hex,
};

pub(super) fn event(item: Json<'_>) -> Event {
    let word = item.text("MsgType").unwrap_or_default();
    if word == "event" {
        return happened(item);
    }
    let mut message = said(item, &word);
    if message.id.is_none() {
        message.key = Some(key(item, &word));
    }
    Event::Message(message)
}

fn ours(item: Json<'_>) -> Option<Address> {
    item.first_text(&["ToUserName", "ToUsername"]).map(Address::user)
}

/// An event or message of which only the parties are known.
fn known(item: Json<'_>) -> Message {
    let ours = ours(item);
    let person = item.text("FromUserName").map(|id| match &ours {
        Some(ours) => Address::scoped_user(id, ours.value.as_str()),
        None => Address::user(id),
    });
    Message {
        sender: person.map(Into::into),
        recipient: ours.map(Into::into),
        sent_at: item.time("CreateTime"),
        metadata: item.pick(&["AgentID"]),
        ..Message::default()
    }
}

/// What tells a repeat of something without an id, which comes in another address and, encrypted, as
/// other bytes.
fn key(item: Json<'_>, word: &str) -> String {
    let who_and_when = || Some((item.text("FromUserName")?, item.text("CreateTime")?));
    match who_and_when() {
        Some((from, time)) => {
            let detail = item.text("EventKey").unwrap_or_default();
            format!("{word}:{from}:{time}:{detail}")
        }
        None => {
            let content = item.value().map(ToString::to_string).unwrap_or_default();
            format!("content:{}", hex(&Sha256::digest(content)))
        }
    }
}

fn said(item: Json<'_>, word: &str) -> Message {
    let known = known(item);
    let id = item.text("MsgId");
    let media = |kind, details: &[&str]| {
        vec![Attachment {
            url: item.text("PicUrl"),
            reference: item.first_text(&["MediaId", "FileKey"]),
            metadata: item.pick(details),
            ..Attachment::new(kind)
        }]
    };
    let mut text = item.text("Content");
    let attachments = match word {
        "text" => Vec::new(),
        "image" => media(AttachmentKind::Image, &[]),
        "voice" => {
            let mut media = media(AttachmentKind::Voice, &["Recognition", "MediaId16K"]);
            let format = item.text("Format").unwrap_or_default().to_ascii_lowercase();
            let is_known = matches!(format.as_str(), "amr" | "speex" | "mp3");
            media[0].content_type = is_known.then(|| format!("audio/{format}"));
            media
        }
        "video" | "shortvideo" => media(AttachmentKind::Video, &["ThumbMediaId"]),
        "file" => {
            let mut media =
                media(AttachmentKind::File, &["Description", "FileMd5", "FileTotalLen"]);
            media[0].filename = item.text("Title");
            media
        }
        "location" => vec![Attachment {
            latitude: item.number("Location_X"),
            longitude: item.number("Location_Y"),
            name: item.text("Poiname"),
            address: item.text("Label"),
            metadata: item.pick(&["Scale"]),
            ..Attachment::new(AttachmentKind::Location)
        }],
        "link" => {
            text = item.text("Title");
            vec![Attachment {
                url: item.text("Url"),
                metadata: item.pick(&["Title", "Description"]),
                ..Attachment::new(AttachmentKind::Other)
            }]
        }
        // Where there is an id, somebody said something, if we cannot see what.
        _ => {
            return Message {
                kind: if id.is_some() { Kind::Message } else { Kind::Other },
                id,
                text,
                provider_type: event::text(word),
                metadata: item.kept(),
                ..known
            };
        }
    };
    Message {
        kind: Kind::Message,
        id,
        text,
        payload: item.text("bizmsgmenuid"),
        attachments,
        ..known
    }
}

/// What events say beside who, when and which.
const ENVELOPE: &[&str] =
    &["ToUserName", "ToUsername", "FromUserName", "CreateTime", "MsgType", "Event"];

fn happened(item: Json<'_>) -> Event {
    let word = item.text("Event").unwrap_or_default();
    if word == "TEMPLATESENDJOBFINISH" {
        return sent(item);
    }
    let details = item.kept().map(|mut details| {
        details
            .retain(|name, value| !ENVELOPE.contains(&name.as_str()) && value.as_str() != Some(""));
        details
    });
    let mut message = Message {
        key: Some(key(item, &word)),
        provider_type: Some(format!("event/{word}")),
        metadata: details.filter(|details| !details.is_empty()),
        ..known(item)
    };
    message.kind = match word.as_str() {
        "subscribe" => Kind::OptIn,
        "unsubscribe" => Kind::OptOut,
        "CLICK" => {
            message.payload = item.text("EventKey");
            Kind::Postback
        }
        _ => Kind::Other,
    };
    Event::Message(message)
}

/// What became of a template message, in the words of WeChat's `Status`.
fn sent(item: Json<'_>) -> Event {
    let word = item.text("Status").unwrap_or_default();
    let meaning = match word.as_str() {
        "success" => Some(DeliveryStatus::Delivered),
        "failed:user block" => Some(DeliveryStatus::Rejected),
        word if word.starts_with("failed") => Some(DeliveryStatus::Failed),
        _ => None,
    };
    let known = known(item);
    let reason = word.strip_prefix("failed").map(|reason| reason.trim_start_matches([':', ' ']));
    let report = Report {
        id: item.first_text(&["MsgID", "MsgId"]),
        at: known.sent_at,
        recipient: known.sender.map(|person| person.address),
        sender: ours(item),
        error: DeliveryError::of(None, reason.and_then(event::text)),
        medium: None,
    };
    report.event(&word, meaning)
}
