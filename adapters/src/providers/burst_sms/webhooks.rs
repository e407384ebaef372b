//! Version 2: JSON with an event type.

use super::{number, other};
use crate::{
    Attachment, AttachmentKind, DeliveryError, DeliveryStatus, Event, Kind, Medium, Message,
    event::{self, Report},
    json::Json,
};

pub(super) fn read(word: &str, body: Json<'_>) -> Vec<Event> {
    let event = match word {
        "SMS_INBOUND" | "MMS_INBOUND" | "WHATSAPP_INBOUND" | "RCS_INBOUND" => inbound(word, body),
        "SMS_STATUS" | "MMS_STATUS" | "WHATSAPP_STATUS" | "RCS_STATUS" => status(word, body),
        "OPT_OUT" => opt_out(body),
        "LINK_HIT" => link_hit(body),
        _ => other(word, body),
    };
    vec![event]
}

fn medium(word: &str) -> Option<Medium> {
    match word.split('_').next() {
        Some("WHATSAPP") => Some(Medium::Whatsapp),
        Some("RCS") => Some(Medium::Rcs),
        Some(_) | None => None,
    }
}

fn inbound(word: &str, body: Json<'_>) -> Event {
    let mo = body.at("mo");
    Event::Message(Message {
        kind: Kind::Message,
        id: mo.text("id"),
        sender: number(mo, &["sender"]).map(Into::into),
        recipient: number(mo, &["recipient"]).map(Into::into),
        sent_at: body.time("timestamp"),
        text: mo.first_text(&["message", "subject"]),
        reply_to: mo.at("last_message").text("id"),
        attachments: mo.at("content_urls").items().filter_map(media).collect(),
        medium: medium(word),
        metadata: mo.pick(&["routed_via"]),
        ..Message::default()
    })
}

fn media(url: Json<'_>) -> Option<Attachment> {
    let url = event::text(url.str()?)?;
    let kind = AttachmentKind::from_url(&url);
    Some(Attachment { url: Some(url), ..Attachment::new(kind) })
}

fn status(event_type: &str, body: Json<'_>) -> Event {
    let told = body.at("status");
    let word = told.text("status").unwrap_or_default();
    let meaning = match word.to_ascii_uppercase().as_str() {
        "SENT" | "ACCEPTED" => Some(DeliveryStatus::Sent),
        "DELIVERED" => Some(DeliveryStatus::Delivered),
        "SOFT_BOUNCE" | "UNDELIVERED" => Some(DeliveryStatus::Undelivered),
        "FAILED" | "HARD_BOUNCE" => Some(DeliveryStatus::Failed),
        "REJECTED" => Some(DeliveryStatus::Rejected),
        "READ" => Some(DeliveryStatus::Read),
        _ => None,
    };
    let is_bounce = word.ends_with("_BOUNCE");
    let report = Report {
        id: told.text("id"),
        at: body.time("timestamp"),
        recipient: number(told, &["recipient"]),
        sender: number(told, &["sender"]),
        error: is_bounce.then(|| DeliveryError { code: Some(word.clone()), text: None }),
        medium: medium(event_type),
    };
    report.event(&word, meaning)
}

fn opt_out(body: Json<'_>) -> Event {
    let source = body.at("opt_out").at("source_message");
    let id = source.text("id");
    Event::Message(Message {
        kind: Kind::OptOut,
        sender: number(source, &["recipient"]).map(Into::into),
        recipient: number(source, &["sender"]).map(Into::into),
        sent_at: body.time("timestamp"),
        reply_to: id,
        provider_type: body.at("opt_out").text("source"),
        ..Message::default()
    })
}

fn link_hit(body: Json<'_>) -> Event {
    let hit = body.at("link_hit");
    let source = hit.at("source_message");
    Event::Message(Message {
        sender: number(source, &["recipient"]).map(Into::into),
        recipient: number(source, &["sender"]).map(Into::into),
        sent_at: body.time("timestamp"),
        reply_to: source.text("id"),
        metadata: hit.pick(&["url", "hits"]),
        ..Message::other("LINK_HIT")
    })
}
