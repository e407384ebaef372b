//! Rocket.Chat: the webhook of its Omnichannel live chat.
//!
//! Wire format: <https://docs.rocket.chat/docs/webhooks>
//!
//! - The secret is sent as it is, in a header that is empty when none is configured.
//! - Every request is about one room. Session events bring its whole history: messages are known by
//!   their `_id`, and one that was told before is a repeat.
//! - What agents say arrives as well: `agentId`, or another author than the visitor, tells.
//! - A visitor's `token` lets its holder speak for the visitor: it is kept neither with an event nor
//!   in the archived request.
//! - Only 200 counts; anything else is repeated ten times, ten seconds apart.
//! - Files need a user's `X-Auth-Token` and `X-User-Id` unless files are public there.
//!
//! Unconfirmed: system messages among the messages (`t`), recorded as something else. Outgoing
//! integrations of ordinary channels put their secret into the body, and are not understood.

use std::cell::LazyCell;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, Event, Field, Handshake, Kind,
    Malformed, Medium, Message, Parsed, Recorded, Request, Sample, Sender, Verified,
    json::{self as read, Json},
    verify::{SharedSecret, hex},
};

/// Rocket.Chat.
pub const ADAPTER: Adapter = Adapter {
    provider: "rocketchat",
    aliases: &["rocket-chat", "rocket.chat"],
    title: "Rocket.Chat Omnichannel",
    receives: "messages, files and offline messages of live chat, session events",
    medium: Medium::Chat,
    account: &[Field {
        name: "secret_token",
        secret: true,
        required: true,
        help: "the Secret Token you entered under Omnichannel, Webhooks",
    }],
    verifier: &SharedSecret {
        header: "x-rocketchat-livechat-token",
        secret: "secret_token",
        in_body: Some(TOKEN),
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

/// Whoever knows it speaks for the visitor.
const TOKEN: &str = "token";

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    let room = Json::from(&body);
    let word = room.text("type").unwrap_or_default();
    let mut events = Vec::new();
    match word.as_str() {
        "Message" => {}
        "LivechatOfflineMessage" => events.push(offline(room)),
        _ => events.push(session(room, &word)),
    }
    events.extend(room.at("messages").items().map(|said| message(room, said)));
    if events.is_empty() {
        events.push(session(room, &word));
    }
    let known_by = LazyCell::new(|| {
        let mut body = request.body.clone();
        // The archived request, sent again, is the same one.
        ADAPTER.verifier.redact(&mut body);
        hex(&Sha256::digest(body))
    });
    for (place, event) in events.iter_mut().enumerate() {
        if event.id.is_none() && event.key.is_none() {
            event.key = Some(format!("request:{}:{place}", *known_by));
        }
    }
    Ok(events.into_iter().map(Event::Message).collect::<Vec<_>>().into())
}

/// Nothing but 200 will do.
fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let id = sample.from.unwrap_or("fictional-visitor");
    sample.json(&json!({
        "_id": "fictional-room",
        "label": "Mara",
        "type": "Message",
        "createdAt": sample.now.to_string(),
        "visitor": {"_id": id, "name": "Mara", "username": "guest-1", "email": null, "phone": null},
        "messages": [{
            "_id": sample.id,
            "u": {"_id": id, "username": "guest-1", "name": "Mara"},
            "username": "guest-1",
            "msg": sample.text,
            "ts": sample.now.to_string(),
        }],
    }))
}

/// The visitor, with whatever addresses were left.
fn visitor(visitor: Json<'_>) -> Option<Sender> {
    let emails = visitor.at("email").items().filter_map(|email| {
        Address::email(&email.text("address").or_else(|| email.str().map(str::to_owned))?)
    });
    let phones = visitor.at("phone").items().filter_map(|phone| {
        let number = phone.text("phoneNumber").or_else(|| phone.str().map(str::to_owned))?;
        Address::telephone(&number, None).filter(|phone| phone.value.starts_with('+'))
    });
    Some(Sender {
        name: visitor.first_text(&["name", "username"]),
        alternates: phones.chain(emails).collect(),
        ..Sender::from(Address::user(visitor.text("_id")?))
    })
}

