//! KakaoTalk, as the skill server of a chatbot (Kakao i Open Builder).
//!
//! Wire format: <https://kakaobusiness.gitbook.io/main/tool/chatbot/skill_guide/answer_json_format>
//!
//! - A block of the bot calls us with what a person said. Nothing is signed: the proof is a token in
//!   the address, Basic credentials in a header of the skill, or both.
//! - There is no id, no time and no repetition, so the same words said again are the same bytes: only
//!   what comes within a moment is taken for a repeat.
//! - The answer is due within five seconds and is what the bot says. Ours brings data and no bubble,
//!   so that the bot says what its block is set up to say.
//! - The bot's id for a person is another one for every bot, `plusfriendUserKey` for every channel.
//! - Pictures are addresses, as the whole of what was said, or in a parameter of the picture plug-in.
//! - With `callbackUrl`, one answer may follow within a minute; it is kept beside the message.
//! - Consultation talk, where agents answer, is only to be had from Kakao's dealers, in their dialects.
//!
//! Unconfirmed: which headers the console offers, and the form in which pictures come.

use serde_json::{Value, json};

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, Event, Field, Handshake, Kind,
    Malformed, Medium, Message, Parsed, Recorded, Request, Sample, Sender, Verified, event,
    json::{self as read, Json},
    verify::Endpoint,
};

/// KakaoTalk.
pub const ADAPTER: Adapter = Adapter {
    provider: "kakaotalk",
    aliases: &["kakao"],
    title: "KakaoTalk chatbot (skill server)",
    receives: "what people say to a bot, pictures, data of buttons",
    medium: Medium::Kakaotalk,
    account: &[
        Field {
            name: BOT_ID,
            secret: false,
            required: false,
            help: "the id of the bot: Chatbot Admin Center, Settings",
        },
        Field {
            name: "token",
            secret: true,
            required: false,
            help: "at least 22 random letters and digits, which end the address you give to the \
                   skill",
        },
        Field {
            name: "username",
            secret: false,
            required: false,
            help: "a user name of your own choice, if the skill sends an Authorization header",
        },
        Field {
            name: "password",
            secret: true,
            required: false,
            help: "the password that goes with it",
        },
    ],
    verifier: &Endpoint { token: "token", credentials: &[("username", "password")], main: "token" },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

const BOT_ID: &str = "bot_id";

/// Longer than a request takes, shorter than it takes to say the same again.
const REPEATS_WITHIN_MILLIS: u32 = 1000;

/// Where Kakao keeps what people send.
const MEDIA_HOSTS: &[&str] = &["kakaocdn.net", "talk.kakao.com", "kakao.com"];

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    Ok(vec![Event::Message(message(Json::from(&body)))].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::constant(200, "application/json", r#"{"version":"2.0","data":{}}"#)
}

fn sample(sample: &Sample<'_>) -> Request {
    let user = sample.from.unwrap_or("4ad1f0000000000000000002");
    sample.json(&json!({
        "bot": {"id": sample.account.get(BOT_ID).unwrap_or(sample.address), "name": "Help"},
        "intent": {"id": "b1", "name": "Fallback"},
        "action": {"id": "a1", "name": "relay", "params": {"sample": sample.id}},
        "userRequest": {
            "timezone": "Asia/Seoul",
            "utterance": sample.text,
            "lang": "ko",
            "block": {"id": "b1", "name": "Fallback"},
            "user": {
                "id": user,
                "type": "botUserKey",
                "properties": {"botUserKey": user},
            },
        },
        "contexts": [],
    }))
}

fn message(body: Json<'_>) -> Message {
    let asked = body.at("userRequest");
    let bot = body.at("bot").text("id");
    let said = asked.text("utterance");
    let picture = said.as_deref().is_some_and(is_media);
    let mut attachments: Vec<_> = said.iter().filter(|_| picture).map(|url| media(url)).collect();
    attachments.extend(from_plugin(body.at("action").at("params")));
    let mut metadata = asked.pick(&["block", "callbackUrl", "timezone"]).unwrap_or_default();
    metadata.extend(body.pick(&["intent"]).unwrap_or_default());
    let extra = body.at("action").at("clientExtra").kept();
    Message {
        kind: if asked.value().is_some() { Kind::Message } else { Kind::Other },
        sender: sender(asked.at("user"), bot.as_deref()),
        recipient: bot.map(|bot| Address::user(bot).into()),
        text: said.filter(|_| !picture),
        language: asked.text("lang").map(|lang| if lang == "kr" { "ko".to_owned() } else { lang }),
        payload: extra.and_then(|extra| event::text(Value::from(extra).to_string())),
        attachments,
        metadata: (!metadata.is_empty()).then_some(metadata),
        repeats_within: Some(REPEATS_WITHIN_MILLIS),
        ..Message::default()
    }
}

fn sender(user: Json<'_>, bot: Option<&str>) -> Option<Sender> {
    let properties = user.at("properties");
    let id = user.text("id").or_else(|| properties.text("botUserKey"))?;
    let address = match bot {
        Some(bot) => Address::scoped_user(id, bot),
        None => Address::user(id),
    };
    let known = [
        (properties.first_text(&["plusfriendUserKey", "plusfriend_user_key"]), "plusfriend"),
        (properties.text("appUserId"), "app"),
    ];
    let alternates =
        known.into_iter().filter_map(|(id, scope)| Some(Address::scoped_user(id?, scope)));
    Some(Sender { alternates: alternates.collect(), ..address.into() })
}

fn is_media(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let is_kakaos = |known: &str| {
        host.strip_suffix(known).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    !text.contains(char::is_whitespace)
        && MEDIA_HOSTS.iter().any(|known| is_kakaos(known))
        && AttachmentKind::from_url(text) != AttachmentKind::File
}

fn media(url: &str) -> Attachment {
    Attachment { url: Some(url.to_owned()), ..Attachment::new(AttachmentKind::from_url(url)) }
}

/// The pictures of the plug-in for them: JSON as text, in which a list is written `List(a, b)`.
fn from_plugin(params: Json<'_>) -> Vec<Attachment> {
    let members = params.value().and_then(Value::as_object);
    let texts = members.into_iter().flat_map(|members| members.values()).filter_map(Value::as_str);
    let mut pictures = Vec::new();
    for text in texts.filter(|text| text.contains("secureUrls")) {
        let Ok(plugin) = serde_json::from_str::<Value>(text) else { continue };
        let urls = Json::from(&plugin).text("secureUrls").unwrap_or_default();
        let list = urls.strip_prefix("List(").and_then(|urls| urls.strip_suffix(')'));
        let urls = list.unwrap_or(&urls).split(',').map(str::trim);
        pictures.extend(urls.filter(|url| url.starts_with("http")).map(|url| Attachment {
            url: Some(url.to_owned()),
            ..Attachment::new(AttachmentKind::Image)
        }));
    }
    pictures
}
