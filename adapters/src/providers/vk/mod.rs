//! VK, Callback API of communities.
//!
//! Wire format: <https://dev.vk.com/en/api/callback/getting-started>, objects:
//! <https://dev.vk.com/en/reference/objects/message>
//!
//! - One event a request. The proof is the community's secret in the body itself.
//! - The address is set up by an event of type `confirmation`, answered with the string VK shows for
//!   it; everything else with the two letters `ok`, without which the event comes again.
//! - Since API version 5.103 a new message stands in `object.message`; before, it was the object.
//! - People's ids are the same everywhere, communities' are negative. In a conversation of several
//!   (`peer_id` above two billion) messages have no id but 0, and are told apart by
//!   `conversation_message_id`: nothing there can be the target of an edit.
//! - What our side sends comes back as `message_reply`, whoever sent it.
//! - A button with a payload sends an ordinary message, a callback button a `message_event`.
//! - `message_allow` and `message_deny` say whether the community may write to a person at all.
//! - Names take a call of `users.get`.
//!
//! Unconfirmed: how long and how often is repeated, and which emoji a `reaction_id` is: it is handed
//! on as a number.

mod attachments;
mod message;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    Account, Adapter, Address, Answer, DeliveryStatus, Event, Field, Handshake, Kind, Malformed,
    Medium, Message, Method, Parsed, Recorded, Refusal, Request, Sample, Status, Timestamp,
    Unverified, Verified, event,
    json::{self as read, Json},
    verify::{BodySecret, Scheme, hex},
};

/// VK.
pub const ADAPTER: Adapter = Adapter {
    provider: "vk",
    aliases: &["vkontakte"],
    title: "VK (community messages)",
    receives: "messages, media, edits, buttons, typing, reads, reactions, permissions, echoes",
    medium: Medium::Vk,
    account: &[
        Field {
            name: GROUP_ID,
            secret: false,
            required: true,
            help: "the community's id, a number: Manage, API usage, Callback API",
        },
        Field {
            name: "secret",
            secret: true,
            required: true,
            help: "the secret key of the server: Manage, API usage, Callback API, Server settings",
        },
        Field {
            name: CONFIRMATION,
            secret: false,
            required: false,
            help: "the string the server must return, shown in the server settings; needed to \
                   confirm the address",
        },
    ],
    verifier: &VERIFIER,
    handshake: Handshake::Answer(handshake),
    parse,
    acknowledge,
    sample,
};

const GROUP_ID: &str = "group_id";
const CONFIRMATION: &str = "confirmation";

const VERIFIER: BodySecret = BodySecret { secret: "secret", group: GROUP_ID };

/// Conversations of several people are numbered from here.
const FIRST_CHAT: i64 = 2_000_000_000;

fn handshake(request: &Request<Unverified>, account: &Account) -> Option<Result<Answer, Refusal>> {
    let confirmation = account.get(CONFIRMATION).filter(|_| request.method == Method::Post)?;
    let [word] = read::members(&request.body, ["type"]);
    word.filter(|word| word == "confirmation")?;
    // The scheme knows no time.
    let epoch = Timestamp::from_millis(0)?;
    let answer = || Answer::with_body(200, "text/plain", confirmation.to_owned());
    Some(VERIFIER.verify(request, account, epoch).map(|()| answer()))
}

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    Ok(vec![event(Json::from(&body))].into())
}

/// The same for what we cannot read: VK would only repeat it.
fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::constant(200, "text/plain", "ok")
}

fn sample(sample: &Sample<'_>) -> Request {
    let user: i64 = sample.from.and_then(|from| from.parse().ok()).unwrap_or(1_580_125);
    let group = sample.account.get(GROUP_ID).and_then(|group| group.parse::<i64>().ok());
    let id = sample.now.as_millis();
    sample.json(&json!({
        "type": "message_new",
        "group_id": group,
        "event_id": sample.id,
        "v": "5.199",
        "object": {
            "message": {
                "id": id,
                "date": sample.now.as_seconds(),
                "from_id": user,
                "peer_id": user,
                "conversation_message_id": id,
                "text": sample.text,
                "attachments": [],
            },
            "client_info": {"keyboard": true, "inline_keyboard": true},
        },
    }))
}

fn event(body: Json<'_>) -> Event {
    let word = body.text("type").unwrap_or_default();
    let object = body.at("object");
    let known = Message {
        recipient: body.text("group_id").map(|group| Address::user(group).into()),
        key: body.text("event_id").map(|id| format!("event:{id}")),
        ..Message::default()
    };
    let is_message = |object: Json<'_>| object.at("peer_id").value().is_some();
    let mut message = match word.as_str() {
        "message_new" | "message_reply" | "message_edit" => {
            let message = object.at("message");
            let message = if message.value().is_some() { message } else { object };
            if is_message(message) {
                message::read(known, &word, message)
            } else {
                other(known, &word, object)
            }
        }
        "message_allow" => Message { kind: Kind::OptIn, ..other(known, &word, object) },
        "message_deny" => Message { kind: Kind::OptOut, ..other(known, &word, object) },
        "message_event" => pressed(known, object),
        "message_typing_state" => Message {
            kind: Kind::Typing,
            from_business: is_community(object),
            ..other(known, &word, object)
        },
        "message_reaction_event" => Message {
            kind: Kind::Reaction,
            emoji: object.text("reaction_id"),
            ..other(known, &word, object)
        },
        "message_read" => match was_read(&known, object) {
            Some(status) => return Event::Status(status),
            None => other(known, &word, object),
        },
        word => other(known, word, object),
    };
    if message.key.is_none() && message.id.is_none() {
        // The secret beside it is not always the same.
        let content = object.value().map(ToString::to_string).unwrap_or_default();
        message.key = Some(format!("{word}:{}", hex(&Sha256::digest(content))));
    }
    Event::Message(message)
}

/// A person, or another community.
fn address(id: &str) -> Option<Address> {
    (id != "0").then(|| Address::user(id))
}

fn is_community(object: Json<'_>) -> bool {
    object.text("from_id").is_some_and(|id| id.starts_with('-'))
}

/// An event of which only the person is known.
fn other(known: Message, word: &str, object: Json<'_>) -> Message {
    let person = object.first_text(&["user_id", "from_id", "reacted_id"]);
    Message {
        sender: person.and_then(|id| address(&id)).map(Into::into),
        conversation: object.text("peer_id"),
        provider_type: event::text(word),
        metadata: object.kept(),
        ..known
    }
}

/// A callback button. It wants an answer of its own, by its id, within a minute.
fn pressed(known: Message, object: Json<'_>) -> Message {
    let payload = object.at("payload");
    let payload = payload.str().map(str::to_owned).or_else(|| Some(payload.value()?.to_string()));
    Message {
        kind: Kind::Postback,
        id: object.text("event_id"),
        sender: object.text("user_id").and_then(|id| address(&id)).map(Into::into),
        conversation: object.text("peer_id"),
        payload: payload.and_then(event::text),
        metadata: object.pick(&["conversation_message_id"]),
        ..known
    }
}

/// The last message of ours that somebody has read.
fn was_read(known: &Message, object: Json<'_>) -> Option<Status> {
    let id = object.text("read_message_id").filter(|id| id != "0")?;
    Some(Status {
        recipient: object.text("from_id").and_then(|id| address(&id)),
        sender: known.recipient.as_ref().map(|ours| Address::user(ours.value.as_str())),
        ..Status::new(id, DeliveryStatus::Read)
    })
}
