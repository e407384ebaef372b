//! What people say, in each kind of content, and who they are.

use crate::{
    Address, Attachment, AttachmentKind, Kind, Medium, Message, Sender, event, json::Json,
};

/// A user of the app; the business has none.
pub(super) fn person(user: Json<'_>, app: Option<&str>) -> Option<Sender> {
    let nested = user.at("user");
    let profile = if nested.value().is_some() { nested.at("profile") } else { user.at("profile") };
    let id = user.first_text(&["userId", "id"]).or_else(|| nested.text("id"))?;
    let names = [profile.text("givenName"), profile.text("surname")];
    let name: Vec<_> = names.into_iter().flatten().collect();
    let email = profile.text("email").and_then(|email| Address::email(&email));
    Some(Sender {
        address: Address { scope: app.map(str::to_owned), ..Address::user(id) },
        name: user.text("displayName").or_else(|| event::text(name.join(" "))),
        alternates: email.into_iter().collect(),
    })
}

/// The channel a message came by.
pub(super) fn medium(source: Json<'_>) -> Option<Medium> {
    Some(match source.at("type").str()? {
        "whatsapp" => Medium::Whatsapp,
        "messenger" => Medium::Messenger,
        "instagram" => Medium::Instagram,
        "telegram" => Medium::Telegram,
        "line" => Medium::Line,
        "viber" => Medium::Viber,
        "wechat" => Medium::Wechat,
        "kakao" => Medium::Kakaotalk,
        "apple" => Medium::AppleMessages,
        "googlercs" => Medium::Rcs,
        "twilio" | "messagebird" | "sms" | "mms" => Medium::Sms,
        _ => return None,
    })
}

pub(super) fn message(mut message: Message, payload: Json<'_>, app: Option<&str>) -> Message {
    let said = payload.at("message");
    let author = said.at("author");
    let content = said.at("content");
    let Some(id) = said.text("id") else {
        message.metadata = payload.kept();
        return message;
    };
    let source = said.at("source");
    message.sender = person(author, app);
    message.from_business = author.at("type").str() == Some("business");
    message.sent_at = said.time("received").or(message.sent_at);
    message.medium = medium(source);
    message.reply_to = said.at("quotedMessage").at("content").text("messageId");
    message.metadata = source.pick(&["type", "integrationId", "originalMessageId"]);
    if let Some(more) = said.pick(&["metadata"]) {
        message.metadata.get_or_insert_default().extend(more);
    }
    if said.at("deleted").bool() {
        message.kind = Kind::MessageDeleted;
        message.provider_type = None;
        message.target = Some(id);
        return message;
    }
    message.id = Some(id);
    if read(&mut message, content) {
        message.kind = Kind::Message;
        message.provider_type = None;
        // An event's own id survives repeats; the message's also tells it from other webhooks.
        message.key = None;
    } else {
        let word = content.text("type").unwrap_or_default();
        message.provider_type = Some(format!("conversation:message/{word}"));
        message.metadata.get_or_insert_default().extend(content.kept().unwrap_or_default());
    }
    message
}

/// Reads a content; `false` where we have no words for it.
fn read(message: &mut Message, content: Json<'_>) -> bool {
    message.text = content.first_text(&["text", "altText", "textFallback"]);
    message.payload = content.text("payload");
    match content.at("type").str() {
        Some("text" | "carousel" | "list" | "form" | "template") => {}
        Some(kind @ ("image" | "file")) => message.attachments.extend(file(kind, content)),
        Some("location") => {
            let point = content.at("coordinates");
            let place = content.at("location");
            message.attachments.push(Attachment {
                latitude: point.number("lat"),
                longitude: point.number("long"),
                name: place.text("name"),
                address: place.text("address"),
                ..Attachment::new(AttachmentKind::Location)
            });
        }
        Some("formResponse") => {
            let value = |field: Json<'_>| {
                let chosen = field.at("select").items().filter_map(|chosen| chosen.text("label"));
                let chosen = event::text(chosen.collect::<Vec<_>>().join(", "));
                let value = field.first_text(&["text", "email"]).or(chosen)?;
                Some(format!("{}: {value}", field.first_text(&["label", "name"])?))
            };
            let fields = content.at("fields");
            let values =
                || event::text(fields.items().filter_map(value).collect::<Vec<_>>().join("\n"));
            message.text = message.text.take().or_else(values);
            message.payload = fields.value().map(serde_json::Value::to_string);
            let form = || fields.items().find_map(|field| field.text("quotedMessageId"));
            message.reply_to = message.reply_to.take().or_else(form);
        }
        _ => return false,
    }
    true
}

fn file(kind: &str, content: Json<'_>) -> Option<Attachment> {
    let content_type = content.text("mediaType");
    let kind = match (content_type.as_deref(), kind) {
        (Some(content_type), _) => AttachmentKind::from_content_type(content_type),
        (None, "image") => AttachmentKind::Image,
        (None, _) => AttachmentKind::File,
    };
    Some(Attachment {
        url: Some(content.text("mediaUrl")?),
        reference: content.text("attachmentId"),
        content_type,
        metadata: content.pick(&["mediaSize"]),
        ..Attachment::new(kind)
    })
}

pub(super) fn postback(message: Message, payload: Json<'_>, app: Option<&str>) -> Message {
    let pressed = payload.at("postback");
    Message {
        kind: Kind::Postback,
        sender: person(payload.at("user"), app),
        medium: medium(payload.at("source")),
        text: pressed.text("text"),
        payload: pressed.text("payload"),
        metadata: pressed.pick(&["actionId", "metadata"]),
        provider_type: None,
        ..message
    }
}
