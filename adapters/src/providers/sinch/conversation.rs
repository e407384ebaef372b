//! The Conversation API: an envelope with one member that says what happened.

use super::other;
use crate::{
    Address, Attachment, AttachmentKind, DeliveryError, DeliveryStatus, Event, Kind, Medium,
    Message, Recipient, event::Report, json::Json,
};

/// What every callback has beside its one event.
const ENVELOPE: [&str; 6] =
    ["app_id", "project_id", "accepted_time", "event_time", "message_metadata", "correlation_id"];

pub(super) fn read(body: Json<'_>) -> Event {
    let members = body.value().and_then(|body| body.as_object()).into_iter().flatten();
    let what = members
        .filter(|(name, value)| !ENVELOPE.contains(&name.as_str()) && value.is_object())
        .map(|(name, _)| name.as_str())
        .next();
    let Some(what) = what else {
        let word = body.first_text(&["eventType", "event"]);
        return other(word.as_deref().unwrap_or_default(), body);
    };
    let event = body.at(what);
    match what {
        "message" if event.at("contact_message").value().is_some() => message(body, event),
        "message_delivery_report" => report(body, event),
        "opt_in_notification" => consent(body, what, event, Kind::OptIn),
        "opt_out_notification" => consent(body, what, event, Kind::OptOut),
        "event" if event.at("contact_event").at("composing_event").value().is_some() => {
            let identity = event.at("channel_identity");
            Event::Message(Message {
                kind: Kind::Typing,
                id: event.text("id"),
                sender: person(identity).map(Into::into),
                recipient: ours(body, event),
                conversation: event.text("conversation_id"),
                sent_at: time(body, event),
                medium: medium(identity.at("channel").str()),
                ..Message::default()
            })
        }
        _ => other(what, body),
    }
}

fn message(body: Json<'_>, event: Json<'_>) -> Event {
    let identity = event.at("channel_identity");
    let content = event.at("contact_message");
    let mut message = Message {
        kind: Kind::Message,
        id: event.text("id"),
        sender: person(identity).map(Into::into),
        recipient: ours(body, event),
        conversation: event.text("conversation_id"),
        sent_at: time(body, event),
        reply_to: content.at("reply_to").text("message_id"),
        medium: medium(identity.at("channel").str()),
        ..Message::default()
    };
    let part = |name: &str| content.at(name);
    if part("text_message").value().is_some() {
        message.text = part("text_message").text("text");
    } else if part("media_message").value().is_some() {
        message.attachments.extend(media(part("media_message")));
    } else if part("media_card_message").value().is_some() {
        message.text = part("media_card_message").text("caption");
        message.attachments.extend(media(part("media_card_message")));
    } else if part("location_message").value().is_some() {
        message.attachments.push(location(part("location_message")));
    } else if part("choice_response_message").value().is_some() {
        let choice = part("choice_response_message");
        message.kind = Kind::Postback;
        message.payload = choice.text("postback_data");
        message.reply_to = choice.text("message_id").or(message.reply_to);
    } else {
        let members = content.value().and_then(|content| content.as_object());
        let word = members.into_iter().flatten().map(|(name, _)| name.as_str());
        message.kind = Kind::Other;
        message.provider_type = word.filter(|name| *name != "reply_to").map(str::to_owned).next();
        message.metadata = content.kept();
    }
    Event::Message(message)
}

fn media(part: Json<'_>) -> Option<Attachment> {
    let url = part.text("url")?;
    let kind = AttachmentKind::from_url(&url);
    let filename = part.text("filename_override");
    Some(Attachment { url: Some(url), filename, ..Attachment::new(kind) })
}

fn location(part: Json<'_>) -> Attachment {
    let coordinates = part.at("coordinates");
    Attachment {
        latitude: coordinates.number("latitude"),
        longitude: coordinates.number("longitude"),
        name: part.first_text(&["title", "label"]),
        ..Attachment::new(AttachmentKind::Location)
    }
}

