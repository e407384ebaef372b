//! Telesign: delivery statuses, and incoming SMS where it is switched on.
//!
//! Wire format: <https://developer.telesign.com/enterprise/docs/transaction-callback-service>,
//! <https://developer.telesign.com/enterprise/docs/sms-callback-service>
//!
//! - A status is told by `status.code` and `reference_id`, and does not say whom it was sent to.
//! - The same status may come twice, hours apart; its time is RFC 3339 or RFC 1123.
//! - 250 is the last word where no receipt comes, and 203 says that the gateway has it: both no
//!   more than `sent`.
//! - Numbers have no `+`. Signing is optional at Telesign, but not here.
//! - The signature covers the body as it is, also one that is not JSON.
//!
//! Unconfirmed: the meaning of codes other than 200 and 230, how often callbacks are repeated, and
//! the field names of incoming messages, of which the likely ones are read.

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, DeliveryError, DeliveryStatus, Event, Field, Handshake,
    Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample, Verified,
    event::Report,
    json::{self as read, Json},
    verify::Telesign,
};

/// Telesign.
pub const ADAPTER: Adapter = Adapter {
    provider: "telesign",
    aliases: &[],
    title: "Telesign Messaging",
    receives: "delivery statuses, opt-outs, incoming SMS where enabled",
    medium: Medium::Sms,
    account: &[
        Field {
            name: "customer_id",
            secret: false,
            required: false,
            help: "the customer id, under Settings, API Authentication in the TelePortal; \
                   signatures of another customer are then refused",
        },
        Field {
            name: "api_key",
            secret: true,
            required: true,
            help: "the API key, under Settings, API Authentication in the TelePortal",
        },
    ],
    verifier: &Telesign { secret: "api_key", customer: "customer_id" },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

/// The recipient has opted out.
const OPTED_OUT: &str = "286";

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    let body = Json::from(&body);
    if body.at("status").at("code").value().is_some() {
        return Ok(status(body).into());
    }
    let text = body.first_text(&["message", "text", "body", "message_text"]);
    let from = address(body, &["phone_number", "from", "originating_phone_number", "sender"]);
    let is_message = text.is_some() || (from.is_some() && body.at("message").value().is_some());
    let message = match is_message {
        true => Message {
            kind: Kind::Message,
            id: body.first_text(&["reference_id", "message_id", "id"]),
            sender: from.map(Into::into),
            recipient: address(body, &["to", "sender_id", "recipient", "destination"])
                .map(Into::into),
            sent_at: ["timestamp", "received_on", "received_at", "submit_timestamp"]
                .iter()
                .find_map(|name| body.time(name)),
            text,
            ..Message::default()
        },
        false => other(body),
    };
    Ok(vec![Event::Message(message)].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::constant(200, "application/json", "{}")
}

fn sample(sample: &Sample<'_>) -> Request {
    let digits = |address: &str| address.trim_start_matches('+').to_owned();
    sample.json(&json!({
        "reference_id": sample.id.to_ascii_uppercase(),
        "sub_resource": "sms",
        "from": digits(sample.from.unwrap_or("+15550100002")),
        "to": digits(sample.address),
        "message": sample.text,
        "timestamp": sample.now.to_string(),
    }))
}

fn address(body: Json<'_>, names: &[&str]) -> Option<Address> {
    Address::international(&body.first_text(names)?)
}

fn other(body: Json<'_>) -> Message {
    let id = body.text("reference_id");
    Message {
        key: id.as_ref().map(|id| format!("other:{id}")),
        id,
        metadata: body.kept(),
        ..Message::other(body.first_text(&["event", "sub_resource"]).unwrap_or_default())
    }
}

fn status(body: Json<'_>) -> Vec<Event> {
    let status = body.at("status");
    let code = status.text("code").unwrap_or_default();
    let meaning = match code.parse() {
        Ok(200) => Some(DeliveryStatus::Delivered),
        Ok(203 | 250) => Some(DeliveryStatus::Sent),
        Ok(207 | 210 | 211 | 220 | 222) => Some(DeliveryStatus::Undelivered),
        Ok(221) => Some(DeliveryStatus::Expired),
        Ok(230 | 231 | 237 | 238 | 286) => Some(DeliveryStatus::Rejected),
        Ok(290 | 291 | 292 | 295) => Some(DeliveryStatus::Queued),
        Ok(500..=599_u32) => Some(DeliveryStatus::Failed),
        Ok(_) | Err(_) => None,
    };
    let went_wrong = match meaning {
        Some(DeliveryStatus::Delivered | DeliveryStatus::Sent | DeliveryStatus::Queued) => false,
        Some(_) | None => true,
    };
    let error = went_wrong.then(|| (Some(code.clone()), status.text("description")));
    let report = Report {
        id: body.text("reference_id"),
        at: status.time("updated_on"),
        recipient: address(body, &["phone_number", "recipient"]),
        sender: address(body, &["sender_id"]),
        error: error.and_then(|(code, text)| DeliveryError::of(code, text)),
        medium: None,
    };
    let opt_out = (code == OPTED_OUT).then(|| report.opt_out()).flatten();
    let mut events = vec![report.event(&code, meaning)];
    events.extend(opt_out);
    events
}
