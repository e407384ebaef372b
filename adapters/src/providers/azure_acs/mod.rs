//! Azure Communication Services, SMS and advanced messages, by way of Event Grid.
//!
//! Wire format:
//! <https://learn.microsoft.com/azure/event-grid/communication-services-telephony-sms-events>,
//! <https://learn.microsoft.com/azure/event-grid/communication-services-advanced-messaging-events>,
//! <https://learn.microsoft.com/azure/event-grid/webhook-event-delivery>
//!
//! - Two schemas: Event Grid's is a list (up to 5000 with batching); CloudEvents is an object, or a
//!   list. They name the same things differently.
//! - Two set-up checks: Event Grid's is an event whose code comes back in the body of a 200 (not 202);
//!   CloudEvents' is an OPTIONS request, allowed in headers. Either must show the secret.
//! - Numbers of inbound messages come without `+`, as documented; reports have it on one side.
//! - A report says only Delivered or Failed; why is a sentence. `tag` may be written `Tag`.
//! - Success is 200 to 204 within 30 seconds. After 400 or 413 an event is not sent again; after
//!   anything else for a day, in any order, and sometimes after a late success as well.
//!
//! Unconfirmed: the CloudEvents check's headers beyond the origin, and whether its OPTIONS request can
//! carry an Entra token (none is asked for).

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, DeliveryError, DeliveryStatus,
    Event, Field, Handshake, Kind, Malformed, Medium, Message, Method, Parsed, Recorded, Refusal,
    Request, Sample, Unverified, Verified,
    event::Report,
    json::{self as read, Json},
    verify::EventGrid,
};

/// Azure.
pub const ADAPTER: Adapter = Adapter {
    provider: "azure-acs",
    aliases: &["azure", "acs", "azure-communication-services"],
    title: "Azure Communication Services",
    receives: "SMS messages, delivery reports; WhatsApp messages and statuses",
    medium: Medium::Sms,
    account: &[
        Field {
            name: "secret",
            secret: true,
            required: false,
            help: "random letters and digits, which end the subscription's address as `?code=…`, or \
                   which a delivery property sends as a header",
        },
        Field {
            name: "secret_parameter",
            secret: false,
            required: false,
            help: "the parameter that carries the secret, if it is not `code`",
        },
        Field {
            name: "secret_header",
            secret: false,
            required: false,
            help: "the header that carries the secret instead: a delivery property, marked secret",
        },
        Field {
            name: "tenant_id",
            secret: false,
            required: false,
            help: "the Entra tenant, where deliveries are made with Microsoft Entra ID",
        },
        Field {
            name: "app_id",
            secret: false,
            required: false,
            help: "the Entra application (id or URI) that the subscription names",
        },
        Field {
            name: "topic",
            secret: false,
            required: false,
            help: "the resource's id (/subscriptions/…): events of another one are refused",
        },
        Field {
            name: "jwks",
            secret: false,
            required: false,
            help: "a key set that is used instead of fetching the tenant's",
        },
        Field {
            name: "private_key",
            secret: true,
            required: false,
            help: "only for trying a channel with app_id: an RSA key made for that, PKCS #8 in PEM",
        },
    ],
    verifier: &PROOF,
    handshake: Handshake::Answer(handshake),
    parse,
    acknowledge,
    sample,
};

const PROOF: EventGrid = EventGrid {
    secret: "secret",
    parameter: "secret_parameter",
    header: "secret_header",
    tenant: "tenant_id",
    app_id: "app_id",
    topic: "topic",
    role: "AzureEventGridSecureWebhookSubscriber",
};

/// What is sent back to whoever knows the secret must be short and harmless.
const MAX_CODE_BYTES: usize = 256;

