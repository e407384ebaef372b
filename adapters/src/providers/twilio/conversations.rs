//! Twilio Conversations: webhooks of the classic API.
//!
//! Wire format: <https://www.twilio.com/docs/conversations/conversations-webhooks>
//!
//! - One form (or GET) an event; `EventType` says which. Signed like Twilio's messaging.
//! - `onMessageAdd` and the like come before something happens and may change it: an empty answer
//!   changes nothing. What has happened ends in `ed`.
//! - Who speaks is `Author`: a number, `whatsapp:` and a number, or an identity of the chat service.
//!   `Source` is `API` for what our own side says through Twilio, and `SDK` for whoever uses the
//!   service's client, so the account names the identities that are ours.
//! - Nothing is repeated after five seconds unless the address asks for it.
//! - Event Streams sends lists of JSON instead, which do not tell what our own side has said: they
//!   are recorded as something else, not as messages.

use serde_json::Value;

use super::addresses::{self, Parties};
use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, DeliveryError, DeliveryStatus,
    Event, Field, Handshake, Kind, Malformed, Medium, Message, Method, Parsed, Recorded, Request,
    Sample, Verified,
    event::Report,
    json::{self as read, Json},
    verify::UrlAndForm,
};

/// Twilio Conversations.
pub const ADAPTER: Adapter = Adapter {
    provider: "twilio-conversations",
    aliases: &[],
    title: "Twilio Conversations",
    receives: "messages, media, edits, deletions, delivery statuses, conversation events",
    medium: Medium::Chat,
    account: &[
        Field {
            name: "auth_token",
            secret: true,
            required: true,
            help: "the primary Auth Token, under Account Info in the Twilio console",
        },
        Field {
            name: "account_sid",
            secret: false,
            required: false,
            help: "the Account SID (AC…), under Account Info in the Twilio console",
        },
        Field {
            name: "identities",
            secret: false,
            required: false,
            help: "the identities under which our own side speaks, with commas between them",
        },
    ],
    verifier: &UrlAndForm { header: "x-twilio-signature", secret: "auth_token" },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, account: &Account) -> Result<Parsed, Malformed> {
    let is_form = request.method == Method::Get || request.is_form();
    let items = if is_form { vec![read::parameters(request)?] } else { read::items(request)? };
    let events: Vec<_> = items.iter().map(|item| happened(Json::from(item), account)).collect();
    Ok(events.into())
}

fn happened(event: Json<'_>, account: &Account) -> Event {
    let word = event.first_text(&["EventType", "type"]).unwrap_or_default();
    let id = event.text("MessageSid");
    let kind = match (word.as_str(), &id) {
        ("onMessageAdded", Some(_)) => Kind::Message,
        ("onMessageUpdated", Some(_)) => Kind::MessageEdited,
        ("onMessageRemoved", Some(_)) => Kind::MessageDeleted,
        ("onDeliveryUpdated", Some(_)) => return delivery(event),
        _ => Kind::Other,
    };
    let mut message = said(event, account);
    message.kind = kind;
    if kind != Kind::Message {
        let when = event.first_text(&["DateUpdated", "DateCreated"]).unwrap_or_default();
        let what = id.or_else(|| event.first_text(&["ParticipantSid", "ConversationSid", "id"]));
        message.key = what.as_ref().map(|id| format!("{word}:{id}:{when}"));
        if kind == Kind::Other {
            message.provider_type = crate::event::text(word);
            message.metadata = event.kept();
        } else {
            message.target = what;
            message.sent_at = event.time("DateUpdated").or(message.sent_at);
        }
    }
    if kind == Kind::MessageDeleted {
        message.text = None;
        message.attachments.clear();
    }
    Event::Message(message)
}

