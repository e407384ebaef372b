//! One message, from a person or from our own side, as an event.

use serde_json::{Map, Value, json};

use crate::{Kind, Message, Recipient, Timestamp};

use super::{
    content::{keep, say},
    lenient::{self, Word},
    people::{self, People},
    seconds, wire,
};

/// What `message` says. `list` names it when it does not even tell its type.
pub(super) fn read(
    mut message: wire::Message,
    list: &str,
    recipient: Option<Recipient>,
    people: &People<'_>,
) -> Message {
    let system: Option<wire::System> = message.system.as_deref().map(lenient::item);
    if let Some(previous) = system.as_ref().map(|system| &system.previous_user_id)
        && previous.0.is_some()
    {
        // The person is still known to us by the id of before.
        message.from_user_id = Word(previous.0.clone());
    }
    let mut event = Message {
        kind: Kind::Message,
        id: message.id.0.take(),
        sender: people.sender(&message.from, &message.from_user_id, &message.from_parent_user_id),
        recipient,
        conversation: message.group_id.0.take(),
        sent_at: seconds(&message.timestamp),
        ..Message::default()
    };
    let mut metadata = Map::new();
    context(&mut event, &mut metadata, &mut message);
    let word = message.kind.0.take();
    let understood = match word.as_deref() {
        Some("reaction") => reaction(&mut event, message.reaction.0.take()),
        Some("edit") => edit(&mut event, &mut metadata, message.edit.0.take()),
        Some("revoke") => revoke(&mut event, message.revoke.0.take()),
        Some(word) => say(&mut event, &mut metadata, word, &mut message),
        None => false,
    };
    if !understood {
        event.kind = Kind::Other;
        let word = word.unwrap_or_else(|| list.to_owned());
        event.provider_type = Some(match sub_type(&word, &message, system.as_ref()) {
            Some(sub_type) => format!("{word}/{sub_type}"),
            None => word,
        });
        if let Some(system) = &system {
            follow(&mut event, &mut metadata, system);
        }
        keep(&mut metadata, "interactive", message.interactive.as_deref());
        keep(&mut metadata, "system", message.system.as_deref());
        keep(&mut metadata, "identity", message.identity.as_deref());
        keep(&mut metadata, "unsupported", message.unsupported.as_deref());
    }
    keep(&mut metadata, "errors", message.errors.as_deref());
    keep(&mut metadata, "referral", message.referral.as_deref());
    event.metadata = (!metadata.is_empty()).then_some(metadata);
    event
}

fn context(event: &mut Message, metadata: &mut Map<String, Value>, message: &mut wire::Message) {
    let Some(context) = message.context.0.take() else {
        return;
    };
    event.reply_to = context.id.0;
    if context.forwarded.0 {
        metadata.insert("forwarded".to_owned(), true.into());
    }
    if context.frequently_forwarded.0 {
        metadata.insert("frequently_forwarded".to_owned(), true.into());
    }
    keep(metadata, "referred_product", context.referred_product.as_deref());
}

fn reaction(event: &mut Message, reaction: Option<wire::Reaction>) -> bool {
    let Some(reaction) = reaction else {
        return false;
    };
    event.kind = Kind::Reaction;
    event.emoji = reaction.emoji.0;
    event.target = reaction.message_id.0;
    event.reply_to.clone_from(&event.target);
    // Reactions have been seen under the id of what they react to.
    event.key = event.id.as_ref().map(|id| {
        let sent_at = event.sent_at.map(Timestamp::as_seconds);
        let emoji = event.emoji.as_deref().unwrap_or_default();
        format!("reaction:{id}:{}:{emoji}", sent_at.unwrap_or_default())
    });
    true
}

fn edit(event: &mut Message, metadata: &mut Map<String, Value>, edit: Option<wire::Edit>) -> bool {
    let Some(edit) = edit else {
        return false;
    };
    event.kind = Kind::MessageEdited;
    event.target = edit.original_message_id.0;
    if let Some(message) = edit.message {
        let mut message: wire::Message = lenient::item(&message);
        let outer = event.reply_to.take();
        context(event, metadata, &mut message);
        event.reply_to = outer.or(event.reply_to.take());
        if let Some(word) = message.kind.0.take() {
            say(event, metadata, &word, &mut message);
        }
    }
    true
}

fn revoke(event: &mut Message, revoke: Option<wire::Revoke>) -> bool {
    let Some(revoke) = revoke else {
        return false;
    };
    event.kind = Kind::MessageDeleted;
    event.target = revoke.original_message_id.0;
    true
}

fn sub_type(word: &str, message: &wire::Message, system: Option<&wire::System>) -> Option<String> {
    match word {
        "system" => system?.kind.0.clone(),
        "interactive" => {
            let interactive: wire::Interactive = lenient::item(message.interactive.as_deref()?);
            interactive.kind.0
        }
        _ => None,
    }
}

/// Hands on where a person moved to: as an address of theirs, and as the one to use from now on.
fn follow(event: &mut Message, metadata: &mut Map<String, Value>, system: &wire::System) {
    let phone = people::telephone(&system.wa_id).or_else(|| people::telephone(&system.new_wa_id));
    let new = [phone, people::user(&system.user_id), people::user(&system.parent_user_id)];
    let mut new = new.into_iter().flatten().peekable();
    let Some(first) = new.peek().cloned() else {
        return;
    };
    let Some(sender) = &mut event.sender else {
        event.sender = Some(first.into());
        return;
    };
    if first != sender.address {
        metadata.insert("new_address".to_owned(), json!(first));
    }
    let former = people::user(&system.previous_parent_user_id);
    former.into_iter().chain(new).for_each(|address| people::add(sender, address));
}
