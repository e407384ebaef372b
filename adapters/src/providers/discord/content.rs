//! Commands and their options, components, forms, and messages proper.

use std::collections::HashMap;

use super::{DEFERRED, NO_CHOICES, UPDATED_LATER, time};
use crate::{Address, Answer, Attachment, AttachmentKind, Kind, Message, Sender, json::Json};

/// Groups of subcommands, and layouts of components, are no deeper than this.
const MAX_DEPTH: usize = 4;

/// Fills in what an interaction says, and how it is answered.
pub(super) fn interaction(body: Json<'_>, mut message: Message) -> (Message, Option<Answer>) {
    let data = body.at("data");
    let answer = match body.text("type").as_deref() {
        Some("2") => {
            command(&mut message, data);
            DEFERRED
        }
        Some("3") => {
            component(&mut message, body, data);
            UPDATED_LATER
        }
        Some("4") => {
            message.kind = Kind::Typing;
            NO_CHOICES
        }
        Some("5") => {
            form(&mut message, data);
            DEFERRED
        }
        word => {
            message.provider_type = Some(format!("interaction/{}", word.unwrap_or_default()));
            message.metadata = data.kept();
            return (message, None);
        }
    };
    (message, Some(answer))
}

/// What is typed into the command's options is said; the command's name is data.
fn command(message: &mut Message, data: Json<'_>) {
    let mut name = data.text("name").unwrap_or_default();
    let mut options = data.at("options");
    for _ in 0..MAX_DEPTH {
        let Some(sub) = options.items().find(|option| option.number("type").is_some_and(is_sub))
        else {
            break;
        };
        name = format!("{name} {}", sub.text("name").unwrap_or_default());
        options = sub.at("options");
    }
    let texts: Vec<_> = options
        .items()
        .filter(|option| option.number("type") == Some(3.0))
        .filter_map(|option| option.text("value"))
        .collect();
    let files = data.at("resolved").at("attachments");
    let attached = options.items().filter(|option| option.number("type") == Some(11.0));
    message.attachments =
        attached.filter_map(|option| file(files.at(&option.text("value")?))).collect();
    message.text = crate::event::text(texts.join("\n"));
    message.reply_to = data.text("target_id").filter(|_| data.number("type") == Some(3.0));
    message.payload = crate::event::text(name);
    let has_content = message.text.is_some() || !message.attachments.is_empty();
    message.kind = if has_content { Kind::Message } else { Kind::Postback };
    let more = data.pick(&["options", "target_id"]);
    if let Some(more) = more {
        message.metadata.get_or_insert_default().extend(more);
    }
}

fn is_sub(kind: f64) -> bool {
    kind == 1.0 || kind == 2.0
}

/// A button or a menu under a message.
fn component(message: &mut Message, body: Json<'_>, data: Json<'_>) {
    let custom_id = data.text("custom_id").unwrap_or_default();
    let values: Vec<_> = data.at("values").items().filter_map(|value| value.str()).collect();
    let under = body.at("message");
    let used = find(under.at("components"), &custom_id, MAX_DEPTH);
    message.kind = Kind::Postback;
    message.reply_to = under.text("id");
    message.text = match (used, values.is_empty()) {
        (Some(button), true) => button.text("label"),
        (Some(menu), false) => {
            let options = menu.at("options").items();
            let labels: HashMap<_, _> =
                options.filter_map(|option| Some((option.at("value").str()?, option))).collect();
            let chosen = values.iter().filter_map(|value| labels.get(value)?.text("label"));
            crate::event::text(chosen.collect::<Vec<_>>().join(", "))
        }
        (None, _) => None,
    };
    message.payload =
        if values.is_empty() { crate::event::text(custom_id) } else { Some(values.join(",")) };
    if let Some(more) = data.pick(&["custom_id", "values"]) {
        message.metadata.get_or_insert_default().extend(more);
    }
}

/// The component called `custom_id`, wherever the layout has it.
fn find<'a>(components: Json<'a>, custom_id: &str, depth: usize) -> Option<Json<'a>> {
    let depth = depth.checked_sub(1)?;
    components.items().find_map(|component| {
        if component.at("custom_id").str() == Some(custom_id) {
            return Some(component);
        }
        let accessory = component.at("accessory");
        if accessory.at("custom_id").str() == Some(custom_id) {
            return Some(accessory);
        }
        find(component.at("components"), custom_id, depth)
    })
}

/// What was entered, field by field; the fields stand in rows or behind labels.
fn form(message: &mut Message, data: Json<'_>) {
    let field = |row: Json<'_>| match row.at("component").value() {
        Some(field) => Json::from(field).text("value"),
        None => {
            let fields = row.at("components").items();
            let entered: Vec<_> = fields.filter_map(|field| field.text("value")).collect();
            crate::event::text(entered.join("\n"))
        }
    };
    let entered: Vec<_> = data.at("components").items().filter_map(field).collect();
    message.text = crate::event::text(entered.join("\n"));
    message.payload = data.text("custom_id");
    message.kind = if message.text.is_some() { Kind::Message } else { Kind::Postback };
    if let Some(more) = data.pick(&["components"]) {
        message.metadata.get_or_insert_default().extend(more);
    }
}

/// Fills in what a message proper says.
pub(super) fn message(message: &mut Message, data: Json<'_>) {
    let author = data.at("author");
    message.id = data.text("id");
    message.sent_at =
        data.time("timestamp").or_else(|| time(message.id.as_deref()?)).or(message.sent_at);
    message.sender = person(author, None);
    message.from_business = data.at("webhook_id").value().is_some() || author.at("bot").bool();
    message.conversation = data.first_text(&["channel_id", "lobby_id"]);
    message.text = data.text("content");
    message.reply_to = data.at("message_reference").text("message_id");
    message.attachments = data.at("attachments").items().filter_map(file).collect();
    message.metadata = data.pick(&["lobby_id", "recipient_id"]);
}

/// Somebody, under the name shown where it was said.
pub(super) fn person(user: Json<'_>, nick: Option<String>) -> Option<Sender> {
    let address = Address::user(user.text("id")?);
    let name = nick.or_else(|| user.first_text(&["global_name", "username"]));
    Some(Sender { name, ..Sender::from(address) })
}

fn file(file: Json<'_>) -> Option<Attachment> {
    let content_type = file.text("content_type");
    let kind = match (file.at("waveform").str(), content_type.as_deref()) {
        (Some(_), _) => AttachmentKind::Voice,
        (None, Some(content_type)) => AttachmentKind::from_content_type(content_type),
        (None, None) => AttachmentKind::from_url(file.at("url").str().unwrap_or_default()),
    };
    Some(Attachment {
        reference: file.text("id"),
        url: Some(file.first_text(&["url", "proxy_url"])?),
        content_type,
        filename: file.text("filename"),
        metadata: file.pick(&["size", "description"]),
        ..Attachment::new(kind)
    })
}
