//! A message, new, edited or our own.

use crate::{Kind, Message, Timestamp, json::Json};

use super::{FIRST_CHAT, address, attachments, is_community};

/// What a message says that has no field of its own.
const NOTED: &[&str] = &[
    "conversation_message_id",
    "action",
    "ref",
    "ref_source",
    "is_cropped",
    "admin_author_id",
    "fwd_messages",
];

pub(super) fn read(known: Message, word: &str, message: Json<'_>) -> Message {
    let id = message.text("id");
    let peer = message.text("peer_id");
    let from_business = word == "message_reply"
        || is_community(message)
        || message.text("out").as_deref() == Some("1");
    let in_chat = peer.as_deref().and_then(|peer| peer.parse::<i64>().ok()) >= Some(FIRST_CHAT);
    // What our side says belongs to the conversation with the person.
    let person = match from_business {
        true => peer.clone().filter(|_| !in_chat),
        false => message.text("from_id"),
    };
    let place = message.text("conversation_message_id");
    let known_by = || Some(format!("{word}:{}:{}", peer.as_deref()?, place.as_deref()?));
    let seconds = |name| Timestamp::from_seconds(message.text(name)?.parse().ok()?);
    let mut event = Message {
        kind: Kind::Message,
        sender: person.and_then(|id| address(&id)).map(Into::into),
        sent_at: seconds("date"),
        text: message.text("text"),
        payload: message.text("payload"),
        reply_to: message.at("reply_message").text("id").filter(|id| id != "0"),
        from_business,
        attachments: attachments::read(message),
        metadata: message.pick(NOTED),
        key: known.key.clone().or_else(known_by),
        conversation: peer.clone(),
        id: id.clone(),
        ..known
    };
    if word == "message_edit" {
        event.kind = Kind::MessageEdited;
        event.sent_at = seconds("update_time").or(event.sent_at);
        event.target = id.filter(|id| id != "0");
        event.id = None;
    }
    event
}
