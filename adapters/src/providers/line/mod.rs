//! LINE Messaging API.
//!
//! Wire format: <https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects>
//!
//! - Several events come in one request, also of several people; the console's "Verify" button sends
//!   none at all. `destination` is the bot.
//! - `webhookEventId` survives redelivery, which is off by default; `replyToken` does not always.
//! - A user id is the same in all channels of a provider (the company in the console), and another
//!   one elsewhere. In groups it may be missing. Names take a call of the profile API.
//! - Media are fetched by the message's id, unless an app sent them from an address of its own. They
//!   go away after a time that is not told. Pictures of an album are messages of their own.
//! - A follow after a block says so. Either way somebody wants to hear from us; who blocks does not.
//! - In standby, another module of the account holds the chat and answers.
//! - An empty 200 within two seconds; long failure suspends delivery.
//!
//! Unconfirmed: how often is redelivered, and how long content can be fetched.

mod content;

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, Event, Field, Handshake, Kind, Malformed, Medium, Message,
    Parsed, Recorded, Request, Sample, Timestamp, Verified,
    json::{self as read, Json},
    verify::{BodyHmac, Encoding},
};

/// LINE.
pub const ADAPTER: Adapter = Adapter {
    provider: "line",
    aliases: &[],
    title: "LINE Messaging API",
    receives: "messages, media, stickers, edits, unsends, postbacks, follows, groups",
    medium: Medium::Line,
    account: &[
        Field {
            name: BOT_USER_ID,
            secret: false,
            required: false,
            help: "the bot's user id (U and 32 digits): Developers Console, Basic settings",
        },
        Field {
            name: "channel_secret",
            secret: true,
            required: true,
            help: "the channel secret: Developers Console, Basic settings",
        },
    ],
    verifier: &BodyHmac {
        header: "x-line-signature",
        prefix: "",
        encoding: Encoding::Base64,
        secret: "channel_secret",
        also_escaped: false,
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

const BOT_USER_ID: &str = "bot_user_id";

/// Within what a user id is unique. It never is anybody else's, whichever the provider.
const SCOPE: &str = "line";

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    let body = Json::from(&body);
    let ours = body.text("destination");
    let events = body.at("events").items().map(|item| Event::Message(event(item, ours.as_deref())));
    Ok(events.collect::<Vec<_>>().into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let user = sample.from.unwrap_or("Ub1a2c3d4e5f60718293a4b5c6d7e0002");
    sample.json(&json!({
        "destination": sample.account.get(BOT_USER_ID).unwrap_or(sample.address),
        "events": [{
            "type": "message",
            "mode": "active",
            "timestamp": sample.now.as_millis(),
            "source": {"type": "user", "userId": user},
            "webhookEventId": sample.id,
            "deliveryContext": {"isRedelivery": false},
            "replyToken": sample.id,
            "message": {"id": sample.id, "type": "text", "quoteToken": "q", "text": sample.text},
        }],
    }))
}

fn event(item: Json<'_>, ours: Option<&str>) -> Message {
    let word = item.text("type").unwrap_or_else(|| "event".to_owned());
    let source = item.at("source");
    let user = source.text("userId");
    let conversation = source.first_text(&["groupId", "roomId", "userId"]);
    let at = item.text("timestamp");
    let mut event = Message {
        sender: user.map(|id| Address::scoped_user(id, SCOPE).into()),
        recipient: ours.map(|ours| Address::user(ours).into()),
        sent_at: at.as_ref().and_then(|at| Timestamp::from_millis(at.parse().ok()?)),
        key: item.text("webhookEventId").map(|id| format!("event:{id}")),
        conversation,
        ..Message::default()
    };
    let message = item.at("message");
    let mut details = match word.as_str() {
        "message" if message.value().is_some() => {
            event.kind = Kind::Message;
            event.id = message.text("id");
            content::say(&mut event, message)
        }
        "messageEdited" => {
            event.kind = Kind::MessageEdited;
            event.target = message.text("id");
            content::say(&mut event, message)
        }
        "unsend" => {
            event.kind = Kind::MessageDeleted;
            event.target = item.at("unsend").text("messageId");
            None
        }
        "postback" => {
            event.kind = Kind::Postback;
            event.payload = item.at("postback").text("data");
            item.at("postback").pick(&["params"])
        }
        word => {
            event.kind = match word {
                "follow" => Kind::OptIn,
                "unfollow" => Kind::OptOut,
                _ => Kind::Other,
            };
            event.provider_type = Message::other(word).provider_type;
            content::rest(item)
        }
    }
    .unwrap_or_default();
    if item.at("mode").str() == Some("standby") {
        details.insert("mode".to_owned(), "standby".into());
    }
    details.extend(item.pick(&["replyToken"]).unwrap_or_default());
    event.metadata = (!details.is_empty()).then_some(details);
    // Before events had ids, and where there is no message to tell by.
    if event.key.is_none() && event.id.is_none() {
        let source = event.conversation.as_deref().unwrap_or_default();
        event.key = at.map(|at| format!("{word}:{source}:{at}"));
    }
    event
}
