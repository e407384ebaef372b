//! What is said in a channel, and what becomes of it there.

use super::{person, time, unescape, workspace};
use crate::{Attachment, AttachmentKind, Kind, Message, Sender, json::Json};

/// Translates the event of an envelope.
pub(super) fn read(envelope: Json<'_>) -> Message {
    let event = envelope.at("event");
    let word = event.text("type").unwrap_or_default();
    let subtype = event.text("subtype");
    let key = envelope.text("event_id").map(|id| format!("event:{id}"));
    let mut message = Message {
        key,
        recipient: workspace(envelope),
        conversation: event.text("channel"),
        ..Message::other(match &subtype {
            Some(subtype) => format!("{word}/{subtype}"),
            None => word.clone(),
        })
    };
    match (word.as_str(), subtype.as_deref()) {
        (
            "message" | "app_mention",
            None | Some("file_share" | "thread_broadcast" | "me_message" | "bot_message"),
        ) => said(&mut message, envelope, event),
        ("message", Some("message_changed")) => changed(&mut message, envelope, event),
        ("message", Some("message_deleted")) => {
            let former = event.at("previous_message");
            let target = event.text("deleted_ts").or_else(|| former.text("ts"));
            deleted(&mut message, envelope, event, former, target);
        }
        ("reaction_added" | "reaction_removed", _) => {
            message.target = event.at("item").text("ts");
            message.emoji = event.text("reaction");
            message.metadata = event.pick(&["user", "item", "item_user"]);
        }
        _ => message.metadata = event.kept(),
    }
    message
}

fn said(message: &mut Message, envelope: Json<'_>, event: Json<'_>) {
    let Some(ts) = event.text("ts") else {
        message.metadata = event.kept();
        return;
    };
    let channel = message.conversation.as_deref().unwrap_or_default();
    message.kind = Kind::Message;
    message.key = Some(format!("message:{channel}:{ts}"));
    message.provider_type = None;
    message.sent_at = time(Some(&ts));
    message.reply_to = event.text("thread_ts").filter(|root| *root != ts);
    message.id = Some(ts);
    content(message, envelope, event);
}

/// Who says what, in a message or in the message inside an event.
fn content(message: &mut Message, envelope: Json<'_>, said: Json<'_>) {
    message.sender = sender(envelope, said);
    message.from_business = is_ours(envelope, said);
    message.text = said.text("text").map(|text| unescape(&text));
    message.attachments = said.at("files").items().filter_map(file).collect();
    message.metadata = said.pick(&["channel_type", "bot_id"]);
}

fn changed(message: &mut Message, envelope: Json<'_>, event: Json<'_>) {
    let (new, old) = (event.at("message"), event.at("previous_message"));
    if new.at("subtype").str() == Some("tombstone") {
        let target = new.text("ts").or_else(|| old.text("ts"));
        deleted(message, envelope, event, old, target);
        return;
    }
    message.sent_at = time(event.at("ts").str());
    let target = new.text("ts");
    message.target.clone_from(&target);
    // Nothing that was said has changed.
    if new.text("text") == old.text("text") && new.at("files").value() == old.at("files").value() {
        return;
    }
    message.kind = Kind::MessageEdited;
    message.provider_type = None;
    message.id = target;
    content(message, envelope, new);
    message.reply_to = new.text("thread_ts").filter(|root| Some(root) != message.id.as_ref());
}

fn deleted(
    message: &mut Message,
    envelope: Json<'_>,
    event: Json<'_>,
    former: Json<'_>,
    target: Option<String>,
) {
    message.kind = Kind::MessageDeleted;
    message.provider_type = None;
    message.sent_at = time(event.at("ts").str());
    message.sender = sender(envelope, former);
    message.from_business = is_ours(envelope, former);
    message.target = target;
}

fn sender(envelope: Json<'_>, said: Json<'_>) -> Option<Sender> {
    let team = said.first_text(&["user_team", "team"]).or_else(|| envelope.text("team_id"));
    let address = person(said.first_text(&["user", "bot_id"]), team)?;
    let name = said.text("username").or_else(|| said.at("user_profile").text("display_name"));
    Some(Sender { name, ..Sender::from(address) })
}

/// Whether a bot speaks: ours, another app's, or Slack's own.
fn is_ours(envelope: Json<'_>, said: Json<'_>) -> bool {
    let user = said.at("user").str();
    let is_bot = |authorization: Json<'_>| {
        authorization.at("is_bot").bool() && authorization.at("user_id").str() == user
    };
    said.at("bot_id").str().is_some()
        || said.at("subtype").str() == Some("bot_message")
        || user == Some("USLACKBOT")
        || user.is_some() && envelope.at("authorizations").items().any(is_bot)
}

/// A file; of one that was deleted or is beyond the plan's limit there is nothing to fetch.
pub(super) fn file(file: Json<'_>) -> Option<Attachment> {
    let content_type = file.text("mimetype");
    let kind = match (file.at("subtype").str(), content_type.as_deref()) {
        (Some("slack_audio"), _) => AttachmentKind::Voice,
        (_, Some(content_type)) => AttachmentKind::from_content_type(content_type),
        (_, None) => AttachmentKind::File,
    };
    Some(Attachment {
        url: file.first_text(&["url_private_download", "url_private"]),
        reference: Some(file.text("id")?),
        content_type,
        filename: file.first_text(&["name", "title"]),
        metadata: file.pick(&["mode", "size", "file_access"]),
        ..Attachment::new(kind)
    })
}
