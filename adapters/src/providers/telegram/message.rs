//! `Message`, new or edited, from whichever kind of chat.

use serde_json::value::RawValue;

use super::{
    Notes, Source, media, message_id,
    wire::{self, Peer},
};
use crate::{Address, Kind, Message, Sender, Timestamp, event, request};

/// Translates a new message.
pub(super) fn said(source: &Source<'_>, raw: &RawValue) -> Message {
    let Some(wire) = request::item::<wire::Message>(raw) else {
        return source.message();
    };
    let sent_at = wire.date.0;
    let connection = wire.business_connection_id.0.clone().unwrap_or_default();
    let mut message = content(source, wire);
    message.sent_at = sent_at.and_then(Timestamp::from_seconds);
    message.key = match (&message.id, source.kind) {
        (Some(_), Some("message" | "channel_post")) => None,
        (Some(id), Some(kind)) => Some(format!("{kind}:{connection}:{id}")),
        (_, _) => source.key(),
    };
    message
}

/// Translates an edit. One message may be edited many times, each time in an update of its own.
pub(super) fn edited(source: &Source<'_>, raw: &RawValue) -> Message {
    let Some(wire) = request::item::<wire::Message>(raw) else {
        return source.message();
    };
    let edited_at = wire.edit_date.0.or(wire.date.0);
    let mut message = content(source, wire);
    message.sent_at = edited_at.and_then(Timestamp::from_seconds);
    // After a quiet week update ids start anew; the time of the edit keeps the key unique.
    message.key = source.key_of(edited_at.unwrap_or_default());
    if message.kind == Kind::Message && message.id.is_some() {
        message.kind = Kind::MessageEdited;
        message.target = message.id.clone();
    } else {
        message.kind = Kind::Other;
    }
    message
}

/// Everything but time and key, as if new.
fn content(source: &Source<'_>, mut wire: wire::Message) -> Message {
    let mut message = source.keyless();
    let speaker = speaker(source, &wire);
    message.from_business = speaker == Speaker::Business;
    let mut notes = notes(&mut wire);
    message.attachments = media::attachments(&mut wire);
    let chat = wire.chat.0.unwrap_or_default();
    message.id = message_id(chat.id.0, wire.message_id.0);
    message.conversation = chat.id.0.map(|id| id.to_string());
    message.reply_to = match (wire.reply_to_message.0, wire.external_reply.0) {
        (Some(original), _) => message_id(chat.id.0, original.message_id.0),
        (None, Some(original)) => original.id(),
        (None, None) => None,
    };
    // Beside a `sender_chat`, `from` is made up.
    let peer = wire.sender_chat.0.map(|chat| *chat).or(wire.from.0);
    introduce(&mut message, &mut notes, peer.unwrap_or_default());

    let is_form = wire.web_app_data.0.is_some();
    let form = wire.web_app_data.0.unwrap_or_default();
    message.text = [wire.text.0, wire.caption.0, form.button_text.0]
        .into_iter()
        .flatten()
        .find_map(event::text);
    message.payload = form.data.0.and_then(event::text);
    if chat.kind.0.as_deref() == Some("private") {
        let deep_link = || deep_link(message.text.as_deref()?);
        message.payload = message.payload.or_else(deep_link);
    } else {
        notes.text("chat_type", chat.kind.0);
        notes.text("chat_title", chat.title.0);
    }
    message.metadata = notes.into_metadata();

    let has_content = message.text.is_some() || !message.attachments.is_empty();
    message.kind = if speaker == Speaker::OtherBot || message.conversation.is_none() {
        Kind::Other
    } else if is_form {
        Kind::Postback
    } else if has_content {
        Kind::Message
    } else {
        // Service messages and what has no words: dice, polls, stories, checklists, …
        Kind::Other
    };
    message
}

/// Who speaks, as far as it matters to us.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Customer,
    Business,
    OtherBot,
}

fn speaker(source: &Source<'_>, wire: &wire::Message) -> Speaker {
    let from = wire.from.0.as_ref();
    let from_id = from.and_then(|from| from.id.0);
    let our_id = source.bot_id.and_then(|id| id.parse().ok());
    let is_ours = from_id.is_some() && from_id == our_id;
    // A business chat is named after the other side; whoever else speaks in it is the owner.
    let of_business = source.kind.is_some_and(|kind| kind.ends_with("business_message"));
    let other_side = wire.chat.0.as_ref().and_then(|chat| chat.id.0);
    let is_owner = of_business && from_id.is_some() && from_id != other_side;
    let is_bot = from.and_then(|from| from.is_bot.0) == Some(true);
    if is_ours || is_owner || wire.sender_business_bot.0.is_some() {
        Speaker::Business
    } else if is_bot && wire.sender_chat.0.is_none() {
        Speaker::OtherBot
    } else {
        Speaker::Customer
    }
}

/// Enters `peer` as the sender of `message`.
pub(super) fn introduce(message: &mut Message, notes: &mut Notes, peer: Peer) {
    let name = name(peer.first_name.0, peer.last_name.0);
    message.sender = peer.id.0.map(|id| Sender {
        address: Address::user(id.to_string()),
        name: peer.title.0.and_then(event::text).or(name),
        alternates: Vec::new(),
    });
    message.language = peer.language_code.0.and_then(event::text);
    notes.text("username", peer.username.0);
}

/// First and last name, joined.
pub(super) fn name(first: Option<String>, last: Option<String>) -> Option<String> {
    let mut name = first.unwrap_or_default();
    if let Some(last) = last.filter(|last| !last.is_empty()) {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(&last);
    }
    event::text(name)
}

/// The data behind the link by which somebody started the bot.
fn deep_link(text: &str) -> Option<String> {
    event::text(text.strip_prefix("/start ")?.trim())
}

fn notes(wire: &mut wire::Message) -> Notes {
    let mut notes = Notes::default();
    let connection = wire.business_connection_id.0.take();
    notes.text("business_connection_id", connection);
    notes.text("media_group_id", wire.media_group_id.0.take());
    notes.text("guest_query_id", wire.guest_query_id.0.take());
    notes.text("author_signature", wire.author_signature.0.take());
    notes.text("quote", wire.quote.0.take().and_then(|quote| quote.text.0));
    let origin = wire.forward_origin.0.take();
    notes.text("forward_origin", origin.and_then(|origin| origin.kind.0));
    notes.id("message_thread_id", wire.message_thread_id.0);
    notes.id("migrate_to_chat_id", wire.migrate_to_chat_id.0);
    notes.id("migrate_from_chat_id", wire.migrate_from_chat_id.0);
    notes
}
