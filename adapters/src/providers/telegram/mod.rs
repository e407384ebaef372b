//! Telegram Bot API.
//!
//! Wire format: <https://core.telegram.org/bots/api#update>, set-up:
//! <https://core.telegram.org/bots/api#setwebhook>
//!
//! - One update a request. The secret token is the whole proof: no signature, no signed time.
//! - Message ids are unique within a chat only, so ours are `chat:message`. A chat of a connected
//!   business account is another chat than the bot's own, even under the same id: the business
//!   connection is part of the deduplication key there.
//! - Album pictures come as separate updates, joined by `media_group_id` in the metadata.
//! - Whoever speaks in the name of a chat stands in `sender_chat`; `from` is then a made-up user,
//!   often a bot. Other bots are not customers: what they say is [`Kind::Other`](crate::Kind::Other).
//! - Every message in a forum topic may reply to the message that opened the topic.
//! - A reaction update holds the lists before and after. We tell what was added; when something
//!   was only taken off, what remains; when nothing remains, an empty reaction.
//! - Who blocks the bot wants no more messages, and who unblocks it wants them again: a change of
//!   the bot's own membership in a private chat.
//! - A date of 0 marks a message that cannot be seen anymore, so dates of referred messages are
//!   never used.
//! - Any 2xx stops repetition, other codes cause it for up to a day: always an empty 200. A body
//!   would be taken for a method call.
//!
//! Unconfirmed: the addresses requests come from, how often they are repeated, and whether a live
//! photo always fills `photo` too.

mod events;
mod media;
mod message;
#[cfg(test)]
mod tests;
mod wire;

use serde_json::{Map, Value, json};

use crate::{
    Account, Adapter, Address, Answer, Event, Field, Handshake, Malformed, Medium, Message, Parsed,
    Recorded, Request, Sample, Verified, event, verify::SharedSecret,
};

/// The Telegram Bot API.
pub const ADAPTER: Adapter = Adapter {
    provider: "telegram",
    aliases: &["telegram-bot"],
    title: "Telegram Bot API",
    receives: "messages, media, edits, reactions, buttons, blocks, business chats",
    medium: Medium::Telegram,
    account: &[
        Field {
            name: "bot_id",
            secret: false,
            required: false,
            help: "the bot's numeric id: the digits before the colon of its token",
        },
        Field {
            name: "secret_token",
            secret: true,
            required: true,
            help: "the secret_token you gave to setWebhook: 1-256 of A-Z, a-z, 0-9, _ and -",
        },
        Field {
            name: "bot_token",
            secret: true,
            required: false,
            help: "the token @BotFather shows for the bot; needed to reply and to fetch files",
        },
    ],
    verifier: &SharedSecret {
        header: "x-telegram-bot-api-secret-token",
        secret: "secret_token",
        in_body: None,
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, account: &Account) -> Result<Parsed, Malformed> {
    let update: wire::Update<'_> = request.json()?;
    let source = |kind| Source { kind, update_id: update.id, bot_id: account.get("bot_id") };
    let mut messages = Vec::new();
    for (kind, raw) in &update.kinds {
        let source = source(Some(kind));
        match kind.as_ref() {
            "message" | "channel_post" | "business_message" | "guest_message" => {
                messages.push(message::said(&source, raw));
            }
            "edited_message" | "edited_channel_post" | "edited_business_message" => {
                messages.push(message::edited(&source, raw));
            }
            "callback_query" => messages.push(events::pressed(&source, raw)),
            "message_reaction" => messages.extend(events::reacted(&source, raw)),
            "deleted_business_messages" => messages.extend(events::deleted(&source, raw)),
            "my_chat_member" => messages.push(events::membership(&source, raw)),
            _ => {}
        }
    }
    if messages.is_empty() {
        let kind = update.kinds.first().map(|(kind, _)| kind.as_ref());
        messages.push(source(kind).message());
    }
    let events: Vec<_> = messages.into_iter().map(Event::Message).collect();
    Ok(events.into())
}

/// The same for what we cannot read: Telegram would only repeat it.
fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

/// Users are numbers; who is none of them is written as somebody fictional.
fn sample(sample: &Sample<'_>) -> Request {
    let user: i64 = sample.from.and_then(|from| from.parse().ok()).unwrap_or(6_120_000_001);
    let id = sample.now.as_millis();
    sample.json(&json!({
        "update_id": id,
        "message": {
            "message_id": id,
            "from": {"id": user, "is_bot": false, "first_name": "Mara"},
            "chat": {"id": user, "type": "private", "first_name": "Mara"},
            "date": sample.now.as_seconds(),
            "text": sample.text,
        },
    }))
}

/// Where an event comes from.
struct Source<'a> {
    kind: Option<&'a str>,
    update_id: Option<i64>,
    bot_id: Option<&'a str>,
}

impl Source<'_> {
    /// An event of which nothing is known but where it comes from: [`crate::Kind::Other`].
    fn message(&self) -> Message {
        Message { key: self.key(), ..self.keyless() }
    }

    /// The same for an event whose key is another one.
    fn keyless(&self) -> Message {
        Message {
            provider_type: self.kind.and_then(event::text),
            recipient: self.bot_id.map(|id| Address::user(id).into()),
            ..Message::default()
        }
    }

    fn key(&self) -> Option<String> {
        let kind = self.kind.unwrap_or("update");
        self.update_id.map(|id| format!("{kind}:{id}"))
    }

    /// The key of one of several events of the same update.
    fn key_of(&self, part: impl std::fmt::Display) -> Option<String> {
        self.key().map(|key| format!("{key}:{part}"))
    }
}

/// `chat:message`, the id of a message beyond its chat.
fn message_id(chat: Option<i64>, message: Option<i64>) -> Option<String> {
    Some(format!("{}:{}", chat?, message?))
}

/// What is worth keeping beside the fields everybody has.
#[derive(Default)]
struct Notes(Map<String, Value>);

impl Notes {
    fn text(&mut self, name: &str, value: Option<String>) {
        if let Some(text) = value.and_then(event::text) {
            self.0.insert(name.to_owned(), text.into());
        }
    }

    fn id(&mut self, name: &str, value: Option<i64>) {
        self.text(name, value.map(|id| id.to_string()));
    }

    fn into_metadata(self) -> Option<Map<String, Value>> {
        (!self.0.is_empty()).then_some(self.0)
    }
}
