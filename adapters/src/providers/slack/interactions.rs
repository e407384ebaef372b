//! Buttons, menus, forms and shortcuts (`payload` of a form), and slash commands (the form itself).

use serde_json::Value;

use super::{person, time, unescape};
use crate::{
    Address, Answer, Event, Kind, Malformed, Message, Parsed, Recipient, Sender,
    json::{self as read, Json},
};

/// An options menu waits for a list; an empty one shows that there is nothing to choose.
const NO_OPTIONS: Answer = Answer::constant(200, "application/json", r#"{"options":[]}"#);

pub(super) fn read(form: &Value) -> Result<Parsed, Malformed> {
    let form = Json::from(form);
    let Some(payload) = form.text("payload") else {
        return Ok(vec![Event::Message(command(form))].into());
    };
    let payload = read::object_in(payload.as_bytes())?;
    let payload = Json::from(&payload);
    let word = payload.text("type").unwrap_or_default();
    let events = match word.as_str() {
        "block_actions" | "interactive_message" => actions(payload),
        "view_submission" => vec![form_sent(payload)],
        "message_action" | "shortcut" => vec![Message {
            kind: Kind::Postback,
            key: payload.text("trigger_id").map(|id| format!("shortcut:{id}")),
            payload: payload.text("callback_id"),
            reply_to: payload.first_text(&["message_ts"]),
            sent_at: time(payload.at("action_ts").str()),
            ..common(payload)
        }],
        _ => vec![Message { provider_type: payload.text("type"), ..common(payload) }],
    };
    let events: Vec<_> = events.into_iter().map(Event::Message).collect();
    let answer = (word == "block_suggestion").then_some(NO_OPTIONS);
    Ok(Parsed { answer, ..events.into() })
}

/// Who did it and where; what was done is the caller's.
fn common(payload: Json<'_>) -> Message {
    let user = payload.at("user");
    let workspace = payload.at("team").text("id");
    let team = user.text("team_id").or_else(|| workspace.clone());
    let channel = payload.at("channel").text("id");
    Message {
        sender: person(user.text("id"), team).map(|address| Sender {
            name: user.first_text(&["name", "username"]),
            ..Sender::from(address)
        }),
        recipient: workspace.map(|team| Recipient::from(Address::user(team))),
        conversation: channel.or_else(|| payload.at("container").text("channel_id")),
        metadata: payload.pick(&["callback_id"]),
        ..Message::default()
    }
}

/// One event for each element that was used.
fn actions(payload: Json<'_>) -> Vec<Message> {
    let common = common(payload);
    let under = payload.at("container").text("message_ts");
    let under = under.or_else(|| payload.text("message_ts"));
    let trigger = payload.first_text(&["trigger_id", "action_ts"]).unwrap_or_default();
    let action = |(index, action): (usize, Json<'_>)| {
        let key = Some(format!("action:{trigger}:{index}"));
        if action.pick(&["action_id", "name", "type"]).is_none() {
            return Message { key, provider_type: payload.text("type"), ..common.clone() };
        }
        let chosen = action.at("selected_option");
        let chosen = if chosen.value().is_some() { chosen } else { first(action) };
        let label = chosen.at("text").text("text").or_else(|| action.at("text").text("text"));
        let values = action.first_text(&[
            "value",
            "selected_date",
            "selected_time",
            "selected_date_time",
            "selected_user",
            "selected_conversation",
            "selected_channel",
        ]);
        let data = values.or_else(|| chosen.text("value"));
        let mut metadata = common.metadata.clone().unwrap_or_default();
        let parts = action.pick(&[
            "action_id",
            "block_id",
            "name",
            "selected_options",
            "selected_users",
            "selected_conversations",
            "selected_channels",
        ]);
        metadata.extend(parts.unwrap_or_default());
        let acted_at = action.at("action_ts").str().or(payload.at("action_ts").str());
        Message {
            kind: Kind::Postback,
            key,
            text: label.map(|label| unescape(&label)),
            payload: data.or_else(|| action.first_text(&["action_id", "name"])),
            reply_to: under.clone(),
            sent_at: time(acted_at),
            metadata: (!metadata.is_empty()).then_some(metadata),
            ..common.clone()
        }
    };
    let events: Vec<_> = payload.at("actions").items().enumerate().map(action).collect();
    if events.is_empty() {
        return vec![Message { provider_type: payload.text("type"), ..common }];
    }
    events
}

fn first(action: Json<'_>) -> Json<'_> {
    action.at("selected_options").items().next().unwrap_or(action.at("selected_options"))
}

/// A form was filled in: what was entered is data, not text.
fn form_sent(payload: Json<'_>) -> Message {
    let view = payload.at("view");
    let entered = view.at("state").at("values").value();
    Message {
        kind: Kind::Postback,
        key: payload.text("trigger_id").map(|id| format!("form:{id}")),
        payload: entered.map(Value::to_string),
        metadata: view.pick(&["id", "callback_id", "private_metadata"]),
        ..common(payload)
    }
}

/// `/support The export fails`: what follows the command is said, the command itself is data.
fn command(form: Json<'_>) -> Message {
    let Some(command) = form.text("command") else {
        return Message { metadata: form.pick(&["team_id"]), ..Message::other("form") };
    };
    let team = form.text("team_id");
    let text = form.text("text").map(|text| unescape(&text));
    Message {
        kind: if text.is_some() { Kind::Message } else { Kind::Postback },
        id: form.text("trigger_id"),
        sender: person(form.text("user_id"), team.clone())
            .map(|address| Sender { name: form.text("user_name"), ..Sender::from(address) }),
        recipient: team.map(|team| Address::user(team).into()),
        conversation: form.text("channel_id"),
        text,
        payload: Some(command),
        ..Message::default()
    }
}