fn message(room: Json<'_>, said: Json<'_>) -> Message {
    let author = said.at("u");
    let guest = visitor(room.at("visitor"));
    let is_guest = said.at("agentId").value().is_none()
        && author
            .text("_id")
            .is_none_or(|id| guest.as_ref().is_some_and(|guest| guest.address.value == id));
    let colleague = || {
        let id = author.text("_id").or_else(|| said.text("agentId"))?;
        let name = author.first_text(&["name", "username"]);
        Some(Sender { name, ..Sender::from(Address::user(id)) })
    };
    let mut message = Message {
        id: said.text("_id"),
        sender: if is_guest { guest } else { colleague() },
        conversation: room.text("_id"),
        sent_at: said.time("ts"),
        from_business: !is_guest,
        ..Message::default()
    };
    let closing = said.at("closingMessage").bool().then(|| "closing".to_owned());
    let service = said.text("t").or(closing);
    if let Some(word) = service {
        message.provider_type = Some(word);
        return message;
    }
    let described = said.at("attachments").items().next();
    message.text =
        said.text("msg").or_else(|| described.and_then(|described| described.text("description")));
    message.attachments = file(said).into_iter().collect();
    message.reply_to = said.text("tmid");
    // An item that says nothing at all is no message.
    if message.id.is_some() && (message.text.is_some() || !message.attachments.is_empty()) {
        message.kind = Kind::Message;
    } else {
        message.metadata = said.kept().map(|mut said| {
            said.remove(TOKEN);
            said
        });
    }
    message
}

fn file(said: Json<'_>) -> Option<Attachment> {
    let upload = said.at("fileUpload");
    let content_type = upload.text("type").or_else(|| said.at("file").text("type"));
    let kind = content_type.as_deref().map(AttachmentKind::from_content_type);
    let titled = said.at("attachments").items().next();
    Some(Attachment {
        url: Some(upload.text("publicFilePath")?),
        content_type,
        filename: said.at("file").text("name").or_else(|| titled?.text("title")),
        metadata: upload.pick(&["size"]),
        ..Attachment::new(kind.unwrap_or(AttachmentKind::File))
    })
}

/// Nobody was there; whoever left word can be answered by e-mail only.
fn offline(room: Json<'_>) -> Message {
    let guest = room.at("visitor");
    let address = guest.text("email").and_then(|email| Address::email(&email));
    Message {
        kind: Kind::Message,
        sender: address.map(|address| Sender { name: guest.text("name"), ..Sender::from(address) }),
        sent_at: room.time("sentAt"),
        text: room.text("message"),
        metadata: guest.pick(&["department", "host"]),
        ..Message::default()
    }
}

fn session(room: Json<'_>, word: &str) -> Message {
    let kind = if word == "LivechatSessionStart" { Kind::ConversationStarted } else { Kind::Other };
    let id = room.text("_id");
    let when = room.first_text(&["closedAt", "lastMessageAt", "createdAt"]).unwrap_or_default();
    Message {
        kind,
        key: id.as_ref().map(|id| format!("{word}:{id}:{when}")),
        sender: visitor(room.at("visitor")),
        conversation: id,
        sent_at: room.time("closedAt").or_else(|| room.time("createdAt")),
        metadata: room.pick(&["tags", "customFields", "closedBy", "closer"]),
        ..Message::other(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_archived_does_not_let_anybody_speak_for_the_visitor() {
        let body =
            r#"{"visitor":{"_id":"v","token":"k3y"},"messages":[{"token":"k3y","msg":"Hi"}]}"#;
        let mut body = body.as_bytes().to_vec();
        ADAPTER.verifier.redact(&mut body);
        let kept = r#"{"visitor":{"_id":"v","token":null},"messages":[{"token":null,"msg":"Hi"}]}"#;
        assert_eq!(String::from_utf8_lossy(&body), kept);
    }
}
