//! What became of a message of ours.

use crate::{
    Address, DeliveryError, DeliveryStatus, Event, Kind, Message, Recipient, Sender, Status,
};

use super::{people, seconds, wire};

/// One status. A word we do not know is an event of its own kind, so that it moves nothing.
pub(super) fn read(status: wire::Status, ours: Option<&Recipient>) -> Event {
    let at = seconds(&status.timestamp);
    let recipient = recipient(&status);
    let delivery = match status.status.0.as_deref() {
        Some("sent") => Some(DeliveryStatus::Sent),
        Some("delivered") => Some(DeliveryStatus::Delivered),
        // A voice message that was played was read, and the first may come without the second.
        Some("read" | "played") => Some(DeliveryStatus::Read),
        Some("failed") => Some(DeliveryStatus::Failed),
        _ => None,
    };
    match (status.id.0, delivery) {
        (Some(id), Some(delivery)) => Event::Status(Status {
            at,
            recipient,
            error: status.errors.0.into_iter().find_map(|error| error.0).map(error),
            participant: status
                .recipient_participant_id
                .0
                .or(status.recipient_participant_user_id.0),
            sender: ours.map(|ours| Address {
                kind: ours.kind,
                value: ours.value.clone(),
                scope: None,
            }),
            provider_type: status.status.0.filter(|word| word == "played"),
            ..Status::new(id, delivery)
        }),
        (id, _) => {
            let word = status.status.0.as_deref();
            let key = id.as_ref().map(|id| {
                let recipient = recipient.as_ref().map_or("", |address| &address.value);
                format!("status:{id}:{}:{recipient}", word.unwrap_or_default())
            });
            Event::Message(Message {
                kind: Kind::Other,
                id,
                sender: recipient.map(Sender::from),
                recipient: ours.cloned(),
                sent_at: at,
                provider_type: Some(match word {
                    Some(word) => format!("status/{word}"),
                    None => "status".to_owned(),
                }),
                key,
                ..Message::default()
            })
        }
    }
}

fn recipient(status: &wire::Status) -> Option<Address> {
    if status.recipient_type.0.as_deref() == Some("group") {
        return people::user(&status.recipient_id);
    }
    people::telephone(&status.recipient_id).or_else(|| people::user(&status.recipient_user_id))
}

fn error(error: wire::Failure) -> DeliveryError {
    let details = error.error_data.0.and_then(|data| data.details.0);
    DeliveryError { code: error.code.0, text: details.or(error.message.0).or(error.title.0) }
}
