//! RCS for Business (Google RBM).
//!
//! Wire format:
//! <https://developers.google.com/business-communications/rcs-business-messaging/guides/integrate/webhooks>,
//! <https://developers.google.com/business-communications/rcs-business-messaging/reference/rest>
//!
//! - The message or event lies in an envelope as base64. The signature covers what lies there.
//! - Set-up posts a token and a secret; who knows the token is told the secret, as plain text.
//! - One address may serve all agents of a partner: `agentId` tells them apart.
//! - A request that does not get 200 comes again for seven days and holds up the partner's other
//!   agents meanwhile: we always answer 200.
//! - Addresses of files are public and expire.
//!
//! Unconfirmed: whether `agentId` is always there; the envelope's attributes stand in.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, DeliveryStatus, Event, Field,
    Handshake, Kind, Malformed, Medium, Message, Parsed, Recorded, Refusal, Request, Sample,
    Verified,
    event::Report,
    json::{self as read, Json},
    verify::GoogleRbm,
};

/// RCS for Business.
pub const ADAPTER: Adapter = Adapter {
    provider: "google-rbm",
    aliases: &["rcs", "rbm"],
    title: "RCS for Business (Google)",
    receives: "RCS messages, files, locations, suggestions, statuses, opt-outs",
    medium: Medium::Rcs,
    account: &[Field {
        name: CLIENT_TOKEN,
        secret: true,
        required: true,
        help: "the clientToken shown where the webhook is configured in the developer console",
    }],
    verifier: &GoogleRbm { secret: CLIENT_TOKEN },
    handshake: Handshake::Answer(handshake),
    parse,
    acknowledge,
    sample,
};

const CLIENT_TOKEN: &str = "client_token";

/// What is sent back to whoever knows the token must be short.
const MAX_SECRET_BYTES: usize = 256;

fn handshake(request: &Request, account: &Account) -> Option<Result<Answer, Refusal>> {
    // The check is small; what is large is not read twice.
    if request.body.len() > MAX_SECRET_BYTES * 4 {
        return None;
    }
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    let token = body.get("clientToken")?.as_str()?;
    let secret = body.get("secret")?.as_str()?;
    let known = account.secrets(CLIENT_TOKEN).iter().fold(false, |known, ours| {
        known | bool::from(ours.expose().as_bytes().ct_eq(token.as_bytes()))
    });
    // Whatever else this is, it is judged like every other request.
    let harmless = secret.len() <= MAX_SECRET_BYTES && !secret.chars().any(char::is_control);
    (known && harmless).then(|| Ok(Answer::with_body(200, "text/plain", secret.to_owned())))
}

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    let envelope = Json::from(&body).at("message");
    let data = envelope.text("data").and_then(|data| BASE64.decode(data).ok());
    let data = data.ok_or_else(|| Malformed("the envelope holds no base64".to_owned()))?;
    let data = read::object_in(&data)?;
    let data = Json::from(&data);
    let agent = data.text("agentId").or_else(|| envelope.at("attributes").text("business_id"));
    let ours = agent.map(Address::user);
    if data.at("eventType").value().is_some() {
        return Ok(vec![event(data, ours)].into());
    }
    let sent_at = data.time("sendTime").or_else(|| envelope.time("publishTime"));
    let mut message = Message {
        kind: Kind::Message,
        id: data.text("messageId"),
        sender: person(data).map(Into::into),
        recipient: ours.map(Into::into),
        sent_at,
        text: data.text("text"),
        attachments: file(data.at("userFile")).into_iter().chain(place(data)).collect(),
        ..Message::default()
    };
    let suggestion = data.at("suggestionResponse");
    message.text = message.text.or_else(|| suggestion.text("text"));
    message.payload = suggestion.text("postbackData");
    if message.text.is_none() && message.attachments.is_empty() && message.payload.is_none() {
        message.kind = Kind::Other;
        message.key = envelope.text("messageId").map(|id| format!("envelope:{id}"));
        message.metadata = data.kept();
    } else if message.text.is_none() && message.attachments.is_empty() {
        message.kind = Kind::Postback;
    }
    Ok(vec![Event::Message(message)].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let message = json!({
        "senderPhoneNumber": sample.sender(),
        "messageId": sample.id,
        "agentId": sample.address,
        "sendTime": sample.now.to_string(),
        "text": sample.text,
    });
    sample.json(&json!({
        "message": {
            "data": BASE64.encode(message.to_string()),
            "messageId": "1",
            "publishTime": sample.now.to_string(),
        },
        "subscription": "projects/fictional/subscriptions/fictional",
    }))
}

fn person(data: Json<'_>) -> Option<Address> {
    Address::telephone(&data.first_text(&["senderPhoneNumber", "phoneNumber"])?, None)
}

/// What became of a message of ours, or what the person does.
fn event(data: Json<'_>, ours: Option<Address>) -> Event {
    let word = data.text("eventType").unwrap_or_default();
    let meaning = match word.as_str() {
        "DELIVERED" => Some(DeliveryStatus::Delivered),
        "READ" => Some(DeliveryStatus::Read),
        "TTL_EXPIRATION_REVOKED" => Some(DeliveryStatus::Expired),
        _ => None,
    };
    let kind = match word.as_str() {
        "IS_TYPING" => Kind::Typing,
        "SUBSCRIBE" => Kind::OptIn,
        "UNSUBSCRIBE" => Kind::OptOut,
        _ => {
            let report = Report {
                id: data.text("messageId"),
                at: data.time("sendTime"),
                recipient: person(data),
                sender: ours,
                ..Report::default()
            };
            return report.event(&word, meaning);
        }
    };
    Event::Message(Message {
        kind,
        id: data.text("eventId"),
        sender: person(data).map(Into::into),
        recipient: ours.map(Into::into),
        sent_at: data.time("sendTime"),
        ..Message::default()
    })
}

fn file(file: Json<'_>) -> Option<Attachment> {
    let payload = file.at("payload");
    let content_type = payload.text("mimeType");
    let kind = content_type.as_deref().map(AttachmentKind::from_content_type);
    Some(Attachment {
        url: Some(payload.text("fileUri")?),
        content_type,
        filename: payload.text("fileName"),
        metadata: payload.pick(&["fileSizeBytes"]),
        ..Attachment::new(kind.unwrap_or(AttachmentKind::File))
    })
}

fn place(data: Json<'_>) -> Option<Attachment> {
    let location = data.at("location");
    location.value()?;
    Some(Attachment {
        latitude: location.number("latitude"),
        longitude: location.number("longitude"),
        ..Attachment::new(AttachmentKind::Location)
    })
}
