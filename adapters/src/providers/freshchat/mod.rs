//! Freshchat (Freshworks).
//!
//! Wire format: <https://support.freshchat.com/support/solutions/articles/50000004461>,
//! <https://developers.freshchat.com/api/#webhooks>
//!
//! - One event a request, signed with RSA. The key is shown in the portal, in an armor that may
//!   misname it and without line breaks.
//! - A message is made of parts; what was said before it in a template stands in reply parts.
//! - The visitor's name is in none of them, and agents and the system speak as well: `actor_type`.
//! - Requests must be answered within three seconds.
//!
//! The public documents show few shapes. What is read here also stands in published integrations;
//! unconfirmed are retries, the fields of files other than `url`, `name` and `content_type`, and how
//! a reply refers to what it answers.

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, Event, Field, Handshake, Kind,
    Malformed, Medium, Message, Parsed, Recorded, Request, Sample, Verified, event,
    json::{self as read, Json},
    verify::Freshchat,
};

/// Freshchat.
pub const ADAPTER: Adapter = Adapter {
    provider: "freshchat",
    aliases: &[],
    title: "Freshchat (Freshworks)",
    receives: "messages, pictures, files, button presses, assignments, resolutions",
    medium: Medium::Chat,
    account: &[
        Field {
            name: "public_key",
            secret: true,
            required: true,
            help: "the public key, under Admin, Marketplace and Integrations, Conversation \
                   webhooks",
        },
        Field {
            name: "private_key",
            secret: true,
            required: false,
            help: "only for trying the channel: the private half (PKCS #8, PEM) of a key pair of \
                   your own, whose public half is added to public_key",
        },
    ],
    verifier: &Freshchat { public_key: "public_key", private_key: "private_key" },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    let body = Json::from(&body);
    let word = body.text("action").unwrap_or_default();
    let said = body.at("data").at("message");
    let message = match (word.as_str(), said.text("id")) {
        ("message_create" | "message_update", Some(id)) => message(&word, id, body, said),
        _ => happened(word, body),
    };
    Ok(vec![Event::Message(message)].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let user = sample.from.unwrap_or("fictional-user");
    sample.json(&json!({
        "actor": {"actor_type": "user", "actor_id": user},
        "action": "message_create",
        "action_time": sample.now.to_string(),
        "data": {"message": {
            "message_parts": [{"text": {"content": sample.text}}],
            "app_id": "fictional",
            "actor_id": user,
            "id": sample.id,
            "channel_id": sample.address,
            "conversation_id": "fictional",
            "message_type": "normal",
            "actor_type": "user",
            "created_time": sample.now.to_string(),
        }},
    }))
}

fn message(word: &str, id: String, body: Json<'_>, said: Json<'_>) -> Message {
    let scope = said.text("app_id");
    let actor = said.text("actor_id").or_else(|| body.at("actor").text("actor_id"));
    let actor_type = said.text("actor_type").or_else(|| body.at("actor").text("actor_type"));
    let mut message = Message {
        kind: Kind::Message,
        sender: actor.map(|actor| Address { scope, ..Address::user(actor) }.into()),
        recipient: said.text("channel_id").map(|channel| Address::user(channel).into()),
        conversation: said.text("conversation_id"),
        sent_at: said.time("created_time").or_else(|| body.time("action_time")),
        from_business: actor_type.is_some_and(|actor| actor != "user"),
        metadata: said.pick(&["message_source", "interaction_id"]),
        ..Message::default()
    };
    let mut texts = Vec::new();
    for part in said.at("message_parts").items() {
        read_part(&mut message, &mut texts, part);
    }
    message.text = event::text(texts.join("\n"));
    if said.at("message_type").str().is_some_and(|kind| matches!(kind, "private" | "system")) {
        message.kind = Kind::Other;
        message.provider_type = said.text("message_type");
    } else if message.text.is_none() && message.attachments.is_empty() {
        message.kind = if message.payload.is_some() { Kind::Postback } else { Kind::Other };
        if message.kind == Kind::Other {
            message.provider_type = event::text(word);
            message.metadata = said.kept();
        }
    }
    if word == "message_update" && message.kind == Kind::Message {
        message.kind = Kind::MessageEdited;
        let when = body.text("action_time").unwrap_or_default();
        message.key = Some(format!("{word}:{id}:{when}"));
        message.target = Some(id.clone());
    }
    message.id = Some(id);
    message
}

fn read_part(message: &mut Message, texts: &mut Vec<String>, part: Json<'_>) {
    texts.extend(part.at("text").text("content"));
    let files = [
        ("image", AttachmentKind::Image),
        ("video", AttachmentKind::Video),
        ("audio", AttachmentKind::Audio),
        ("file", AttachmentKind::File),
    ];
    for (name, kind) in files {
        let file = part.at(name);
        if let Some(url) = file.text("url") {
            let content_type = file.first_text(&["content_type", "contentType"]);
            let kind = match (kind, content_type.as_deref()) {
                (AttachmentKind::File, Some(content_type)) => {
                    AttachmentKind::from_content_type(content_type)
                }
                (kind, _) => kind,
            };
            message.attachments.push(Attachment {
                url: Some(url),
                content_type,
                filename: file.text("name"),
                ..Attachment::new(kind)
            });
        }
    }
    let button = [part.at("quick_reply_button"), part.at("url_button")];
    for button in button.into_iter().filter(|button| button.value().is_some()) {
        texts.extend(button.first_text(&["label", "custom_reply_text"]));
        message.payload = button.first_text(&["payload", "url"]);
    }
}

/// What becomes of a conversation, and anything else.
fn happened(word: String, body: Json<'_>) -> Message {
    let data = body.at("data");
    let about = ["assignment", "resolve", "reopen"].iter().map(|name| data.at(name));
    let about = about.map(|about| about.at("conversation"));
    let conversation = about
        .chain([data.at("conversation")])
        .find_map(|conversation| conversation.first_text(&["conversation_id", "id"]));
    let when = body.text("action_time").unwrap_or_default();
    Message {
        key: Some(format!("{word}:{}:{when}", conversation.as_deref().unwrap_or_default())),
        conversation,
        sent_at: body.time("action_time"),
        metadata: body.kept(),
        ..Message::other(word)
    }
}
