//! Microsoft Teams, and what else speaks Bot Framework (Azure Bot Service).
//!
//! Wire format: <https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference>,
//! <https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication>,
//! <https://learn.microsoft.com/microsoftteams/platform/bots/build-conversational-capability>
//!
//! - One activity a request. Its id is unique within its conversation only, and an edit or deletion
//!   has the id of what it changes.
//! - The token proves who sends and where answers go (`serviceUrl`), not what is said.
//! - `29:…` is a person to one bot; `aadObjectId` is the same person to every bot of the tenant.
//! - `text` names the bot in markup where it was mentioned, which is taken out; other mentions keep
//!   their names. The first attachment in Teams is usually the same text as HTML.
//! - Files sent to the bot can be fetched for some minutes without a token; pictures within a text
//!   need the bot's own.
//! - Installing the bot and removing it is as often an administrator's doing as the person's: neither
//!   an opt-in nor an opt-out.
//! - An `invoke` waits for a JSON answer; what a card was filled with is a postback.
//! - Any 2xx will do, within about 15 seconds; after a failure the activity may come again.
//!
//! Unconfirmed: the timeout, what Teams sends again, and whether text that says it is plain may hold
//! entities such as `&lt;` (only XML is decoded).

mod attachments;
mod text;

use serde_json::{Value, json};

use crate::{
    Account, Adapter, Address, Answer, DeliveryStatus, Event, Field, Handshake, Kind, Malformed,
    Medium, Message, Parsed, Recorded, Request, Sample, Sender, Status, Verified,
    json::{self as read, Json},
    verify::BotFramework,
};

/// Bot Framework.
pub const ADAPTER: Adapter = Adapter {
    provider: "botframework",
    aliases: &["teams", "msteams", "azure-bot"],
    title: "Microsoft Teams (Bot Framework)",
    receives: "Teams messages, files, edits, deletions, reactions, cards, read receipts; other \
               channels of a bot",
    medium: Medium::Teams,
    account: &[
        Field {
            name: "app_id",
            secret: false,
            required: true,
            help: "the bot's Microsoft App ID; Azure portal, the bot, Configuration",
        },
        Field {
            name: "cloud",
            secret: false,
            required: false,
            help: "`us_government` if the bot lives in Azure Government",
        },
        Field {
            name: "jwks",
            secret: false,
            required: false,
            help: "a key set that is used instead of fetching Microsoft's",
        },
        Field {
            name: "private_key",
            secret: true,
            required: false,
            help: "only for trying the channel: an RSA key made for that, PKCS #8 in PEM",
        },
    ],
    verifier: &BotFramework { app_id: "app_id", cloud: "cloud" },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    let activity = Json::from(&body);
    let word = activity.text("type").unwrap_or_default();
    let events = match word.as_str() {
        "message" => vec![said(activity)],
        "messageUpdate" => vec![edited(activity)],
        "messageDelete" => vec![deleted(activity)],
        "messageReaction" => reactions(activity),
        "conversationUpdate" => vec![members(activity)],
        "typing" => vec![Event::Message(Message { kind: Kind::Typing, ..base(activity) })],
        "invoke" => vec![invoked(activity)],
        "event" => vec![event(activity)],
        _ => vec![other(activity, &word, &["action", "code"])],
    };
    let answer = (word == "invoke").then(|| invoke_answer(activity));
    Ok(Parsed { answer, ..events.into() })
}

fn acknowledge(recorded: Recorded<'_>) -> Answer {
    recorded.wanted().unwrap_or_else(|| Answer::empty(200))
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.json(&json!({
        "type": "message",
        "id": sample.id,
        "timestamp": sample.now.to_string(),
        "serviceUrl": "https://smba.trafficmanager.net/emea/",
        "channelId": "msteams",
        "from": {"id": sample.from.unwrap_or("29:1FictionalPerson"), "name": "Ana Prado"},
        "recipient": {"id": sample.address},
        "conversation": {"id": "a:1FictionalConversation", "conversationType": "personal"},
        "textFormat": "plain",
        "text": sample.text,
    }))
}