/// Event Grid asks by OPTIONS whether it may send CloudEvents.
fn handshake(request: &Request<Unverified>, account: &Account) -> Option<Result<Answer, Refusal>> {
    if request.method != Method::Options {
        return None;
    }
    let origin = request.header("webhook-request-origin").unwrap_or_default();
    let is_ours = origin == "eventgrid.azure.net" || origin.ends_with(".eventgrid.azure.net");
    if !is_ours {
        return Some(Err(Refusal::Malformed("WebHook-Request-Origin must be Event Grid's")));
    }
    let has_secret = !account.secrets(PROOF.secret).is_empty();
    if (has_secret || account.get(PROOF.app_id).is_none())
        && let Err(refusal) = PROOF.verify_secret(request, account)
    {
        return Some(Err(refusal));
    }
    let answer = Answer::empty(200).with_header("WebHook-Allowed-Origin", origin.to_owned());
    Some(Ok(match request.header("webhook-request-rate") {
        Some(rate) if rate.bytes().all(|byte| byte.is_ascii_digit()) => {
            answer.with_header("WebHook-Allowed-Rate", rate.to_owned())
        }
        Some(_) | None => answer,
    }))
}

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let items = read::items(request)?;
    let mut parsed = Parsed::default();
    for item in &items {
        let item = Json::from(item);
        let word = item.first_text(&["eventType", "type"]).unwrap_or_default();
        if word == "Microsoft.EventGrid.SubscriptionValidationEvent" {
            parsed.answer = parsed.answer.or_else(|| validated(item.at("data")));
        }
        parsed.events.push(match word.strip_prefix("Microsoft.Communication.") {
            Some("SMSReceived") => sms(item),
            Some("SMSDeliveryReportReceived") => report(item),
            Some("AdvancedMessageReceived") => advanced(item),
            Some("AdvancedMessageDeliveryStatusUpdated") => advanced_status(item),
            Some(_) | None => other(item, &word),
        });
    }
    Ok(parsed)
}

fn acknowledge(recorded: Recorded<'_>) -> Answer {
    recorded.wanted().unwrap_or_else(|| Answer::empty(200))
}

fn sample(sample: &Sample<'_>) -> Request {
    let id = format!("Incoming_{}", sample.id);
    let digits = |number: &str| number.trim_start_matches('+').to_owned();
    sample.json(&json!([{
        "id": id,
        "topic": sample.account.get(PROOF.topic),
        "subject": format!("/phonenumber/{}", digits(sample.address)),
        "eventType": "Microsoft.Communication.SMSReceived",
        "eventTime": sample.now.to_string(),
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "data": {
            "messageId": id,
            "from": digits(sample.from.unwrap_or("+15550100002")),
            "to": digits(sample.address),
            "message": sample.text,
            "receivedTimestamp": sample.now.to_string(),
            "segmentCount": 1,
        },
    }]))
}

fn validated(data: Json<'_>) -> Option<Answer> {
    let code = data.text("validationCode")?;
    let harmless = code.len() <= MAX_CODE_BYTES && !code.contains(char::is_control);
    let body = json!({"validationResponse": code}).to_string();
    harmless.then(|| Answer::with_body(200, "application/json", body))
}

/// When the event was made: `eventTime` or, in CloudEvents, `time`.
fn time(item: Json<'_>) -> Option<crate::Timestamp> {
    item.time("eventTime").or_else(|| item.time("time"))
}

fn sms(item: Json<'_>) -> Event {
    let data = item.at("data");
    Event::Message(Message {
        kind: Kind::Message,
        id: data.text("messageId").or_else(|| item.text("id")),
        sender: number(data, "from").map(Into::into),
        recipient: number(data, "to").map(Into::into),
        sent_at: data.time("receivedTimestamp").or_else(|| time(item)),
        text: data.text("message"),
        ..Message::default()
    })
}

