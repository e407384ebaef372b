//! Zalo Official Account.
//!
//! Wire format: <https://developers.zalo.me/docs/official-account/webhook>
//!
//! - One event a request, named by `event_name`. Its time is text, in milliseconds.
//! - A person's id is unique within an official account, `user_id_by_app` within an application.
//! - `user_send_…` is said by a person, `anonymous_send_…` by somebody who has not followed or logged
//!   in, `oa_send_…` by our own side: in the last, sender and recipient are turned around.
//! - A business card comes as a link whose description is JSON.
//! - Deliveries and reads name one message or several, and either side as sender.
//! - Names take a call of the profile API. Media addresses expire.
//! - 200 within two seconds; repeated for up to twelve hours, after which the webhook is switched off.
//!
//! Unconfirmed: the shape of `user_seen_message`, whether the digits of the signature may stand
//! without `mac=`, and how long media stay. All forms seen are read.

use serde_json::{Value, json};

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, DeliveryStatus, Event, Field,
    Handshake, Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample, Sender,
    Timestamp, Verified,
    event::{self, Report},
    json::{self as read, Json},
    verify::Zalo,
};

/// Zalo.
pub const ADAPTER: Adapter = Adapter {
    provider: "zalo",
    aliases: &["zalo-oa"],
    title: "Zalo Official Account",
    receives: "messages, media, business cards, reactions, deliveries and reads, follows, echoes",
    medium: Medium::Zalo,
    account: &[
        Field {
            name: APP_ID,
            secret: false,
            required: true,
            help: "the id of the application: developers.zalo.me, Settings",
        },
        Field {
            name: OA_ID,
            secret: false,
            required: false,
            help: "the id of the official account; it tells our side from theirs in statuses",
        },
        Field {
            name: "oa_secret",
            secret: true,
            required: true,
            help: "the OA secret key, shown with the webhook settings of the application; not the \
                   application's own secret",
        },
    ],
    verifier: &Zalo { secret: "oa_secret", app: APP_ID },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

const APP_ID: &str = "app_id";
const OA_ID: &str = "oa_id";

fn parse(request: &Request<Verified>, account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    Ok(events(Json::from(&body), account.get(OA_ID)).into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.json(&json!({
        "app_id": sample.account.get(APP_ID),
        "user_id_by_app": "552177279717580002",
        "event_name": "user_send_text",
        "timestamp": sample.now.as_millis().to_string(),
        "sender": {"id": sample.from.unwrap_or("246845883529190002")},
        "recipient": {"id": sample.account.get(OA_ID).unwrap_or(sample.address)},
        "message": {"msg_id": sample.id, "text": sample.text},
    }))
}

fn events(body: Json<'_>, oa: Option<&str>) -> Vec<Event> {
    let word = body.text("event_name").unwrap_or_default();
    let is_said = |by: &str| word.strip_prefix(by).is_some_and(|what| !what.is_empty());
    vec![Event::Message(match word.as_str() {
        "user_received_message" => return statuses(body, oa, &word, DeliveryStatus::Delivered),
        "user_seen_message" => return statuses(body, oa, &word, DeliveryStatus::Read),
        "user_reacted_message" => reaction(known(body, "sender", "recipient"), body),
        "oa_reacted_message" => {
            Message { from_business: true, ..reaction(known(body, "recipient", "sender"), body) }
        }
        "follow" | "unfollow" => followed(body, &word),
        _ if is_said("user_send_") || is_said("anonymous_send_") => {
            said(known(body, "sender", "recipient"), body, &word)
        }
        _ if is_said("oa_send_") => {
            let known = known(body, "recipient", "sender");
            Message { from_business: true, ..said(known, body, &word) }
        }
        _ => other(body, &word),
    })]
}

/// An event of which the parties are known, and who is which of them.
fn known(body: Json<'_>, theirs: &str, ours: &str) -> Message {
    let ours = body.at(ours).text("id").or_else(|| body.text("oa_id"));
    let person = body.at(theirs).text("id").or_else(|| body.text("user_id"));
    Message {
        sender: person.map(|id| sender(body, &id, ours.as_deref())),
        recipient: ours.map(|ours| Address::user(ours).into()),
        sent_at: at(body),
        ..Message::default()
    }
}

fn at(body: Json<'_>) -> Option<Timestamp> {
    Timestamp::from_millis(body.text("timestamp")?.parse().ok()?)
}

fn person(id: &str, oa: Option<&str>) -> Address {
    match oa {
        Some(oa) => Address::scoped_user(id, oa),
        None => Address::user(id),
    }
}

fn sender(body: Json<'_>, id: &str, oa: Option<&str>) -> Sender {
    let by_app = body.text("user_id_by_app").zip(body.text("app_id"));
    let by_app = by_app.map(|(id, app)| Address::scoped_user(id, format!("app/{app}")));
    Sender { alternates: by_app.into_iter().collect(), ..person(id, oa).into() }
}

/// The key of an event without an id: no two happen to a person in the same millisecond.
fn key(body: Json<'_>, word: &str, known: &Message) -> Option<String> {
    let person = known.sender.as_ref().map_or("", |sender| &sender.address.value);
    Some(format!("{word}:{person}:{}", body.text("timestamp")?))
}

fn other(body: Json<'_>, word: &str) -> Message {
    let known = known(body, "sender", "recipient");
    Message {
        key: key(body, word, &known),
        provider_type: event::text(word),
        metadata: body.pick(&["message", "info", "data"]),
        ..known
    }
}

fn followed(body: Json<'_>, word: &str) -> Message {
    let known = known(body, "follower", "recipient");
    Message {
        kind: if word == "follow" { Kind::OptIn } else { Kind::OptOut },
        key: key(body, word, &known),
        provider_type: event::text(word),
        metadata: body.pick(&["source"]),
        ..known
    }
}

fn reaction(known: Message, body: Json<'_>) -> Message {
    let message = body.at("message");
    let target = message.text("msg_id");
    Message {
        kind: Kind::Reaction,
        key: key(body, target.as_deref().unwrap_or("reaction"), &known),
        emoji: message.text("react_icon"),
        reply_to: target.clone(),
        target,
        ..known
    }
}

fn said(known: Message, body: Json<'_>, word: &str) -> Message {
    let message = body.at("message");
    let attachments = message.at("attachments");
    let is_card = word.ends_with("_business_card");
    let id = message.text("msg_id");
    Message {
        kind: Kind::Message,
        key: if id.is_none() { key(body, word, &known) } else { None },
        id,
        text: message.text("text"),
        reply_to: message.text("quote_msg_id"),
        attachments: attachments.items().map(|item| attachment(item, is_card)).collect(),
        metadata: message.pick(&["conversation_id"]),
        ..known
    }
}

fn attachment(item: Json<'_>, is_card: bool) -> Attachment {
    let payload = item.at("payload");
    let word = item.text("type").unwrap_or_default();
    let kind = match word.as_str() {
        _ if is_card => AttachmentKind::Contact,
        "image" | "gif" => AttachmentKind::Image,
        "audio" => AttachmentKind::Audio,
        "video" => AttachmentKind::Video,
        "file" => AttachmentKind::File,
        "sticker" => AttachmentKind::Sticker,
        "location" => AttachmentKind::Location,
        _ => AttachmentKind::Other,
    };
    let description = payload.text("description").filter(|_| is_card);
    let card: Value =
        description.and_then(|card| serde_json::from_str(&card).ok()).unwrap_or_default();
    let card = Json::from(&card);
    let place = payload.at("coordinates");
    let mut details = payload.pick(&["thumbnail", "size", "checksum", "title"]).unwrap_or_default();
    if !is_card {
        details.extend(payload.pick(&["description"]).unwrap_or_default());
    }
    if kind == AttachmentKind::Other && !word.is_empty() {
        details.insert("type".to_owned(), word.into());
    }
    Attachment {
        url: payload.text("url"),
        reference: payload.text("id"),
        filename: payload.text("name").filter(|_| kind == AttachmentKind::File),
        latitude: place.number("latitude"),
        longitude: place.number("longitude"),
        name: card.first_text(&["caption", "name"]),
        phones: card.text("phone").into_iter().collect(),
        metadata: (!details.is_empty()).then_some(details),
        ..Attachment::new(kind)
    }
}

fn statuses(body: Json<'_>, oa: Option<&str>, word: &str, status: DeliveryStatus) -> Vec<Event> {
    let sides = ["sender", "recipient"].map(|side| body.at(side).text("id"));
    let [first, second] = sides;
    // Without knowing our own id: the account is named first, as the sender of the message.
    let (ours, theirs) = match second.as_deref() == oa && oa.is_some() {
        true => (second, first),
        false => (first, second),
    };
    let message = body.at("message");
    let listed = message.at("msg_ids").each().filter_map(|id| id.str().map(str::to_owned));
    let mut ids: Vec<_> = message.text("msg_id").into_iter().chain(listed).map(Some).collect();
    if ids.is_empty() {
        ids.push(None);
    }
    let report = |id| Report {
        id,
        at: at(body),
        recipient: theirs.as_deref().map(|id| person(id, ours.as_deref())),
        sender: ours.as_deref().map(Address::user),
        ..Report::default()
    };
    ids.into_iter().map(|id| report(id).event(word, Some(status))).collect()
}