/// What all activities have in common.
fn base(activity: Json<'_>) -> Message {
    let bot = activity.at("recipient").text("id");
    let from = activity.at("from");
    let is_bot =
        from.text("role").as_deref() == Some("bot") || (bot.is_some() && from.text("id") == bot);
    Message {
        sender: sender(activity),
        recipient: bot.map(|bot| Address::user(bot).into()),
        conversation: activity.at("conversation").text("id"),
        sent_at: activity.time("timestamp"),
        from_business: is_bot,
        medium: medium(activity),
        language: activity.text("locale"),
        metadata: activity.pick(&["serviceUrl", "channelId", "conversation", "channelData"]),
        ..Message::default()
    }
}

/// The person, known to this bot by one id and to the tenant by another.
fn sender(activity: Json<'_>) -> Option<Sender> {
    let from = activity.at("from");
    let id = from.text("id")?;
    let address = match activity.at("recipient").text("id") {
        Some(bot) => Address::scoped_user(id, bot),
        None => Address::user(id),
    };
    let tenant = activity.at("conversation").text("tenantId");
    let tenant = tenant.or_else(|| activity.at("channelData").at("tenant").text("id"));
    let entra = from.text("aadObjectId").map(|person| match tenant {
        Some(tenant) => Address::scoped_user(person, tenant),
        None => Address::user(person),
    });
    Some(Sender { address, name: from.text("name"), alternates: entra.into_iter().collect() })
}

/// Another of the bot's channels, where it is one of our media.
fn medium(activity: Json<'_>) -> Option<Medium> {
    match activity.at("channelId").str()? {
        "msteams" => None,
        "facebook" => Some(Medium::Messenger),
        "telegram" => Some(Medium::Telegram),
        "slack" => Some(Medium::Slack),
        "line" => Some(Medium::Line),
        "sms" => Some(Medium::Sms),
        _ => Some(Medium::Chat),
    }
}

/// An activity's id is its conversation's to give.
fn key(activity: Json<'_>, word: &str) -> Option<String> {
    let id = activity.text("id")?;
    let conversation = activity.at("conversation").text("id").unwrap_or_default();
    Some(format!("{word}:{conversation}:{id}"))
}

/// As [`key`], for what happens to the same message more than once.
fn timed_key(activity: Json<'_>, word: &str) -> Option<String> {
    let time = activity.text("timestamp").unwrap_or_default();
    key(activity, word).map(|key| format!("{key}:{time}"))
}

fn said(activity: Json<'_>) -> Event {
    let text = text::of(activity);
    let attachments = attachments::of(activity);
    let filled = activity.at("value").value().map(Value::to_string);
    let is_postback = filled.is_some() && text.is_none() && attachments.is_empty();
    Event::Message(Message {
        kind: if is_postback { Kind::Postback } else { Kind::Message },
        id: activity.text("id"),
        key: key(activity, "message"),
        text,
        reply_to: activity.text("replyToId"),
        attachments,
        payload: filled,
        ..base(activity)
    })
}

fn edited(activity: Json<'_>) -> Event {
    let word = activity.at("channelData").text("eventType");
    Event::Message(Message {
        kind: Kind::MessageEdited,
        id: activity.text("id"),
        key: timed_key(activity, "edited"),
        target: activity.text("id"),
        text: text::of(activity),
        attachments: attachments::of(activity),
        provider_type: word.filter(|word| word != "editMessage"),
        ..base(activity)
    })
}

fn deleted(activity: Json<'_>) -> Event {
    Event::Message(Message {
        kind: Kind::MessageDeleted,
        id: activity.text("id"),
        key: timed_key(activity, "deleted"),
        target: activity.text("id"),
        ..base(activity)
    })
}

