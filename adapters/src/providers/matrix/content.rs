//! One event of a room.

use super::Ours;
use crate::{Address, Attachment, AttachmentKind, Kind, Message, Timestamp, event, json::Json};

/// Translates an event. State is recorded as something else.
pub(super) fn event(event: Json<'_>, ours: &Ours<'_>) -> Message {
    let word = event.text("type").unwrap_or_default();
    let content = event.at("content");
    let sender = event.text("sender");
    let mut message = Message {
        id: event.text("event_id"),
        from_business: sender.as_deref().is_some_and(|sender| ours.has(sender)),
        sender: sender.map(|sender| Address::user(sender).into()),
        recipient: ours.recipient(),
        conversation: event.text("room_id"),
        sent_at: event
            .at("origin_server_ts")
            .value()
            .and_then(serde_json::Value::as_i64)
            .and_then(Timestamp::from_millis),
        ..Message::other(word.as_str())
    };
    let is_state = event.at("state_key").value().is_some();
    match word.as_str() {
        "m.room.message" | "m.sticker" if !is_state => said(&mut message, &word, content),
        "m.reaction" => reacted(&mut message, content),
        "m.room.redaction" => {
            let target = event.text("redacts").or_else(|| content.text("redacts"));
            message.metadata = content.pick(&["reason"]);
            becomes(&mut message, Kind::MessageDeleted, target);
        }
        _ => message.metadata = content.kept(),
    }
    message
}

/// Turns it into something that happened to another event, if that one is named.
fn becomes(message: &mut Message, kind: Kind, target: Option<String>) {
    if target.is_some() {
        message.kind = kind;
        message.provider_type = None;
        message.target = target;
    }
}

fn reacted(message: &mut Message, content: Json<'_>) {
    let relation = content.at("m.relates_to");
    message.emoji = relation.text("key");
    becomes(message, Kind::Reaction, relation.text("event_id"));
    message.reply_to.clone_from(&message.target);
}

fn said(message: &mut Message, word: &str, content: Json<'_>) {
    let relation = content.at("m.relates_to");
    let answered = relation.at("m.in_reply_to").text("event_id");
    let edits = relation.at("rel_type").str() == Some("m.replace");
    let new = content.at("m.new_content");
    let content = if edits && new.value().is_some() { new } else { content };
    let kind =
        if word == "m.sticker" { "m.sticker" } else { content.at("msgtype").str().unwrap_or("") };
    let body = content.text("body");
    match kind {
        "m.text" | "m.notice" | "m.emote" => {
            message.text = match answered {
                Some(_) => body.and_then(|body| event::text(unquoted(&body))),
                None => body,
            };
        }
        "m.image" | "m.file" | "m.audio" | "m.video" | "m.sticker" => {
            message.attachments.extend(file(kind, content));
            // Beside a file name, the body is what the sender says about the file.
            message.text = content.text("filename").and(body.clone());
            message.text =
                message.text.take().filter(|body| content.text("filename").as_ref() != Some(body));
        }
        "m.location" => message.attachments.push(place(content)),
        _ => {
            message.provider_type = event::text(format!("{word}/{kind}"));
            message.metadata = content.kept();
            return;
        }
    }
    message.kind = Kind::Message;
    message.provider_type = None;
    message.from_business |= kind == "m.notice";
    if edits {
        becomes(message, Kind::MessageEdited, relation.text("event_id"));
        return;
    }
    let in_thread = relation.at("rel_type").str() == Some("m.thread");
    let thread = relation.text("event_id").filter(|_| in_thread);
    let falls_back = relation.at("is_falling_back").bool();
    message.reply_to =
        if in_thread && falls_back { thread.clone() } else { answered.or(thread.clone()) };
    if let Some(thread) = thread {
        let thread = ("thread".to_owned(), thread.into());
        message.metadata = Some([thread].into_iter().collect());
    }
}

/// The body of a reply without the quoted lines above it.
fn unquoted(body: &str) -> &str {
    if !body.starts_with("> ") {
        return body;
    }
    let mut rest = body;
    while rest.starts_with('>') {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    rest.strip_prefix('\n').unwrap_or(rest)
}

fn file(word: &str, content: Json<'_>) -> Option<Attachment> {
    let encrypted = content.at("file");
    let info = content.at("info");
    let is_voice = content.at("org.matrix.msc3245.voice").value().is_some();
    let kind = match word {
        "m.image" => AttachmentKind::Image,
        "m.audio" if is_voice => AttachmentKind::Voice,
        "m.audio" => AttachmentKind::Audio,
        "m.video" => AttachmentKind::Video,
        "m.sticker" => AttachmentKind::Sticker,
        _ => AttachmentKind::File,
    };
    let mut metadata = info.pick(&["size", "duration"]);
    if let Some(key) = content.pick(&["file"]) {
        metadata.get_or_insert_default().extend(key);
    }
    Some(Attachment {
        url: Some(content.text("url").or_else(|| encrypted.text("url"))?),
        content_type: info.text("mimetype"),
        filename: content.first_text(&["filename", "body"]),
        metadata,
        ..Attachment::new(kind)
    })
}

/// `geo:51.5008,0.1247;u=35`
fn place(content: Json<'_>) -> Attachment {
    let uri = content.at("geo_uri").str().unwrap_or_default();
    let point = uri.strip_prefix("geo:").unwrap_or_default().split(';').next().unwrap_or_default();
    let mut numbers = point.split(',').map(|number| number.trim().parse::<f64>().ok());
    let mut number = || numbers.next().flatten().filter(|number| number.is_finite());
    Attachment {
        latitude: number(),
        longitude: number(),
        name: content.text("body"),
        ..Attachment::new(AttachmentKind::Location)
    }
}
