//! The types of events, and what each says.

use serde_json::{Map, Value};

use super::{
    attachments::attachments,
    content,
    fields::Fields,
    tree::{Members, Node},
};
use crate::{
    Address, AddressKind, DeliveryError, DeliveryStatus, Event, Kind, Message, Sender, Status,
};

/// Characters of a text.
const MAX_TEXT: usize = 32_000;

/// Bytes of an e-mail address (RFC 5321).
const MAX_ADDRESS: usize = 254;

/// What all events of a request share.
pub(super) struct Reading<'a> {
    /// The same on every retry of the request.
    pub webhook_id: &'a str,
    /// Within what user ids are unique.
    pub site: Option<&'a str>,
}

/// An item that is answered with what is wrong with it, and not recorded.
pub(super) fn refused(word: Option<String>, fields: Fields<'_>) -> Event {
    Event::Message(Message {
        kind: Kind::Other,
        provider_type: word,
        problems: fields.problems,
        ..Message::default()
    })
}

impl Reading<'_> {
    /// Reads the item at `index`; `None` is an item that cannot be read as an object.
    pub fn event(&self, index: usize, item: Option<Members<'_>>) -> Event {
        let Some(item) = item else {
            let mut item = Fields::default();
            item.problem("", "unreadable", "must be an object of readable JSON");
            return refused(None, item);
        };
        let mut item = Fields::new(item);
        item.require("type");
        let Some(word) = item.id("type") else {
            return refused(None, item);
        };
        let read = match word.as_str() {
            "message.created" => Self::created,
            "message.updated" => Self::updated,
            "message.deleted" => Self::deleted,
            "message.status" => Self::status,
            "read" => Self::read,
            "typing" => Self::typing,
            "conversation.started" => Self::conversation_started,
            "conversation.closed" => Self::conversation_closed,
            "contact.updated" => Self::contact_updated,
            "contact.merged" => Self::contact_merged,
            _ => return self.other(index, word, item),
        };
        let sent_at = item.time("timestamp");
        item.require("data");
        let event = item.object("data", |data| read(self, data));
        match event {
            Some(mut event) if item.problems.is_empty() => {
                match &mut event {
                    Event::Message(message) => {
                        message.sent_at = message.sent_at.or(sent_at);
                        self.complete(message, index, &word, item);
                    }
                    Event::Status(status) => status.at = sent_at,
                }
                event
            }
            Some(_) | None => refused(Some(word), item),
        }
    }

    fn created(&self, data: &mut Fields<'_>) -> Event {
        let content = content::digest(&data.rest);
        data.require("id");
        data.require("sender");
        if !data.has("text") && !data.has("attachments") {
            data.problem("text", "required", "is required, unless there are attachments");
        }
        Event::Message(Message {
            kind: Kind::Message,
            content: Some(content),
            id: data.id("id"),
            text: data.text_up_to("text", MAX_TEXT),
            reply_to: data.id("reply_to"),
            attachments: attachments(data),
            ..self.said(data)
        })
    }

    /// A text that is not given stays as it was, and an empty one replaces it.
    fn updated(&self, data: &mut Fields<'_>) -> Event {
        data.require("id");
        let cleared = data.rest.get("text").and_then(Node::as_str) == Some("");
        if !cleared && !data.has("text") && !data.has("attachments") {
            let message = "is required, unless there are attachments; empty, it clears the text";
            data.problem("text", "required", message);
        }
        let text = data.text_up_to("text", MAX_TEXT);
        Event::Message(Message {
            kind: Kind::MessageEdited,
            target: data.id("id"),
            sent_at: data.time("edited_at"),
            text: text.or_else(|| cleared.then(String::new)),
            reply_to: data.id("reply_to"),
            attachments: attachments(data),
            ..self.said(data)
        })
    }

    fn deleted(&self, data: &mut Fields<'_>) -> Event {
        data.require("id");
        Event::Message(Message {
            kind: Kind::MessageDeleted,
            target: data.id("id"),
            sent_at: data.time("deleted_at"),
            ..self.said(data)
        })
    }

    fn typing(&self, data: &mut Fields<'_>) -> Event {
        data.require("conversation");
        data.require("sender");
        data.flag("active");
        Event::Message(Message { kind: Kind::Typing, ..self.said(data) })
    }

    fn conversation_started(&self, data: &mut Fields<'_>) -> Event {
        data.require("conversation");
        data.require("sender");
        if let Some(reason) = data.text("reason") {
            data.rest.insert("reason", Node::Text(reason.into()));
        }
        Event::Message(Message { kind: Kind::ConversationStarted, ..self.said(data) })
    }

    /// Nobody in particular closes a conversation that went quiet.
    fn conversation_closed(&self, data: &mut Fields<'_>) -> Event {
        self.kept("conversation.closed", data, |data| {
            data.require("conversation");
            data.text("reason");
        })
    }

    fn contact_updated(&self, data: &mut Fields<'_>) -> Event {
        self.kept("contact.updated", data, |data| data.require("sender"))
    }

    fn contact_merged(&self, data: &mut Fields<'_>) -> Event {
        self.kept("contact.merged", data, |data| {
            for name in ["from_id", "to_id"] {
                data.require(name);
                data.id(name);
            }
        })
    }

    /// An event of ours that nothing comes of yet: checked, and kept whole.
    fn kept(
        &self,
        word: &str,
        data: &mut Fields<'_>,
        check: impl FnOnce(&mut Fields<'_>),
    ) -> Event {
        let whole = data.rest.clone();
        check(data);
        let said = self.said(data);
        data.rest = whole;
        Event::Message(Message { kind: Kind::Other, provider_type: Some(word.to_owned()), ..said })
    }

    fn status(&self, data: &mut Fields<'_>) -> Event {
        data.require("status");
        let status = data.text("status").and_then(|word| {
            let status = delivery_status(&word);
            if status.is_none() {
                let message = "must be accepted, sent, delivered, read or failed";
                data.problem("status", "invalid", message);
            }
            status
        });
        let (id, client_ref) = (data.id("id"), data.id("client_ref"));
        let id = id.or(client_ref);
        if id.is_none() {
            data.problem("id", "required", "is required, unless there is a client_ref");
        }
        let error = data.object("error", |error| DeliveryError {
            code: error.code("code"),
            text: error.text("message"),
        });
        match status {
            Some(status) => our_message(id, status, None, error),
            // Noted, so this is refused.
            None => Event::Message(Message::default()),
        }
    }

    /// The customer has read everything up to a message of ours. An agent's reading is no status.
    fn read(&self, data: &mut Fields<'_>) -> Event {
        data.require("up_to_message_id");
        data.require("sender");
        let id = data.id("up_to_message_id");
        let reader = self.said(data);
        if reader.from_business {
            return Event::Message(Message {
                target: id,
                provider_type: Some("read".to_owned()),
                ..reader
            });
        }
        let recipient = reader.sender.map(|sender| sender.address);
        our_message(id, DeliveryStatus::Read, recipient, None)
    }

    /// An event we have no word for, kept whole: nothing about it can be wrong.
    fn other(&self, index: usize, word: String, mut item: Fields<'_>) -> Event {
        let mut message = match item.rest.get("data") {
            Some(Node::Object(data)) => self.said(&mut Fields::new(data.clone())),
            Some(_) | None => Message::default(),
        };
        message.kind = Kind::Other;
        message.sent_at = item.time("timestamp");
        self.complete(&mut message, index, &word, item);
        message.provider_type = Some(word);
        Event::Message(message)
    }

    /// Who speaks, and in which conversation.
    fn said(&self, data: &mut Fields<'_>) -> Message {
        let conversation = data.object("conversation", |conversation| {
            conversation.require("id");
            conversation.id("id")
        });
        let mut message = Message { conversation: conversation.flatten(), ..Message::default() };
        data.object("sender", |sender| self.sender(sender, &mut message));
        message
    }

    fn sender(&self, sender: &mut Fields<'_>, message: &mut Message) {
        sender.require("id");
        let kind = sender.text("kind");
        match kind.as_deref() {
            None | Some("visitor") => {}
            Some(kind @ ("contact" | "agent" | "bot" | "system")) => {
                message.from_business = kind != "contact";
                sender.rest.insert("kind", Node::Text(kind.to_owned().into()));
            }
            // Guessing would show an agent's words as a customer's, or hide a customer's.
            Some(_) => {
                sender.problem("kind", "invalid", "must be visitor, contact, agent, bot or system")
            }
        }
        message.language = sender.text("locale");
        let name = sender.text("name");
        let address = sender.id("id").map(|id| Address {
            kind: AddressKind::User,
            value: id,
            scope: self.site.map(str::to_owned),
        });
        let alternates = if sender.flag("verified") { alternates(sender) } else { Vec::new() };
        message.sender = address.map(|address| Sender { address, name, alternates });
    }

    /// Adds what every message event has: our address, a key, and what nobody took.
    fn complete(&self, message: &mut Message, index: usize, word: &str, mut item: Fields<'_>) {
        let site = self.site.map(Address::user);
        message.recipient = site.map(Into::into);
        if message.kind != Kind::Message {
            message.key = Some(format!("{}:{index}:{word}", self.webhook_id));
        }
        let mut metadata: Map<String, Value> = match item.rest.take("data") {
            Node::Object(data) => data.into(),
            data @ (Node::Null
            | Node::Bool(_)
            | Node::Number(_)
            | Node::Text(_)
            | Node::List(_)) => Map::from_iter([("data".to_owned(), data.into())]),
        };
        for (name, value) in item.rest.into_iter().filter(|(_, value)| !value.is_null()) {
            metadata.entry(name).or_insert_with(|| value.into());
        }
        metadata.retain(|_, value| !value.is_null());
        message.metadata = Some(metadata).filter(|metadata| !metadata.is_empty());
    }
}

