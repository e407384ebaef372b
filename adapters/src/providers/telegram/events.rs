//! What happens around messages: buttons, reactions, deletions, membership.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::{
    Notes, Source,
    message::introduce,
    message_id,
    wire::{Callback, Deleted, List, Maybe, Member, Membership, Reaction, Reactions, Referred},
};
use crate::{Kind, Message, Timestamp, event, request};

/// A button under one of our messages was pressed. Telegram does not say when.
pub(super) fn pressed(source: &Source<'_>, raw: &RawValue) -> Message {
    let Some(callback) = request::item::<Callback>(raw) else {
        return source.message();
    };
    let mut message = source.message();
    let mut notes = Notes::default();
    let peer = callback.from.0.unwrap_or_default();
    introduce(&mut message, &mut notes, peer);
    if message.sender.is_none() {
        return message;
    }
    let under = callback.message.0.unwrap_or_default();
    let chat = under.chat.0.as_ref().and_then(|chat| chat.id.0);
    let label = label(&under, callback.data.0.as_deref());
    message.kind = Kind::Postback;
    message.id = callback.id.0.and_then(event::text);
    message.conversation = chat.map(|id| id.to_string());
    message.reply_to = under.id();
    message.text = label.and_then(event::text);
    let data = callback.data.0.or(callback.game_short_name.0);
    message.payload = data.and_then(event::text);
    notes.id("message_thread_id", under.message_thread_id.0);
    notes.text("business_connection_id", under.business_connection_id.0);
    notes.text("inline_message_id", callback.inline_message_id.0);
    message.metadata = notes.into_metadata();
    message
}

/// What stands on the button that sends `data`.
fn label<'a>(under: &'a Referred, data: Option<&str>) -> Option<&'a str> {
    let data = data?;
    let rows = under.reply_markup.0.as_ref()?.inline_keyboard.0.as_ref()?;
    let buttons = rows.iter().filter_map(|row| row.0.as_ref()).flatten();
    let mut buttons = buttons.filter_map(|button| button.0.as_ref());
    let button = buttons.find(|button| button.callback_data.0.as_deref() == Some(data))?;
    button.text.0.as_deref()
}

/// Reactions were put on a message or taken off.
pub(super) fn reacted(source: &Source<'_>, raw: &RawValue) -> Vec<Message> {
    let wire = request::item::<Reactions>(raw).unwrap_or_default();
    let chat = wire.chat.0.and_then(|chat| chat.id.0);
    let target = message_id(chat, wire.message_id.0);
    let (Some(target), Some(new)) = (target, words(wire.new_reaction)) else {
        return vec![source.message()];
    };
    let mut reaction = source.message();
    let mut notes = Notes::default();
    let peer = wire.user.0.or(wire.actor_chat.0);
    introduce(&mut reaction, &mut notes, peer.unwrap_or_default());
    reaction.kind = Kind::Reaction;
    reaction.conversation = chat.map(|id| id.to_string());
    reaction.sent_at = wire.date.0.and_then(Timestamp::from_seconds);
    reaction.reply_to = Some(target.clone());
    reaction.target = Some(target);
    reaction.metadata = notes.into_metadata();
    if new.is_empty() {
        return vec![reaction];
    }
    let old = words(wire.old_reaction).unwrap_or_default();
    let old: HashSet<_> = old.into_iter().collect();
    let some_added = new.iter().any(|word| !old.contains(word));
    let told = new.into_iter().filter(|word| !some_added || !old.contains(word));
    let event = |(index, emoji): (usize, Option<String>)| {
        let known = if emoji.is_some() { reaction.clone() } else { source.keyless() };
        Message { emoji, key: source.key_of(index), ..known }
    };
    told.enumerate().map(event).collect()
}

/// Each reaction as a word; `None` for one that cannot be read.
fn words(reactions: List<Reaction>) -> Option<Vec<Option<String>>> {
    let word = |reaction: Maybe<Reaction>| {
        let reaction = reaction.0?;
        let custom = reaction.custom_emoji_id.0;
        let custom = custom.map(|id| format!("custom_emoji:{id}"));
        event::text(reaction.emoji.0.or(custom).or(reaction.kind.0)?)
    };
    Some(reactions.0?.into_iter().map(word).collect())
}

/// Far beyond what one update holds; a longer list would only cost memory.
pub(super) const MOST_DELETED: usize = 100_000;

/// Messages of a business chat were deleted.
pub(super) fn deleted(source: &Source<'_>, raw: &RawValue) -> Vec<Message> {
    let wire = request::item::<Deleted>(raw).unwrap_or_default();
    let chat = wire.chat.0.and_then(|chat| chat.id.0);
    let mut notes = Notes::default();
    notes.text("business_connection_id", wire.business_connection_id.0);
    let metadata = notes.into_metadata();
    let ids = wire.message_ids.0.unwrap_or_default();
    if ids.len() > MOST_DELETED {
        return vec![source.message()];
    }
    let event = |(index, id): (usize, Maybe<i64>)| {
        let target = message_id(chat, id.0);
        let message = Message { key: source.key_of(index), ..source.keyless() };
        if target.is_none() {
            return message;
        }
        Message {
            kind: Kind::MessageDeleted,
            conversation: chat.map(|id| id.to_string()),
            target,
            metadata: metadata.clone(),
            ..message
        }
    };
    ids.into_iter().enumerate().map(event).collect()
}

/// The bot was added or removed; in a private chat, the person has blocked or unblocked it.
pub(super) fn membership(source: &Source<'_>, raw: &RawValue) -> Message {
    let wire = request::item::<Membership>(raw).unwrap_or_default();
    let status = |member: Option<Member>| member.and_then(|member| member.status.0);
    let chat = wire.chat.0.unwrap_or_default();
    let new = status(wire.new_chat_member.0);
    let mut message = source.message();
    let mut notes = Notes::default();
    message.kind = match (chat.kind.0.as_deref(), new.as_deref()) {
        (Some("private"), Some("kicked")) => Kind::OptOut,
        (Some("private"), Some("member")) => Kind::OptIn,
        _ => Kind::Other,
    };
    if message.kind != Kind::Other {
        introduce(&mut message, &mut notes, wire.from.0.unwrap_or_default());
        message.conversation = chat.id.0.map(|id| id.to_string());
        message.sent_at = wire.date.0.and_then(Timestamp::from_seconds);
    }
    notes.id("chat_id", chat.id.0);
    notes.text("chat_type", chat.kind.0);
    notes.text("old_status", status(wire.old_chat_member.0));
    notes.text("new_status", new);
    message.metadata = notes.into_metadata();
    message
}