fn report(item: Json<'_>) -> Event {
    let data = item.at("data");
    let word = data.text("deliveryStatus").unwrap_or_default();
    let meaning = match word.to_ascii_lowercase().as_str() {
        "delivered" => Some(DeliveryStatus::Delivered),
        "failed" => Some(DeliveryStatus::Failed),
        _ => None,
    };
    let why = data.text("deliveryStatusDetails");
    Report {
        id: data.text("messageId"),
        at: data.time("receivedTimestamp").or_else(|| time(item)),
        recipient: number(data, "to"),
        sender: number(data, "from"),
        error: DeliveryError::of(None, why).filter(|_| meaning == Some(DeliveryStatus::Failed)),
        medium: None,
    }
    .event(&word, meaning)
}

/// A message of WhatsApp, the one channel of advanced messages. Ours is a channel id there.
fn advanced(item: Json<'_>) -> Event {
    let data = item.at("data");
    let interactive = data.at("interactive");
    let reply = ["buttonReply", "listReply"].map(|kind| interactive.at(kind));
    let reply = reply.into_iter().find(|reply| reply.value().is_some());
    let button = data.at("button");
    let pressed = reply.and_then(|reply| reply.text("title")).or_else(|| button.text("text"));
    let media = data.at("media");
    let attachment = media.value().map(|_| {
        let content_type = media.text("mimeType");
        let kind = match content_type.as_deref() {
            Some(_) if data.at("messageType").str() == Some("sticker") => AttachmentKind::Sticker,
            Some(content_type) => AttachmentKind::from_content_type(content_type),
            None => AttachmentKind::File,
        };
        Attachment {
            reference: media.text("id"),
            filename: media.text("fileName"),
            content_type,
            ..Attachment::new(kind)
        }
    });
    let reaction = data.at("reaction");
    let said = data.text("content").or_else(|| media.text("caption")).or(pressed);
    let mut message = Message {
        kind: Kind::Message,
        id: data.text("messageId").or_else(|| item.text("id")),
        sender: data.text("from").map(|from| whatsapp(&from).into()),
        recipient: data.text("to").map(|to| Address::user(to).into()),
        sent_at: data.time("receivedTimestamp").or_else(|| time(item)),
        text: said,
        reply_to: data.at("context").text("id"),
        attachments: attachment.into_iter().collect(),
        payload: reply.and_then(|reply| reply.text("id")).or_else(|| button.text("payload")),
        medium: Some(Medium::Whatsapp),
        ..Message::default()
    };
    if reaction.value().is_some() {
        message.kind = Kind::Reaction;
        message.target = reaction.text("messageId");
        message.emoji = reaction.text("emoji");
    }
    Event::Message(message)
}

fn advanced_status(item: Json<'_>) -> Event {
    let data = item.at("data");
    let word = data.text("status").unwrap_or_default();
    let meaning = match word.to_ascii_lowercase().as_str() {
        "sent" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "read" => Some(DeliveryStatus::Read),
        "failed" => Some(DeliveryStatus::Failed),
        _ => None,
    };
    let error = data.at("error");
    Report {
        id: data.text("messageId"),
        at: data.time("receivedTimestamp").or_else(|| time(item)),
        recipient: data.text("to").map(|to| whatsapp(&to)),
        sender: data.text("from").map(Address::user),
        error: DeliveryError::of(error.text("channelCode"), error.text("channelMessage")),
        medium: Some(Medium::Whatsapp),
    }
    .event(&word, meaning)
}

fn other(item: Json<'_>, word: &str) -> Event {
    Event::Message(Message {
        key: item.text("id").map(|id| format!("event:{id}")),
        sent_at: time(item),
        metadata: item.at("data").kept(),
        ..Message::other(if word.is_empty() { "event" } else { word })
    })
}

/// A number with or without its `+`, a short code or a name.
fn number(data: Json<'_>, name: &str) -> Option<Address> {
    let number = data.text(name)?;
    let is_digits = number.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits { Address::international(&number) } else { Address::telephone(&number, None) }
}

/// The person at WhatsApp: a number, else an id.
fn whatsapp(id: &str) -> Address {
    let is_digits = id.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_digits { Address::international(id) } else { Address::telephone(id, None) };
    number.unwrap_or_else(|| Address::user(id))
}
