//! Discord: interactions and webhook events over HTTP.
//!
//! Wire format: <https://docs.discord.com/developers/interactions/receiving-and-responding>,
//! <https://docs.discord.com/developers/events/webhook-events>
//!
//! - What people simply write reaches bots over Discord's WebSocket gateway only. Over HTTP come
//!   commands, buttons, menus and forms, and a few events about the application.
//! - Discord itself sends wrong signatures to see them refused, and signs its set-up checks.
//! - An interaction must be answered within three seconds and is never repeated. Commands and forms
//!   are deferred, for somebody to follow up within 15 minutes; buttons are only acknowledged.
//! - Webhook events want 204, and are repeated for ten minutes.
//! - An id holds its time. A user's id is the same everywhere.
//! - Addresses of attachments expire after about a day.
//!
//! Unconfirmed: how long a signed time is good; five minutes is our own choice.

mod content;

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, Event, Field, Handshake, Kind, Malformed, Medium, Message,
    Parsed, Recorded, Request, Sample, Timestamp, Verified,
    json::{self as read, Json},
    verify::{Ed25519, Encoding},
};

/// Discord.
pub const ADAPTER: Adapter = Adapter {
    provider: "discord",
    aliases: &[],
    title: "Discord",
    receives: "commands, buttons, menus, forms, lobby and game messages",
    medium: Medium::Discord,
    account: &[
        Field {
            name: "public_key",
            secret: true,
            required: true,
            help: "the Public Key, under General Information of the application",
        },
        Field {
            name: "private_key",
            secret: true,
            required: false,
            help: "only for trying the channel: the private half of a key pair of your own, whose \
                   public half is added to public_key",
        },
    ],
    verifier: &Ed25519 {
        header: "x-signature-ed25519",
        timestamp: "x-signature-timestamp",
        separator: "",
        encoding: Encoding::Hex,
        tolerance_seconds: 300,
        public_key: "public_key",
        private_key: "private_key",
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

/// The answers to interactions, by what they do.
const PONG: Answer = Answer::constant(200, "application/json", r#"{"type":1}"#);
const DEFERRED: Answer = Answer::constant(200, "application/json", r#"{"type":5}"#);
const UPDATED_LATER: Answer = Answer::constant(200, "application/json", r#"{"type":6}"#);
const NO_CHOICES: Answer =
    Answer::constant(200, "application/json", r#"{"type":8,"data":{"choices":[]}}"#);

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    let body = Json::from(&body);
    let kind = body.number("type");
    // A ping of the webhook events has an application and no id; it wants what every event wants.
    if body.at("event").value().is_some() {
        return Ok(vec![Event::Message(event(body))].into());
    }
    if kind == Some(0.0) {
        return Ok(Parsed::default());
    }
    if kind == Some(1.0) {
        return Ok(Parsed { answer: Some(PONG), ..Parsed::default() });
    }
    let (message, answer) = content::interaction(body, common(body));
    Ok(Parsed { answer, ..vec![Event::Message(message)].into() })
}

fn acknowledge(recorded: Recorded<'_>) -> Answer {
    recorded.wanted().unwrap_or(Answer::empty(204))
}

fn sample(sample: &Sample<'_>) -> Request {
    let id = (sample.now.as_millis() - EPOCH_MILLIS) << 22;
    sample.json(&json!({
        "id": id.to_string(),
        "application_id": sample.address,
        "type": 2,
        "version": 1,
        "token": "fictional",
        "channel_id": "1180000000000000002",
        "user": {"id": sample.from.unwrap_or("53908232506183680"), "username": "mara"},
        "data": {
            "id": "1180000000000000003",
            "name": "support",
            "type": 1,
            "options": [{"name": "message", "type": 3, "value": sample.text}],
        },
    }))
}

/// What every interaction tells.
fn common(body: Json<'_>) -> Message {
    let member = body.at("member");
    let user =
        if member.at("user").value().is_some() { member.at("user") } else { body.at("user") };
    let id = body.text("id");
    let channel = body.text("channel_id").or_else(|| body.at("channel").text("id"));
    Message {
        key: id.as_ref().map(|id| format!("interaction:{id}")),
        sent_at: id.as_deref().and_then(time),
        id,
        sender: content::person(user, member.text("nick")),
        recipient: body.text("application_id").map(|id| Address::user(id).into()),
        conversation: channel,
        language: body.text("locale"),
        metadata: body.pick(&["guild_id"]),
        ..Message::default()
    }
}

/// Something about the application, or a message in a lobby or a game.
fn event(body: Json<'_>) -> Message {
    let event = body.at("event");
    let data = event.at("data");
    let word = event.text("type").unwrap_or_default();
    let said_at = event.time("timestamp");
    let mut message = Message {
        recipient: body.text("application_id").map(|id| Address::user(id).into()),
        sent_at: said_at,
        ..Message::other(word.as_str())
    };
    let kind = match word.as_str() {
        "LOBBY_MESSAGE_CREATE" | "GAME_DIRECT_MESSAGE_CREATE" => Kind::Message,
        "LOBBY_MESSAGE_UPDATE" | "GAME_DIRECT_MESSAGE_UPDATE" => Kind::MessageEdited,
        "LOBBY_MESSAGE_DELETE" | "GAME_DIRECT_MESSAGE_DELETE" => Kind::MessageDeleted,
        _ => {
            let user = data.at("user");
            message.sender = content::person(user, None);
            message.metadata = data.kept();
            let who = data.text("id").or_else(|| user.text("id")).unwrap_or_default();
            let when = said_at.map(Timestamp::as_millis).unwrap_or_default();
            message.key = Some(format!("{word}:{who}:{when}"));
            return message;
        }
    };
    let Some(id) = data.text("id") else {
        message.metadata = data.kept();
        return message;
    };
    message.provider_type = None;
    content::message(&mut message, data);
    message.kind = kind;
    if kind != Kind::Message {
        let when = said_at.map(Timestamp::as_millis).unwrap_or_default();
        message.key = Some(format!("{word}:{id}:{when}"));
        message.sent_at = said_at;
        message.target = Some(id);
    }
    message
}

/// The first second of 2015.
const EPOCH_MILLIS: i64 = 1_420_070_400_000;

/// The time in an id.
fn time(id: &str) -> Option<Timestamp> {
    let id: u64 = id.parse().ok()?;
    Timestamp::from_millis(i64::try_from(id >> 22).ok()?.checked_add(EPOCH_MILLIS)?)
}
