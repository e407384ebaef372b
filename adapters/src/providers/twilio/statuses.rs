//! What became of our messages.
//!
//! Callbacks are repeated and overtake each other; here each is only translated.

use super::{
    addresses::{Parties, parties},
    parameters::Parameters,
};
use crate::{DeliveryError, DeliveryStatus, Event, Kind, Message, Status, Timestamp, event};

/// The person has opted out with Twilio itself: <https://www.twilio.com/docs/api/errors/21610>
const OPTED_OUT: &str = "21610";

pub(super) fn read(word: &str, parameters: &Parameters<'_>) -> Vec<Event> {
    let Some(id) = parameters.message_sid.as_deref().and_then(event::text) else {
        return Vec::new();
    };
    let Some(status) = delivery(word) else {
        return vec![unknown(word, id)];
    };
    let Parties { person, ours, medium } = parties(
        parameters.to.as_deref(),
        parameters.from.as_deref(),
        parameters.service_sid.as_deref(),
    );
    let code = parameters.error_code.as_deref();
    let opt_out = person.clone().filter(|_| code == Some(OPTED_OUT)).map(|person| Message {
        kind: Kind::OptOut,
        sender: Some(person.into()),
        recipient: ours.clone().map(Into::into),
        medium,
        key: Some(format!("opt_out:{id}")),
        ..Message::default()
    });
    let status = Status {
        at: parameters.done_date.as_deref().and_then(Timestamp::parse_minute),
        recipient: person,
        error: code.and_then(event::text).map(|code| DeliveryError {
            code: Some(code),
            text: parameters.error_text.as_deref().and_then(event::text),
        }),
        sender: ours,
        provider_type: (word != status.as_str()).then(|| word.to_owned()),
        ..Status::new(id, status)
    };
    let mut events = vec![Event::Status(status)];
    events.extend(opt_out.map(Event::Message));
    events
}

fn delivery(word: &str) -> Option<DeliveryStatus> {
    Some(match word {
        // The second is SignalWire's.
        "accepted" | "initiated" | "scheduled" | "queued" | "sending" => DeliveryStatus::Queued,
        "sent" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "undelivered" => DeliveryStatus::Undelivered,
        "failed" | "canceled" => DeliveryStatus::Failed,
        "read" => DeliveryStatus::Read,
        _ => return None,
    })
}

fn unknown(word: &str, id: String) -> Event {
    let word = event::text(word);
    Event::Message(Message {
        kind: Kind::Other,
        key: word.as_deref().map(|word| format!("other:{id}:{word}")),
        id: Some(id),
        provider_type: word,
        ..Message::default()
    })
}