/// One event for each reaction put on or taken off.
fn reactions(activity: Json<'_>) -> Vec<Event> {
    let mut events = Vec::new();
    for (list, is_added) in [("reactionsAdded", true), ("reactionsRemoved", false)] {
        for reaction in activity.at(list).items() {
            let Some(word) = reaction.text("type") else {
                events.push(other(activity, "messageReaction", &[]));
                continue;
            };
            let emoji = is_added.then_some(match word.as_str() {
                "like" => "👍",
                "heart" => "❤️",
                "laugh" => "😆",
                "surprised" => "😮",
                "sad" => "😢",
                "angry" => "😡",
                other => other,
            });
            events.push(Event::Message(Message {
                kind: Kind::Reaction,
                id: activity.text("id"),
                key: timed_key(activity, &format!("reaction:{}", events.len())),
                target: activity.text("replyToId"),
                reply_to: activity.text("replyToId"),
                emoji: emoji.map(str::to_owned),
                provider_type: Some(word),
                ..base(activity)
            }));
        }
    }
    if events.is_empty() {
        events.push(other(activity, "messageReaction", &[]));
    }
    events
}

/// Who comes and goes. The bot itself coming into a chat of two is somebody opening it.
fn members(activity: Json<'_>) -> Event {
    let bot = activity.at("recipient").text("id");
    let mut added = activity.at("membersAdded").items();
    let has_bot = bot.is_some() && added.any(|member| member.text("id") == bot);
    let is_group = activity.at("conversation").at("isGroup").value() == Some(&Value::Bool(true));
    let kind = activity.at("conversation").text("conversationType");
    let is_personal = !is_group && kind.is_none_or(|kind| kind == "personal");
    if !(has_bot && is_personal) {
        let details = ["membersAdded", "membersRemoved", "topicName"];
        return other(activity, "conversationUpdate", &details);
    }
    let base = base(activity);
    Event::Message(Message {
        kind: Kind::ConversationStarted,
        id: activity.text("id"),
        key: key(activity, "started"),
        sender: base.sender.clone().filter(|_| !base.from_business),
        from_business: false,
        ..base
    })
}

fn invoked(activity: Json<'_>) -> Event {
    let name = activity.text("name").unwrap_or_default();
    match name.as_str() {
        "adaptiveCard/action" | "actionableMessage/executeAction" => Event::Message(Message {
            kind: Kind::Postback,
            id: activity.text("id"),
            key: key(activity, "invoke"),
            payload: activity.at("value").value().map(Value::to_string),
            reply_to: activity.text("replyToId"),
            provider_type: Some(name),
            ..base(activity)
        }),
        _ => other(activity, &format!("invoke/{name}"), &["value"]),
    }
}

/// What the one who invoked is shown: nothing, in the form the invocation wants.
fn invoke_answer(activity: Json<'_>) -> Answer {
    let body = match activity.at("name").str() {
        Some("adaptiveCard/action") => {
            r#"{"statusCode":200,"type":"application/vnd.microsoft.activity.message","value":""}"#
        }
        Some(_) | None => "{}",
    };
    Answer::constant(200, "application/json", body)
}

/// An event by its name; the one we have a word for is that a person has read up to a message.
fn event(activity: Json<'_>) -> Event {
    let name = activity.text("name").unwrap_or_default();
    let read = activity.at("value").text("lastReadMessageId");
    match (name.as_str(), read) {
        ("application/vnd.microsoft.readReceipt", Some(id)) => Event::Status(Status {
            at: activity.time("timestamp"),
            recipient: sender(activity).map(|sender| sender.address),
            sender: activity.at("recipient").text("id").map(Address::user),
            ..Status::new(id, DeliveryStatus::Read)
        }),
        _ => other(activity, &format!("event/{name}"), &["value"]),
    }
}

fn other(activity: Json<'_>, word: &str, details: &[&str]) -> Event {
    let base = base(activity);
    let mut metadata = base.metadata.clone().unwrap_or_default();
    metadata.extend(activity.pick(details).unwrap_or_default());
    Event::Message(Message {
        id: activity.text("id"),
        key: timed_key(activity, word),
        metadata: (!metadata.is_empty()).then_some(metadata),
        ..Message { kind: Kind::Other, provider_type: crate::event::text(word), ..base }
    })
}
