//! Version 1: calls with everything in the query.

use super::{number, other};
use crate::{DeliveryError, DeliveryStatus, Event, Kind, Message, event::Report, json::Json};

pub(super) fn read(body: Json<'_>) -> Vec<Event> {
    if body.first_text(&["response", "response_id", "is_optout"]).is_some() {
        return vec![reply(body)];
    }
    if let Some(word) = body.text("status") {
        return vec![receipt(&word, body)];
    }
    let word = if body.at("link_hits").value().is_some() {
        Some("link_hits".to_owned())
    } else {
        body.text("type")
    };
    vec![other(&word.unwrap_or_default(), body)]
}

fn reply(body: Json<'_>) -> Event {
    let is_opt_out = body.text("is_optout").is_some_and(|flag| is_yes(&flag))
        || body.at("is_optout").value() == Some(&true.into());
    Event::Message(Message {
        kind: if is_opt_out { Kind::OptOut } else { Kind::Message },
        id: body.text("response_id"),
        sender: number(body, &["mobile"]).map(Into::into),
        recipient: number(body, &["longcode"]).map(Into::into),
        sent_at: body.time("datetime_entry"),
        text: body.text("response"),
        reply_to: body.text("message_id").filter(|id| id != "0"),
        ..Message::default()
    })
}

fn is_yes(flag: &str) -> bool {
    ["yes", "true", "1"].iter().any(|yes| flag.eq_ignore_ascii_case(yes))
}

fn receipt(word: &str, body: Json<'_>) -> Event {
    let meaning = match word {
        "pending" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "soft-bounce" => Some(DeliveryStatus::Undelivered),
        "hard-bounce" => Some(DeliveryStatus::Failed),
        _ => None,
    };
    let is_bounce = word.ends_with("-bounce");
    let report = Report {
        id: body.text("message_id"),
        at: body.time("datetime"),
        recipient: number(body, &["mobile"]),
        error: is_bounce.then(|| DeliveryError { code: Some(word.to_owned()), text: None }),
        ..Report::default()
    };
    report.event(word, meaning)
}
