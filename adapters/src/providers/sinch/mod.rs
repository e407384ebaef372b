//! Sinch: the SMS API (XMS) and the Conversation API, on one address.
//!
//! Wire format: <https://developers.sinch.com/docs/sms/api-reference/sms/tag/Webhooks/>,
//! <https://developers.sinch.com/docs/conversation/callbacks/>
//!
//! - One request is one event; a delivery report of a batch tells the status of several recipients.
//! - A recipient's status has no id of its own: it is the batch's, told apart by the recipient.
//!   A report without recipients is only a status if the batch had a single one.
//! - Numbers come without `+`, recipients of reports sometimes with it.
//! - SMS callbacks are unsigned unless arranged; then the address has to keep a secret.
//! - 4xx stops SMS callbacks from being repeated, 5xx and 429 do not.
//! - `Unknown` is the last word where no receipt comes: no more than `sent`.
//!
//! Unconfirmed: the numeric codes, whether all long texts are joined before they come, how
//! Conversation callbacks are repeated and whether they are signed anew (so `max_age_seconds` can
//! be raised), and the inner shapes of products and channel-specific messages, kept as they come.

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, Event, Field, Handshake, Malformed, Medium, Message, Parsed,
    Recorded, Request, Sample, Verified,
    json::{self as read, Json},
    verify::{Endpoint, Sinch},
};

mod conversation;
mod sms;

/// Sinch.
pub const ADAPTER: Adapter = Adapter {
    provider: "sinch",
    aliases: &["sinch-sms", "sinch-conversation"],
    title: "Sinch SMS and Conversation APIs",
    receives: "SMS and MMS, delivery reports; Conversation messages of every channel, opt-outs",
    medium: Medium::Sms,
    account: &[
        Field {
            name: "webhook_secret",
            secret: true,
            required: false,
            help: "the secret of the Conversation API's webhook, or the one arranged for SMS \
                   callbacks",
        },
        Field {
            name: "token",
            secret: true,
            required: false,
            help: "for SMS callbacks without a signature: at least 22 random letters and digits, \
                   which end the address you give to Sinch",
        },
        Field {
            name: "username",
            secret: false,
            required: false,
            help: "the user name of Basic credentials, if arranged with Sinch",
        },
        Field {
            name: "password",
            secret: true,
            required: false,
            help: "the password of Basic credentials, if arranged with Sinch",
        },
        Field {
            name: "application_key",
            secret: false,
            required: false,
            help: "the key of a Voice or Verification application, whose events are kept too",
        },
        Field {
            name: "max_age_seconds",
            secret: false,
            required: false,
            help: "how old a signature may be; 300 without it",
        },
    ],
    verifier: &Sinch {
        secret: "webhook_secret",
        application_key: "application_key",
        max_age: "max_age_seconds",
        endpoint: Endpoint {
            token: "token",
            credentials: &[("username", "password")],
            main: "webhook_secret",
        },
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    let body = Json::from(&body);
    let events = match body.at("type").str() {
        Some("mo_text" | "mo_binary" | "mo_media") => vec![sms::message(body)],
        Some("delivery_report_sms" | "delivery_report_mms") => sms::batch_report(body),
        Some("recipient_delivery_report_sms" | "recipient_delivery_report_mms") => {
            vec![sms::recipient_report(body)]
        }
        Some(word) => vec![other(word, body)],
        None => vec![conversation::read(body)],
    };
    Ok(events.into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let digits = |address: &str| address.trim_start_matches('+').to_owned();
    sample.json(&json!({
        "type": "mo_text",
        "id": sample.id,
        "from": digits(sample.from.unwrap_or("+15550100002")),
        "to": digits(sample.address),
        "body": sample.text,
        "received_at": sample.now.to_string(),
    }))
}

fn other(word: &str, body: Json<'_>) -> Event {
    let id = body.first_text(&["eventId", "id"]);
    Event::Message(Message {
        key: id.map(|id| format!("event:{id}")),
        sent_at: body.time("event_time").or_else(|| body.time("timestamp")),
        metadata: body.kept(),
        ..Message::other(word)
    })
}

fn number(body: Json<'_>, name: &str) -> Option<Address> {
    Address::international(&body.text(name)?)
}
