//! The SMS API: messages and delivery reports, told apart by `type`.

use super::{number, other};
use crate::{
    Attachment, AttachmentKind, DeliveryError, DeliveryStatus, Event, Kind, Message, event::Report,
    json::Json,
};

pub(super) fn message(body: Json<'_>) -> Event {
    let content = body.at("body");
    let is_binary = body.at("type").str() == Some("mo_binary");
    let text = match content.str() {
        Some(_) if is_binary => None,
        Some(_) => body.text("body"),
        None => content.first_text(&["message", "subject"]),
    };
    let kept: &[&str] = if is_binary { &["body", "udh"] } else { &["client_reference"] };
    Event::Message(Message {
        kind: if is_binary { Kind::Other } else { Kind::Message },
        id: body.text("id"),
        sender: number(body, "from").map(Into::into),
        recipient: number(body, "to").map(Into::into),
        sent_at: body.time("sent_at").or_else(|| body.time("received_at")),
        text,
        attachments: content.at("media").items().filter_map(attachment).collect(),
        provider_type: is_binary.then(|| "mo_binary".to_owned()),
        metadata: body.pick(kept),
        ..Message::default()
    })
}

/// A media part; one that failed to upload has no address, and is shown as missing.
fn attachment(media: Json<'_>) -> Option<Attachment> {
    let content_type = media.text("content_type");
    if content_type.as_deref().is_some_and(|content_type| content_type.contains("smil")) {
        return None;
    }
    let url = media.text("url");
    let kind = content_type.as_deref().map(AttachmentKind::from_content_type);
    let kind = kind.or_else(|| Some(AttachmentKind::from_url(url.as_deref()?)));
    let kind = kind.unwrap_or(AttachmentKind::Other);
    media.value().filter(|media| media.is_object())?;
    Some(Attachment { url, content_type, ..Attachment::new(kind) })
}

pub(super) fn recipient_report(body: Json<'_>) -> Event {
    let report = Report {
        id: body.text("batch_id"),
        at: body.time("operator_status_at").or_else(|| body.time("at")),
        recipient: number(body, "recipient"),
        sender: number(body, "applied_originator"),
        ..Report::default()
    };
    status(body, report)
}

pub(super) fn batch_report(body: Json<'_>) -> Vec<Event> {
    let mut events = Vec::new();
    let is_single = body.text("total_message_count").as_deref() == Some("1");
    for statuses in body.at("statuses").items() {
        let report = |recipient| Report {
            id: body.text("batch_id"),
            at: body.time("at"),
            recipient,
            ..Report::default()
        };
        let recipients = statuses.at("recipients").items();
        let before = events.len();
        events.extend(recipients.filter_map(|recipient| {
            let recipient = crate::Address::international(recipient.str()?)?;
            Some(status(statuses, report(Some(recipient))))
        }));
        if events.len() == before && is_single {
            events.push(status(statuses, report(None)));
        }
    }
    if events.is_empty() {
        events.push(other(body.at("type").str().unwrap_or_default(), body));
    }
    events
}

fn status(body: Json<'_>, report: Report) -> Event {
    let word = body.text("status").unwrap_or_default();
    let meaning = match word.to_ascii_lowercase().as_str() {
        "queued" => Some(DeliveryStatus::Queued),
        "dispatched" | "unknown" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "failed" | "aborted" | "cancelled" | "deleted" => Some(DeliveryStatus::Failed),
        "rejected" => Some(DeliveryStatus::Rejected),
        "expired" => Some(DeliveryStatus::Expired),
        _ => None,
    };
    // The codes of reports that are none of failures: delivered, queued, dispatched.
    let code = body.text("code").filter(|code| !matches!(code.as_str(), "0" | "400" | "401"));
    Report { error: DeliveryError::of(code, None), ..report }.event(&word, meaning)
}
