//! Textmagic.
//!
//! Wire format: <https://www.textmagic.com/docs/api/receive-sms/>,
//! <https://apitextmagic.voog.com/https-api/sms-delivery-notification-codes>
//!
//! - Messages and statuses are JSON or a form, by a setting; the fields are those of the API.
//! - Numbers have no `+`, ids are numbers, times have an offset without a colon.
//! - A status is a single letter.
//! - `u` is the last word where nothing more will come: not delivered, as far as anybody knows.
//!
//! Unconfirmed: the fields of statuses (the letter is looked for in `status` and `event`), and
//! whether requests are repeated. The API before version 2 posts `multipart/form-data`, which is
//! kept but not understood.

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, DeliveryError, DeliveryStatus, Event, Field, Handshake,
    Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample, Verified, digits,
    event::Report,
    json::{self, Json},
    verify::Endpoint,
};

/// Textmagic.
pub const ADAPTER: Adapter = Adapter {
    provider: "textmagic",
    aliases: &[],
    title: "Textmagic SMS",
    receives: "SMS, delivery statuses",
    medium: Medium::Sms,
    account: &[Field::TOKEN, Field::USERNAME, Field::PASSWORD],
    verifier: &Endpoint::USUAL,
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = json::parameters(request)?;
    let body = Json::from(&body);
    let event = if body.first_text(&["text", "sender", "from"]).is_some() {
        message(body)
    } else if let Some(word) = body.first_text(&["status", "event"]) {
        status(&word, body)
    } else {
        Event::Message(Message { metadata: body.kept(), ..Message::other("") })
    };
    Ok(vec![event].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.json(&json!({
        "id": sample.id,
        "sender": digits(sample.sender()),
        "receiver": digits(sample.address),
        "messageTime": sample.now.to_string(),
        "text": sample.text,
    }))
}

fn address(body: Json<'_>, names: &[&str]) -> Option<Address> {
    Address::international(&body.first_text(names)?)
}

fn message(body: Json<'_>) -> Event {
    Event::Message(Message {
        kind: Kind::Message,
        id: body.first_text(&["id", "message_id"]),
        sender: address(body, &["sender", "from"]).map(Into::into),
        recipient: address(body, &["receiver"]).map(Into::into),
        sent_at: body.time("messageTime").or_else(|| body.time("timestamp")),
        text: body.text("text"),
        ..Message::default()
    })
}

fn status(word: &str, body: Json<'_>) -> Event {
    let (meaning, explanation) = match word {
        "q" | "s" | "i" => (Some(DeliveryStatus::Queued), None),
        "r" | "a" | "b" => (Some(DeliveryStatus::Sent), None),
        "d" => (Some(DeliveryStatus::Delivered), None),
        "e" => (Some(DeliveryStatus::Failed), Some("sending error")),
        "f" => (Some(DeliveryStatus::Failed), Some("delivery error")),
        "j" => (Some(DeliveryStatus::Rejected), Some("rejected by the operator")),
        "u" => (Some(DeliveryStatus::Undelivered), Some("status unknown")),
        _ => (None, None),
    };
    let code = explanation.is_some().then(|| word.to_owned());
    let report = Report {
        id: body.first_text(&["id", "messageId", "message_id"]),
        at: body.time("statusTime").or_else(|| body.time("timestamp")),
        recipient: address(body, &["receiver"]),
        error: DeliveryError::of(code, explanation.map(str::to_owned)),
        ..Report::default()
    };
    report.event(word, meaning)
}
