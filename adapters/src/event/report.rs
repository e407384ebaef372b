//! What a provider reports about a message of ours, on its way to becoming an event.
//!
//! Providers add words to their statuses without notice. One we have no word for is recorded as
//! something else under its own name, so that it moves nothing and is still seen.

use super::{
    Address, DeliveryError, DeliveryStatus, Event, Kind, Medium, Message, Recipient, Sender,
    Status, text,
};
use crate::Timestamp;

/// A report of which it is not known yet whether we have a word for it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub id: Option<String>,
    pub at: Option<Timestamp>,
    pub recipient: Option<Address>,
    pub sender: Option<Address>,
    pub error: Option<DeliveryError>,
    pub medium: Option<Medium>,
}

impl Report {
    /// The event: a status, or something else when `word` has no meaning for us, so that it moves
    /// nothing.
    pub fn event(self, word: &str, meaning: Option<DeliveryStatus>) -> Event {
        let (Some(id), Some(status)) = (&self.id, meaning) else {
            return Event::Message(self.unknown(word));
        };
        Event::Status(Status {
            at: self.at,
            recipient: self.recipient,
            error: self.error,
            sender: self.sender,
            provider_type: text(word).filter(|word| !word.eq_ignore_ascii_case(status.as_str())),
            ..Status::new(id.as_str(), status)
        })
    }

    /// The person the report is about wants no more messages, as the reason of a failure says.
    pub fn opt_out(&self) -> Option<Event> {
        let person = self.recipient.clone()?;
        Some(Event::Message(Message {
            kind: Kind::OptOut,
            key: self.id.as_ref().map(|id| format!("opt_out:{id}:{}", person.value)),
            sender: Some(person.into()),
            recipient: self.sender.clone().map(Recipient::from),
            medium: self.medium,
            ..Message::default()
        }))
    }

    fn unknown(self, word: &str) -> Message {
        let key = self.id.as_ref().map(|id| {
            let recipient = self.recipient.as_ref().map_or("", |address| &address.value);
            format!("status:{id}:{word}:{recipient}")
        });
        Message {
            id: self.id,
            sender: self.recipient.map(Sender::from),
            recipient: self.sender.map(Recipient::from),
            sent_at: self.at,
            medium: self.medium,
            key,
            ..Message::other(match word {
                "" => "status".to_owned(),
                word => format!("status/{word}"),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_recipient_of_a_message_opts_out_for_himself() {
        let key = |number| {
            let recipient = Address::international(number);
            let report = Report { id: Some("1".to_owned()), recipient, ..Report::default() };
            report.opt_out().expect("an opt-out").dedupe_key()
        };
        assert_ne!(key("15550100002"), key("15550100003"));
        assert_eq!(key("15550100002"), key("15550100002"));
    }
}
