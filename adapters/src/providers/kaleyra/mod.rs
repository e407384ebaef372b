//! Kaleyra: SMS and WhatsApp.
//!
//! Wire format: <https://developers.kaleyra.io/docs/create-callback-profile-for-sms>,
//! <https://developers.kaleyra.io/docs/create-wa-callback-profiles-using-dynamic-variables>
//!
//! - Callback profiles send a query, a form or JSON; the customer chooses the names of the
//!   parameters. Usual names are read here; for others there is the `http` provider.
//! - A message has no id. It is known again by everything it says, including its time.
//! - What came by WhatsApp has `created_at` (Unix seconds) and a `type`; a failed message of ours
//!   has the status `0` there.
//! - Numbers have no `+`.
//! - Callback profiles may use Basic credentials or sign with HMAC.
//!
//! Unconfirmed: everything about SMS but that there are dynamic variables, the header and the
//! encoding of the HMAC (the account says which), and whether requests are repeated. Encrypted
//! callbacks are not understood.

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, DeliveryError, DeliveryStatus,
    Event, Field, Handshake, Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample,
    Sender, Verified, digits,
    event::Report,
    json::{self, Json},
    verify::{ChosenHmac, Endpoint},
};

/// Kaleyra.
pub const ADAPTER: Adapter = Adapter {
    provider: "kaleyra",
    aliases: &[],
    title: "Kaleyra SMS and WhatsApp",
    receives: "SMS, WhatsApp texts and media, statuses",
    medium: Medium::Sms,
    account: &[
        Field::TOKEN,
        Field::USERNAME,
        Field::PASSWORD,
        Field {
            name: "hmac_secret",
            secret: true,
            required: false,
            help: "the secret of the callback profile, if it signs with HMAC",
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
            help: "the hash under the HMAC; SHA-256 without it",
        },
    ],
    verifier: &ChosenHmac {
        secret: "hmac_secret",
        header: "hmac_header",
        usual_header: None,
        hash: "hmac_algorithm",
        endpoint: Endpoint::USUAL,
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

const SENDERS: &[&str] = &["from", "sender"];
const TEXTS: &[&str] = &["body", "message", "text"];

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = json::parameters(request)?;
    let body = Json::from(&body);
    let event = if let Some(word) = body.text("status") {
        status(&word, body)
    } else if body.at("type").value().is_some() && body.at("created_at").value().is_some() {
        whatsapp(body)
    } else if body.first_text(SENDERS).is_some() || body.first_text(TEXTS).is_some() {
        Event::Message(message(body))
    } else {
        Event::Message(Message { metadata: body.kept(), ..Message::other("") })
    };
    Ok(vec![event].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.query(&[
        ("id", sample.id),
        ("sender", digits(sample.sender())),
        ("receiver", digits(sample.address)),
        ("message", sample.text),
        ("received_time", &sample.now.to_string()),
    ])
}

fn address(body: Json<'_>, names: &[&str]) -> Option<Address> {
    Address::international(&body.first_text(names)?)
}

fn message(body: Json<'_>) -> Message {
    let times = ["received_time", "received_at", "created_at", "timestamp"];
    Message {
        kind: Kind::Message,
        id: body.first_text(&["id", "message_id"]),
        sender: address(body, SENDERS).map(Into::into),
        recipient: address(body, &["receiver", "to", "inboundnumber"]).map(Into::into),
        sent_at: times.iter().find_map(|name| body.time(name)),
        text: body.first_text(TEXTS),
        metadata: body.pick(&["keyword"]),
        ..Message::default()
    }
}

fn whatsapp(body: Json<'_>) -> Event {
    let said = ["created_at", "type", "from", "body", "media_url"];
    let said = said.map(|name| body.text(name).unwrap_or_default());
    let name = body.text("name");
    let sender = address(body, SENDERS).map(|address| Sender { name, ..Sender::from(address) });
    let message = message(body);
    let key = message.id.is_none().then(|| format!("message:{}", said.join("\n")));
    let mut message = Message { sender, medium: Some(Medium::Whatsapp), key, ..message };
    let word = body.text("type").unwrap_or_default();
    let kind = match word.as_str() {
        "text" => None,
        "image" => Some(AttachmentKind::Image),
        "video" => Some(AttachmentKind::Video),
        "audio" => Some(AttachmentKind::Audio),
        "voice" => Some(AttachmentKind::Voice),
        "document" => Some(AttachmentKind::File),
        "sticker" => Some(AttachmentKind::Sticker),
        _ => {
            message.kind = Kind::Other;
            message.provider_type = crate::event::text(word);
            message.metadata = body.kept();
            None
        }
    };
    let url = body.text("media_url");
    if let Some(kind) = kind.or_else(|| url.as_deref().map(AttachmentKind::from_url)) {
        message.attachments.push(Attachment { url, ..Attachment::new(kind) });
    }
    Event::Message(message)
}

fn status(word: &str, body: Json<'_>) -> Event {
    let meaning = meaning(word);
    let is_failure = matches!(
        meaning,
        Some(
            DeliveryStatus::Undelivered
                | DeliveryStatus::Failed
                | DeliveryStatus::Rejected
                | DeliveryStatus::Expired
        )
    );
    let times = ["delivered_at", "done_at", "created_at", "timestamp"];
    let report = Report {
        id: body.first_text(&["message_id", "id"]),
        at: times.iter().find_map(|name| body.time(name)),
        recipient: address(body, &["mobile", "to"]),
        sender: address(body, SENDERS),
        error: is_failure.then(|| DeliveryError { code: Some(word.to_owned()), text: None }),
        medium: None,
    };
    report.event(word, meaning)
}

fn meaning(word: &str) -> Option<DeliveryStatus> {
    let word = word.to_ascii_uppercase();
    Some(match word.as_str() {
        "0" | "FAILED" => DeliveryStatus::Failed,
        "SENT" | "AWAITED-DLR" | "SUBMITTED" => DeliveryStatus::Sent,
        "DELIVRD" | "DELIVERED" => DeliveryStatus::Delivered,
        "READ" => DeliveryStatus::Read,
        "UNDELIV" | "UNDELIVERED" => DeliveryStatus::Undelivered,
        "EXPIRED" => DeliveryStatus::Expired,
        "REJECTD" | "REJECTED" => DeliveryStatus::Rejected,
        "INVALID-NUM" | "INV-NUMBER" => DeliveryStatus::Failed,
        // Names of what went wrong: the list is long and grows.
        word if word.starts_with("DND") || word.starts_with("OPTOUT") => DeliveryStatus::Rejected,
        word if is_reason(word) => DeliveryStatus::Undelivered,
        _ => return None,
    })
}

/// Whether a word is one of the reasons for a failure, such as `SENDER-ID-NOT-FOUND`.
fn is_reason(word: &str) -> bool {
    word.contains('-')
        || ["BLACKLIST", "SPAM", "BLOCKED", "TEMPLATE"].iter().any(|it| word.contains(it))
}
