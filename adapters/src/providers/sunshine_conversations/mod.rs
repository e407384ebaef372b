//! Sunshine Conversations (Smooch), webhooks of version 2.
//!
//! Wire format: <https://docs.smooch.io/rest/#tag/Webhooks>
//!
//! - Several events a request, each with an id that survives repeats.
//! - The webhook's secret is sent as it is: it proves who sends, not what.
//! - The service joins a person's channels under one user id, within the app. `source.type` says
//!   which channel a message came by, and becomes the medium.
//! - What the business says arrives as well (`author.type` is `business`).
//! - `delivery:channel` says that a channel has taken a message, `delivery:user` that it arrived.
//! - With private attachments, `mediaUrl` needs the credentials of the API.
//!
//! Unconfirmed: how long an answer may take (20 seconds) and how often a request is repeated
//! (five times).

mod content;

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, DeliveryError, DeliveryStatus, Event, Field, Handshake,
    Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample, Status, Verified,
    event::Report,
    json::{self as read, Json},
    verify::SharedSecret,
};

/// Sunshine Conversations.
pub const ADAPTER: Adapter = Adapter {
    provider: "sunshine-conversations",
    aliases: &["smooch"],
    title: "Sunshine Conversations (Zendesk)",
    receives: "messages of every channel, postbacks, statuses, typing, conversation events",
    medium: Medium::Chat,
    account: &[Field {
        name: "webhook_secret",
        secret: true,
        required: true,
        help: "the secret of the webhook, shown when it is created",
    }],
    verifier: &SharedSecret { header: "x-api-key", secret: "webhook_secret", in_body: None },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    let body = Json::from(&body);
    let app = body.at("app").text("id");
    let events: Vec<_> =
        body.at("events").items().map(|item| event(item, app.as_deref())).collect();
    Ok(events.into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let now = sample.now.to_string();
    sample.json(&json!({
        "app": {"id": sample.address},
        "webhook": {"id": "fictional", "version": "v2"},
        "events": [{
            "id": sample.id,
            "createdAt": now,
            "type": "conversation:message",
            "payload": {
                "conversation": {"id": "fictional", "type": "personal"},
                "message": {
                    "id": sample.id,
                    "received": now,
                    "author": {
                        "type": "user",
                        "userId": sample.from.unwrap_or("fictional-user"),
                        "displayName": "Mara",
                    },
                    "content": {"type": "text", "text": sample.text},
                    "source": {"type": "web"},
                },
            },
        }],
    }))
}

fn event(item: Json<'_>, app: Option<&str>) -> Event {
    let word = item.text("type").unwrap_or_default();
    let payload = item.at("payload");
    let common = Message {
        key: item.text("id").map(|id| format!("event:{id}")),
        recipient: app.map(|app| Address::user(app).into()),
        conversation: payload.at("conversation").text("id"),
        sent_at: item.time("createdAt"),
        ..Message::other(word.as_str())
    };
    let (name, way) = word.split_once(":delivery:").unwrap_or((&word, ""));
    Event::Message(match (name, way) {
        ("conversation:message", "") => content::message(common, payload, app),
        ("conversation:message", _) => return delivery(common, payload, app, way),
        ("conversation:postback", _) => content::postback(common, payload, app),
        ("conversation:read", _) => return seen(common, payload.at("activity"), app),
        ("conversation:create", _) => {
            about(Kind::ConversationStarted, common, payload, payload.at("user"), app)
        }
        ("conversation:typing", _) => {
            let activity = payload.at("activity");
            about(Kind::Typing, common, activity, activity.at("author"), app)
        }
        _ => {
            let user = if payload.at("user").value().is_some() {
                payload.at("user")
            } else {
                payload.at("activity").at("author")
            };
            Message { metadata: payload.kept(), ..about(Kind::Other, common, payload, user, app) }
        }
    })
}

/// Something that is about a person, and says nothing.
fn about(
    kind: Kind,
    common: Message,
    holder: Json<'_>,
    user: Json<'_>,
    app: Option<&str>,
) -> Message {
    Message {
        kind,
        provider_type: common.provider_type.clone().filter(|_| kind == Kind::Other),
        sender: content::person(user, app),
        from_business: user.at("type").str() == Some("business"),
        medium: content::medium(holder.at("source")),
        ..common
    }
}

/// A person has read all that is there. What the business has read changes nothing.
fn seen(common: Message, activity: Json<'_>, app: Option<&str>) -> Event {
    let author = activity.at("author");
    let reader = content::person(author, app).map(|person| person.address);
    match (reader, common.sent_at) {
        (Some(reader), Some(time)) if author.at("type").str() != Some("business") => {
            Event::Status(Status {
                at: Some(time),
                recipient: Some(reader),
                sender: app.map(Address::user),
                ..Status::up_to(time, DeliveryStatus::Read)
            })
        }
        _ => Event::Message(about(Kind::Other, common, activity, author, app)),
    }
}

fn delivery(common: Message, payload: Json<'_>, app: Option<&str>, way: &str) -> Event {
    let error = payload.at("error");
    let meaning = match way {
        "channel" => Some(DeliveryStatus::Sent),
        "user" => Some(DeliveryStatus::Delivered),
        "failure" => Some(DeliveryStatus::Failed),
        _ => None,
    };
    let report = Report {
        id: payload.at("message").text("id"),
        at: common.sent_at,
        recipient: content::person(payload.at("user"), app).map(|person| person.address),
        sender: app.map(Address::user),
        error: DeliveryError::of(
            error.text("code"),
            error.at("underlyingError").text("message").or_else(|| error.text("message")),
        ),
        medium: content::medium(payload.at("destination")),
    };
    report.event(&format!("delivery:{way}"), meaning)
}
