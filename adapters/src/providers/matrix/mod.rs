//! Matrix: transactions of an application service.
//!
//! Wire format: <https://spec.matrix.org/latest/application-service-api/>,
//! <https://spec.matrix.org/latest/client-server-api/#instant-messaging>
//!
//! - A homeserver PUTs events in transactions and repeats one, with everything behind it waiting,
//!   until it hears 200: nothing in a transaction makes us fail. Events are known by `event_id`.
//! - It also asks whether users and rooms of our namespace exist (they do not, unless they are
//!   registered) and pings.
//! - Ids of users hold their server and are the same everywhere.
//! - An edit brings the new content whole. A reply may quote what it answers; the quote is left out.
//!   In a thread every message replies to some other, for clients without threads.
//! - `m.notice` is what bots say: our own side, as are the users the account names.
//! - Media have an `mxc:` address, to be fetched with the application service's own token; those of
//!   encrypted rooms come with their key. Encrypted events cannot be read at all.
//! - Times are the sender's server's own.
//!
//! Unconfirmed: how servers that send ephemeral events under an unstable name shape them; they are
//! read alike.

mod content;

use serde_json::{Value, json};

use crate::{
    Account, Adapter, Address, Answer, DeliveryStatus, Event, Field, Handshake, Kind, Malformed,
    Medium, Message, Method, Parsed, Recipient, Recorded, Request, Sample, Timestamp, Verified,
    event::Report,
    json::{self as read, Json},
    verify::Matrix,
};

/// Matrix.
pub const ADAPTER: Adapter = Adapter {
    provider: "matrix",
    aliases: &["matrix-appservice"],
    title: "Matrix application service",
    receives: "messages, media, edits, replies, reactions, redactions, read receipts",
    medium: Medium::Matrix,
    account: &[
        Field {
            name: "hs_token",
            secret: true,
            required: true,
            help: "the hs_token of the registration file",
        },
        Field {
            name: "user_id",
            secret: false,
            required: false,
            help: "our own user, such as @desk:example.org, whose messages are our own side's",
        },
        Field {
            name: "user_prefix",
            secret: false,
            required: false,
            help: "how the users of our namespace begin, such as @_desk_; theirs are our own \
                   side's as well",
        },
    ],
    verifier: &Matrix { secret: "hs_token" },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

const UNDERSTOOD: Answer = Answer::constant(200, "application/json", "{}");
const NOT_FOUND: Answer =
    Answer::constant(404, "application/json", r#"{"errcode":"FRONTDESK_NOT_FOUND"}"#);

/// What a receipt or a typing notice may tell of at once.
const MAX_USERS: usize = 1_000;

fn parse(request: &Request<Verified>, account: &Account) -> Result<Parsed, Malformed> {
    if request.method == Method::Get {
        return Ok(Parsed { answer: Some(NOT_FOUND), ..Parsed::default() });
    }
    let body = read::object(request)?;
    let transaction = Json::from(&body);
    let ours = Ours { user: account.get("user_id"), prefix: account.get("user_prefix") };
    let mut events: Vec<_> = transaction
        .at("events")
        .items()
        .map(|event| Event::Message(content::event(event, &ours)))
        .collect();
    for name in ["ephemeral", "de.sorunome.msc2409.ephemeral"] {
        for event in transaction.at(name).items() {
            ephemeral(&mut events, event, &ours);
        }
    }
    Ok(events.into())
}

/// The same for what we cannot read: the homeserver would send nothing else anymore.
fn acknowledge(recorded: Recorded<'_>) -> Answer {
    recorded.wanted().unwrap_or(UNDERSTOOD)
}

fn sample(sample: &Sample<'_>) -> Request {
    let mut request = sample.json(&json!({
        "events": [{
            "type": "m.room.message",
            "event_id": format!("${}", sample.id),
            "room_id": "!fictional:example.org",
            "sender": sample.from.unwrap_or("@mara:example.org"),
            "origin_server_ts": sample.now.as_millis(),
            "content": {"msgtype": "m.text", "body": sample.text},
        }],
    }));
    request.method = Method::Put;
    request.url = format!("{}/_matrix/app/v1/transactions/{}", sample.url, sample.id);
    request
}

/// Our own users.
struct Ours<'a> {
    user: Option<&'a str>,
    prefix: Option<&'a str>,
}

impl Ours<'_> {
    fn has(&self, sender: &str) -> bool {
        self.user == Some(sender) || self.prefix.is_some_and(|prefix| sender.starts_with(prefix))
    }

    fn recipient(&self) -> Option<Recipient> {
        self.user.map(|user| Address::user(user).into())
    }
}

fn ephemeral(events: &mut Vec<Event>, event: Json<'_>, ours: &Ours<'_>) {
    let word = event.text("type").unwrap_or_default();
    let content = event.at("content");
    match word.as_str() {
        "m.typing" => {
            let typing = content.at("user_ids").items().filter_map(Json::str).take(MAX_USERS);
            events.extend(typing.filter(|user| !ours.has(user)).map(|user| {
                Event::Message(Message {
                    kind: Kind::Typing,
                    sender: Some(Address::user(user).into()),
                    recipient: ours.recipient(),
                    conversation: event.text("room_id"),
                    ..Message::default()
                })
            }));
        }
        "m.receipt" => receipts(events, content, ours),
        _ => events.push(Event::Message(Message {
            sender: event.text("sender").map(|sender| Address::user(sender).into()),
            conversation: event.text("room_id"),
            metadata: content.kept(),
            ..Message::other(word)
        })),
    }
}

/// Who has read up to which event.
fn receipts(events: &mut Vec<Event>, content: Json<'_>, ours: &Ours<'_>) {
    for (id, receipt) in members(content) {
        for (user, receipt) in members(receipt.at("m.read")).take(MAX_USERS) {
            if ours.has(user) {
                continue;
            }
            let report = Report {
                id: Some(id.to_owned()),
                at: receipt
                    .number("ts")
                    .and_then(|millis| Timestamp::parse(&format!("{millis:013.0}"))),
                recipient: Some(Address::user(user)),
                sender: ours.user.map(Address::user),
                ..Report::default()
            };
            events.push(report.event("m.read", Some(DeliveryStatus::Read)));
        }
    }
}

fn members(object: Json<'_>) -> impl Iterator<Item = (&str, Json<'_>)> {
    let members = object.value().and_then(Value::as_object).into_iter().flatten();
    members.map(|(name, value)| (name.as_str(), Json::from(value)))
}