/// `id` is only absent where that has been noted as a problem.
fn our_message(
    id: Option<String>,
    status: DeliveryStatus,
    recipient: Option<Address>,
    error: Option<DeliveryError>,
) -> Event {
    Event::Status(Status { recipient, error, ..Status::new(id.unwrap_or_default(), status) })
}

fn delivery_status(word: &str) -> Option<DeliveryStatus> {
    match word {
        "accepted" => Some(DeliveryStatus::Queued),
        "sent" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "read" => Some(DeliveryStatus::Read),
        "failed" => Some(DeliveryStatus::Failed),
        _ => None,
    }
}

/// What the site vouches for. A phone number needs its country code: of a user we know no region.
fn alternates(sender: &mut Fields<'_>) -> Vec<Address> {
    let phone = alternate(sender, "phone", "write it as +12125550123", |raw| {
        Address::telephone(raw, None).filter(|address| address.kind == AddressKind::Phone)
    });
    let email = alternate(sender, "email", "write it as ana@example.com", Address::email);
    phone.into_iter().chain(email).collect()
}

fn alternate(
    sender: &mut Fields<'_>,
    name: &str,
    expected: &str,
    read: impl Fn(&str) -> Option<Address>,
) -> Option<Address> {
    let raw = sender.text(name)?;
    let odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    let readable = raw.len() <= MAX_ADDRESS && !raw.contains(odd);
    let address = readable.then(|| read(&raw)).flatten();
    if address.is_none() {
        sender.problem(name, "invalid", expected);
    }
    address
}
