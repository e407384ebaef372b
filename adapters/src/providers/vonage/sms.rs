//! The SMS API: flat parameters, one message part or one delivery receipt a request.

use super::other;
use crate::{
    Address, AddressKind, DeliveryError, DeliveryStatus, Event, Kind, Message, Part, Timestamp,
    event::Report, json::Json,
};

pub(super) fn read(body: Json<'_>) -> Event {
    let person = body.text("msisdn").and_then(|number| Address::international(&number));
    let ours = body.text("to").and_then(|number| Address::international(&number));
    if body.at("status").value().is_some() {
        return receipt(body, person, ours);
    }
    let is_binary = body.at("type").str() == Some("binary");
    if body.at("text").value().is_none() && !is_binary && person.is_none() {
        return other(body.text("type"), body);
    }
    Event::Message(Message {
        kind: if is_binary { Kind::Other } else { Kind::Message },
        id: body.text("messageId"),
        sender: person.map(Into::into),
        recipient: ours.map(Into::into),
        sent_at: body.time("message-timestamp"),
        text: body.text("text"),
        part: part(body),
        metadata: body.pick(&["data", "udh"]),
        provider_type: is_binary.then(|| "binary".to_owned()),
        ..Message::default()
    })
}

fn part(body: Json<'_>) -> Option<Part> {
    let number = |name: &str| body.text(name)?.parse().ok().filter(|number: &u32| *number > 0);
    let (index, total) = (number("concat-part")?, number("concat-total")?);
    (index <= total).then_some(Part { reference: body.text("concat-ref")?, index, total })
}

fn receipt(body: Json<'_>, person: Option<Address>, ours: Option<Address>) -> Event {
    let word = body.text("status").unwrap_or_default();
    let meaning = match word.as_str() {
        "accepted" | "buffered" | "unknown" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "expired" => Some(DeliveryStatus::Expired),
        "failed" => Some(DeliveryStatus::Failed),
        "rejected" => Some(DeliveryStatus::Rejected),
        _ => None,
    };
    let code = body.text("err-code").filter(|code| !code.trim_matches('0').is_empty());
    Report {
        id: body.text("messageId"),
        at: body
            .text("scts")
            .as_deref()
            .and_then(Timestamp::parse_minute)
            .or_else(|| body.time("message-timestamp")),
        recipient: person,
        sender: ours.filter(|ours| ours.kind != AddressKind::User),
        error: DeliveryError::of(code, None),
        medium: None,
    }
    .event(&word, meaning)
}
