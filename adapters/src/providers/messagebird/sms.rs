//! The REST API: a message or a status in flat parameters.

use super::number;
use crate::{
    Attachment, AttachmentKind, DeliveryError, DeliveryStatus, Event, Message, Timestamp,
    event::Report, json::Json,
};

/// The recipient has sent STOP.
const OPTED_OUT: &str = "103";

pub(super) fn read(body: Json<'_>) -> Vec<Event> {
    if body.at("status").value().is_some() && body.first_text(&["body", "message"]).is_none() {
        return status(body);
    }
    let person = number(body, &["originator", "sender"]);
    let text = body.first_text(&["body", "message"]);
    let attachments = media(body);
    if person.is_none() && text.is_none() && attachments.is_empty() {
        let word = body.text("type").unwrap_or_default();
        return vec![Event::Message(Message { metadata: body.kept(), ..Message::other(word) })];
    }
    vec![Event::Message(Message {
        kind: crate::Kind::Message,
        id: body.first_text(&["id", "message_id", "mid"]),
        sender: person.map(Into::into),
        recipient: number(body, &["recipient", "receiver", "shortcode"]).map(Into::into),
        sent_at: time(body, "createddatetime")
            .or_else(|| body.time("createdDatetime"))
            .or_else(|| time(body, "receive_datetime"))
            .or_else(|| body.time("date_utc")),
        text,
        attachments,
        ..Message::default()
    })]
}

fn media(body: Json<'_>) -> Vec<Attachment> {
    let addresses = body.at("mediaurls").items().chain(body.at("mediaUrls").items());
    let attachment = |url: Json<'_>| {
        let url = url.str()?.to_owned();
        let kind = AttachmentKind::from_url(&url);
        Some(Attachment { url: Some(url), ..Attachment::new(kind) })
    };
    addresses.filter_map(attachment).collect()
}

/// A time as usual, or `YYYYMMDDhhmmss` as short codes have it.
fn time(body: Json<'_>, name: &str) -> Option<Timestamp> {
    let text = body.text(name)?;
    let is_packed = text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_packed {
        let (date, clock) = text.split_at(8);
        let [hour, minute, second] = [0, 2, 4].map(|start| &clock[start..start + 2]);
        let (year, month, day) = (&date[..4], &date[4..6], &date[6..]);
        let spelled = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
        return Timestamp::parse_rfc3339(&spelled);
    }
    Timestamp::parse(&text)
}

fn status(body: Json<'_>) -> Vec<Event> {
    let word = body.text("status").unwrap_or_default();
    let meaning = match word.as_str() {
        "scheduled" => Some(DeliveryStatus::Queued),
        "sent" | "buffered" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "expired" => Some(DeliveryStatus::Expired),
        "delivery_failed" => Some(DeliveryStatus::Undelivered),
        _ => None,
    };
    let code = body.text("statuserrorcode").filter(|code| !code.trim_matches('0').is_empty());
    let has_opted_out = code.as_deref() == Some(OPTED_OUT);
    // Every status has a reason; of those that are no failures, it only repeats the word.
    let is_failure = code.is_some() || meaning == Some(DeliveryStatus::Undelivered);
    let reason = body.text("statusreason").filter(|_| is_failure);
    let report = Report {
        id: body.first_text(&["id", "message_id"]),
        at: time(body, "statusdatetime"),
        recipient: number(body, &["recipient"]),
        sender: number(body, &["originator"]),
        error: DeliveryError::of(code, reason),
        medium: None,
    };
    let opt_out = has_opted_out.then(|| report.opt_out()).flatten();
    let mut events = vec![report.event(&word, meaning)];
    events.extend(opt_out);
    events
}
