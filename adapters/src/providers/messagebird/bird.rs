//! Bird: events of the Channels API (`service`, `event`, `payload`) and of the newer webhooks
//! (`type`, `timestamp`, `data`).

use super::number;
use crate::{
    Address, Attachment, AttachmentKind, DeliveryError, DeliveryStatus, Event, Kind, Medium,
    Message, Sender, event::Report, json::Json,
};

pub(super) fn read(body: Json<'_>) -> Vec<Event> {
    if body.at("payload").value().is_some() {
        return vec![channel(body, body.at("payload"))];
    }
    let word = body.text("type").unwrap_or_default();
    let data = body.at("data");
    let event = match word.split_once('.') {
        Some((medium @ ("sms" | "whatsapp"), "received")) => received(body, data, medium),
        Some((medium @ ("sms" | "whatsapp"), status)) => told(&word, status, body, data, medium),
        Some(_) | None => other(&word, body),
    };
    vec![event]
}

fn other(word: &str, body: Json<'_>) -> Event {
    Event::Message(Message {
        sent_at: body.time("timestamp"),
        metadata: body.kept(),
        ..Message::other(word)
    })
}

fn medium(name: &str) -> Option<Medium> {
    match name {
        "whatsapp" => Some(Medium::Whatsapp),
        "rcs" => Some(Medium::Rcs),
        "messenger" | "facebook" => Some(Medium::Messenger),
        "telegram" => Some(Medium::Telegram),
        _ => None,
    }
}

fn id(data: Json<'_>, medium: &str) -> Option<String> {
    data.text(&format!("{medium}_id")).or_else(|| data.first_text(&["message_id", "id"]))
}

fn received(body: Json<'_>, data: Json<'_>, name: &str) -> Event {
    let text = data.first_text(&["text", "body", "message"]);
    Event::Message(Message {
        kind: Kind::Message,
        id: id(data, name),
        sender: number(data, &["from", "originator"]).map(Into::into),
        recipient: number(data, &["to", "recipient"]).map(Into::into),
        sent_at: data.time("received_at").or_else(|| body.time("timestamp")),
        text: text.or_else(|| data.at("body").at("text").text("text")),
        medium: medium(name),
        ..Message::default()
    })
}

fn told(word: &str, status: &str, body: Json<'_>, data: Json<'_>, name: &str) -> Event {
    let meaning = match status {
        "accepted" => Some(DeliveryStatus::Queued),
        "sent" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "undelivered" => Some(DeliveryStatus::Undelivered),
        "failed" => Some(DeliveryStatus::Failed),
        "rejected" => Some(DeliveryStatus::Rejected),
        "expired" => Some(DeliveryStatus::Expired),
        "read" => Some(DeliveryStatus::Read),
        _ => return other(word, body),
    };
    let error = data.at("error");
    Report {
        id: id(data, name),
        at: error.time("occurred_at").or_else(|| body.time("timestamp")),
        recipient: number(data, &["to", "recipient"]),
        sender: number(data, &["from", "originator"]),
        error: DeliveryError::of(error.text("code"), error.text("description")),
        medium: medium(name),
    }
    .event(status, meaning)
}

/// A message object of the Channels API, incoming or telling what became of ours.
fn channel(body: Json<'_>, payload: Json<'_>) -> Event {
    let word = body.text("event").unwrap_or_default();
    let name = word.split('.').next().unwrap_or_default();
    let contact = |side: &str| {
        let contact = payload.at(side).at("contact");
        let contact = match contact.value() {
            Some(_) => Some(contact),
            None => payload.at(side).at("contacts").items().next(),
        };
        contact.and_then(person)
    };
    let ours = payload.text("channelId").map(Address::user);
    match payload.at("direction").str() {
        Some("incoming") => {
            let mut message = Message {
                kind: Kind::Message,
                id: payload.text("id"),
                sender: contact("sender"),
                recipient: ours.map(Into::into),
                sent_at: payload.time("createdAt"),
                reply_to: payload.at("replyTo").text("id"),
                medium: medium(name),
                ..Message::default()
            };
            content(&mut message, payload.at("body"));
            Event::Message(message)
        }
        Some("outgoing") => outgoing(payload, contact("receiver"), ours, name),
        Some(_) | None => other(&word, body),
    }
}

fn person(contact: Json<'_>) -> Option<Sender> {
    let id = contact.text("identifierValue");
    let address = match contact.at("identifierKey").str() {
        Some("phonenumber") | None => id.and_then(|id| Address::international(&id)),
        Some("emailaddress") => id.and_then(|id| Address::email(&id)),
        Some(key) => id.map(|id| Address::scoped_user(id, key)),
    };
    let address = address.or_else(|| contact.text("id").map(Address::user))?;
    let name = contact.at("annotations").text("name");
    Some(Sender { name, ..Sender::from(address) })
}

fn content(message: &mut Message, body: Json<'_>) {
    let word = body.text("type").unwrap_or_default();
    let part = body.at(&word);
    let media = |list: &str, address: &str, kind: AttachmentKind| {
        let attachment = move |item: Json<'_>| Attachment {
            url: item.text(address),
            content_type: item.text("contentType"),
            filename: item.text("filename"),
            ..Attachment::new(kind)
        };
        part.at(list).items().map(attachment).collect::<Vec<_>>()
    };
    message.text = part.text("text");
    match word.as_str() {
        "text" => {}
        "image" => message.attachments = media("images", "mediaUrl", AttachmentKind::Image),
        "file" => message.attachments = media("files", "mediaUrl", AttachmentKind::File),
        "location" => message.attachments.push(Attachment {
            latitude: part.at("coordinates").number("latitude"),
            longitude: part.at("coordinates").number("longitude"),
            name: part.at("location").text("label"),
            address: part.at("location").text("address"),
            ..Attachment::new(AttachmentKind::Location)
        }),
        _ => {
            message.kind = Kind::Other;
            message.metadata = body.kept();
            message.provider_type = crate::event::text(word);
        }
    }
}

fn outgoing(payload: Json<'_>, to: Option<Sender>, ours: Option<Address>, name: &str) -> Event {
    let word = payload.text("status").unwrap_or_default();
    let meaning = match word.as_str() {
        "accepted" | "scheduled" | "processing" => Some(DeliveryStatus::Queued),
        "sent" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "read" => Some(DeliveryStatus::Read),
        "rejected" => Some(DeliveryStatus::Rejected),
        "sending_failed" => Some(DeliveryStatus::Failed),
        "delivery_failed" => Some(DeliveryStatus::Undelivered),
        "expired" => Some(DeliveryStatus::Expired),
        _ => None,
    };
    let failure = payload.at("failure");
    Report {
        id: payload.text("id"),
        at: payload.time("lastStatusAt").or_else(|| payload.time("updatedAt")),
        recipient: to.map(|to| to.address),
        sender: ours,
        error: DeliveryError::of(
            failure.text("code"),
            failure.text("description").or_else(|| payload.text("reason")),
        ),
        medium: medium(name),
    }
    .event(&word, meaning)
}