/// Also changes nothing about what is yet to happen.
fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let sid = format!("IM{}", sample.id);
    let now = sample.now.to_string();
    sample.form(&[
        ("EventType", "onMessageAdded"),
        ("AccountSid", sample.account.get("account_sid").unwrap_or_default()),
        ("ChatServiceSid", sample.address),
        ("ConversationSid", "CH00000000000000000000000000000001"),
        ("MessageSid", &sid),
        ("Author", sample.sender()),
        ("Body", sample.text),
        ("Attributes", "{}"),
        ("Source", "SMS"),
        ("DateCreated", &now),
    ])
}

/// Who says what to whom.
fn said(event: Json<'_>, account: &Account) -> Message {
    let author = event.text("Author");
    let (sender, medium) = author.as_deref().map_or((None, None), |author| speaker(author, event));
    let identities = account.get("identities").unwrap_or_default();
    let is_ours = |author: &str| identities.split(',').any(|ours| ours.trim() == author);
    Message {
        id: event.text("MessageSid"),
        from_business: event.at("Source").str() == Some("API")
            || author.as_deref().is_some_and(is_ours),
        sender: sender.map(Into::into),
        recipient: ours(event).map(Into::into),
        conversation: event.text("ConversationSid"),
        sent_at: event.time("DateCreated"),
        text: event.text("Body"),
        attachments: media(event),
        medium,
        metadata: event.pick(&["Source", "Index", "Attributes"]),
        ..Message::default()
    }
}

/// A number is a person's on some network; anything else is an identity of the chat service.
fn speaker(author: &str, event: Json<'_>) -> (Option<Address>, Option<Medium>) {
    let is_on_network = author.starts_with('+') || author.contains(':');
    if !is_on_network {
        let scope = event.text("ChatServiceSid");
        return (Some(Address { scope, ..Address::user(author) }), None);
    }
    let Parties { person, medium, .. } = addresses::parties(Some(author), None, None);
    (person, medium.or(Some(Medium::Sms)))
}

/// The number people write to, where the event tells, else the service.
fn ours(event: Json<'_>) -> Option<Address> {
    let proxy = event.first_text(&["MessagingBinding.ProxyAddress", "ProxyAddress"]);
    let proxy = proxy.and_then(|proxy| addresses::address(&proxy, None));
    proxy
        .or_else(|| event.first_text(&["ChatServiceSid", "MessagingServiceSid"]).map(Address::user))
}

/// The media are listed as JSON within the form.
fn media(event: Json<'_>) -> Vec<Attachment> {
    let list = event.text("Media").unwrap_or_default();
    let list: Value = serde_json::from_str(&list).unwrap_or_default();
    let attachment = |media: Json<'_>| {
        let content_type = media.text("ContentType");
        let kind = content_type.as_deref().map(AttachmentKind::from_content_type);
        Some(Attachment {
            reference: Some(media.first_text(&["Sid", "MediaSid"])?),
            content_type,
            filename: media.text("Filename"),
            metadata: media.pick(&["Size"]),
            ..Attachment::new(kind.unwrap_or(AttachmentKind::File))
        })
    };
    Json::from(&list).items().filter_map(attachment).collect()
}

fn delivery(event: Json<'_>) -> Event {
    let word = event.text("Status").unwrap_or_default();
    let meaning = match word.as_str() {
        "queued" | "accepted" => Some(DeliveryStatus::Queued),
        "sent" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "undelivered" => Some(DeliveryStatus::Undelivered),
        "failed" => Some(DeliveryStatus::Failed),
        "read" => Some(DeliveryStatus::Read),
        _ => None,
    };
    // A message to several participants is delivered to each of them.
    let receiver = event.first_text(&["ParticipantSid", "DeliveryReceiptSid"]).map(Address::user);
    let report = Report {
        id: event.text("MessageSid"),
        at: event.time("DateUpdated").or_else(|| event.time("DateCreated")),
        recipient: receiver,
        sender: ours(event),
        error: DeliveryError::of(event.text("ErrorCode").filter(|code| code != "0"), None),
        medium: None,
    };
    report.event(&word, meaning)
}
