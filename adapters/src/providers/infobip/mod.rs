//! Infobip: SMS, MMS, and what its other channels have in common with them.
//!
//! Wire format: <https://www.infobip.com/docs/api/channels/sms/inbound-sms/receive-incoming-messages>,
//! <https://www.infobip.com/docs/api/channels/sms/outbound-sms/receive-outbound-sms-message-reports>,
//! <https://www.infobip.com/docs/essentials/response-status-and-error-codes>
//!
//! - Messages and reports come as lists in `results`, which may be empty; each has its own ids.
//! - Version 3 renamed `from` to `sender` and `smsCount` to `messageCount`; either is read.
//! - Times have an offset without a colon; numbers have no `+`. Long texts are joined.
//! - What became of a message is told by the status's group; its name says more.
//! - Forwarding to a plain address signs nothing. Subscriptions may sign, in a header whose name is
//!   not documented: the account says which.
//! - A failed request comes again after 1 + n² minutes, for a day or two.
//!
//! Unconfirmed: header and encoding of the HMAC, when repeating ends, the ids of single statuses, and
//! the shapes of messages on channels other than SMS and MMS. XML is not understood.

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, DeliveryError, DeliveryStatus, Event, Field, Handshake,
    Malformed, Medium, Message, Parsed, Recorded, Request, Sample, Verified,
    event::Report,
    json::{self as read, Json},
    verify::{ChosenHmac, Endpoint},
};

mod messages;

/// Infobip.
pub const ADAPTER: Adapter = Adapter {
    provider: "infobip",
    aliases: &[],
    title: "Infobip SMS and MMS",
    receives: "SMS and MMS messages, delivery and seen reports",
    medium: Medium::Sms,
    account: &[
        Field {
            name: "hmac_secret",
            secret: true,
            required: false,
            help: "the secret key of the notification profile, if it signs with HMAC",
        },
        Field {
            name: "hmac_header",
            secret: false,
            required: false,
            help: "the header in which the signature arrives",
        },
        Field {
            name: "hmac_algorithm",
            secret: false,
            required: false,
            help: "the notification profile's algorithm, such as HMAC_SHA_256, which it is without",
        },
        Field {
            name: "token",
            secret: true,
            required: false,
            help: "without signatures: at least 22 random letters and digits, which end the \
                   address you give to Infobip",
        },
        Field {
            name: "username",
            secret: false,
            required: false,
            help: "the user name of the notification profile, if it uses Basic credentials",
        },
        Field {
            name: "password",
            secret: true,
            required: false,
            help: "the password of the notification profile, if it uses Basic credentials",
        },
    ],
    verifier: &ChosenHmac {
        secret: "hmac_secret",
        header: "hmac_header",
        usual_header: None,
        hash: "hmac_algorithm",
        endpoint: Endpoint {
            token: "token",
            credentials: &[("username", "password")],
            main: "token",
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
    if body.at("results").value().is_none() {
        let word = body.first_text(&["eventType", "type"]).unwrap_or_default();
        let other = Message { metadata: body.kept(), ..Message::other(word) };
        return Ok(vec![Event::Message(other)].into());
    }
    Ok(body.at("results").items().map(event).collect::<Vec<_>>().into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let digits = |address: &str| address.trim_start_matches('+').to_owned();
    sample.json(&json!({
        "results": [{
            "messageId": sample.id,
            "from": digits(sample.from.unwrap_or("+15550100002")),
            "to": digits(sample.address),
            "text": sample.text,
            "cleanText": sample.text,
            "receivedAt": sample.now.to_string(),
            "smsCount": 1,
        }],
        "messageCount": 1,
        "pendingMessageCount": 0,
    }))
}

fn event(item: Json<'_>) -> Event {
    if item.at("seenAt").value().is_some() {
        let report = Report { at: item.time("seenAt"), ..report(item) };
        return report.event("SEEN", Some(DeliveryStatus::Read));
    }
    if item.at("status").value().is_some() {
        return delivery(item);
    }
    let says_something = ["text", "message", "receivedAt"];
    if says_something.iter().any(|name| item.at(name).value().is_some()) {
        return Event::Message(messages::read(item));
    }
    let id = item.text("messageId");
    Event::Message(Message {
        key: id.as_ref().map(|id| format!("other:{id}")),
        id,
        metadata: item.kept(),
        ..Message::other(item.text("event").unwrap_or_default())
    })
}

fn number(item: Json<'_>, names: &[&str]) -> Option<Address> {
    Address::international(&item.first_text(names)?)
}

fn medium(item: Json<'_>) -> Option<Medium> {
    match item.first_text(&["integrationType", "channel"])?.as_str() {
        "WHATSAPP" => Some(Medium::Whatsapp),
        "RCS" => Some(Medium::Rcs),
        "MESSENGER" => Some(Medium::Messenger),
        _ => None,
    }
}

fn report(item: Json<'_>) -> Report {
    Report {
        id: item.text("messageId"),
        at: item.time("doneAt").or_else(|| item.time("sentAt")),
        recipient: number(item, &["to"]),
        sender: number(item, &["from", "sender"]),
        error: None,
        medium: medium(item),
    }
}

fn delivery(item: Json<'_>) -> Event {
    let (status, error) = (item.at("status"), item.at("error"));
    let group = status.text("groupName").or_else(|| status.text("groupId")).unwrap_or_default();
    let meaning = match group.as_str() {
        "ACCEPTED" | "0" => Some(DeliveryStatus::Queued),
        "PENDING" | "1" => Some(DeliveryStatus::Sent),
        "UNDELIVERABLE" | "2" => Some(DeliveryStatus::Undelivered),
        "DELIVERED" | "3" => Some(DeliveryStatus::Delivered),
        "EXPIRED" | "4" => Some(DeliveryStatus::Expired),
        "REJECTED" | "5" => Some(DeliveryStatus::Rejected),
        _ => None,
    };
    let code = error.text("id").filter(|id| id != "0");
    let text = code.as_ref().and_then(|_| error.first_text(&["description", "name"]));
    let word = status.first_text(&["name", "groupName"]).unwrap_or(group);
    Report { error: DeliveryError::of(code, text), ..report(item) }.event(&word, meaning)
}