fn report(body: Json<'_>, event: Json<'_>) -> Event {
    let word = event.text("status").unwrap_or_default();
    let reason = event.at("reason");
    let meaning = match word.as_str() {
        "SWITCHING_CHANNEL" => Some(DeliveryStatus::Queued),
        "QUEUED_ON_CHANNEL" => Some(DeliveryStatus::Sent),
        "DELIVERED" => Some(DeliveryStatus::Delivered),
        "READ" => Some(DeliveryStatus::Read),
        "FAILED" => Some(match reason.at("code").str() {
            Some("MESSAGE_EXPIRED") => DeliveryStatus::Expired,
            Some("CHANNEL_REJECT") => DeliveryStatus::Rejected,
            Some(_) | None => DeliveryStatus::Failed,
        }),
        _ => None,
    };
    let identity = event.at("channel_identity");
    Report {
        id: event.text("message_id"),
        at: time(body, event),
        recipient: person(identity),
        sender: None,
        error: DeliveryError::of(reason.text("code"), reason.text("description")),
        medium: medium(identity.at("channel").str()),
    }
    .event(&word, meaning)
}

/// A change of consent; one that failed has changed nothing.
fn consent(body: Json<'_>, what: &str, event: Json<'_>, kind: Kind) -> Event {
    let failed = event.at("status").str().is_some_and(|status| status.ends_with("FAILED"));
    let sender = person(event);
    let (Some(address), false) = (&sender, failed) else {
        return other(what, body);
    };
    let at = time(body, event);
    let moment = at.map(|at| at.to_string()).unwrap_or_default();
    Event::Message(Message {
        kind,
        key: Some(format!("{}:{}:{moment}", kind.as_str(), address.value)),
        sender: sender.map(Into::into),
        recipient: ours(body, event),
        sent_at: at,
        medium: medium(event.at("channel").str()),
        ..Message::default()
    })
}

fn time(body: Json<'_>, event: Json<'_>) -> Option<crate::Timestamp> {
    let accepted = event.time("accept_time").or_else(|| body.time("event_time"));
    accepted.or_else(|| body.time("accepted_time"))
}

/// Our number where the channel has one, else the application.
fn ours(body: Json<'_>, event: Json<'_>) -> Option<Recipient> {
    let app = body.text("app_id").map(Address::user);
    match event.text("sender_id").and_then(|id| Address::international(&id)) {
        Some(number) => {
            Some(Recipient { alternates: app.into_iter().collect(), ..Recipient::from(number) })
        }
        None => app.map(Into::into),
    }
}

/// Whoever is behind `channel` and `identity`; ids of other channels are kept apart from numbers.
fn person(identity: Json<'_>) -> Option<Address> {
    let id = identity.text("identity")?;
    let channel = identity.text("channel").unwrap_or_default().to_ascii_lowercase();
    match channel.as_str() {
        "" | "sms" | "mms" | "whatsapp" | "rcs" | "viberbm" => Address::international(&id),
        "telegram" => Some(Address::user(id)),
        _ => Some(Address::scoped_user(id, identity.text("app_id").unwrap_or(channel))),
    }
}

fn medium(channel: Option<&str>) -> Option<Medium> {
    match channel? {
        "WHATSAPP" => Some(Medium::Whatsapp),
        "RCS" => Some(Medium::Rcs),
        "MESSENGER" => Some(Medium::Messenger),
        "TELEGRAM" => Some(Medium::Telegram),
        "INSTAGRAM" => Some(Medium::Instagram),
        "LINE" => Some(Medium::Line),
        "VIBER" | "VIBERBM" => Some(Medium::Viber),
        "WECHAT" => Some(Medium::Wechat),
        "KAKAOTALKCHAT" => Some(Medium::Kakaotalk),
        "APPLEBC" => Some(Medium::AppleMessages),
        _ => None,
    }
}
